"""Recipes: for a task, what belongs together."""
