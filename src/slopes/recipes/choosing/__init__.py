"""From targets to a recipe, with the evidence in words."""
