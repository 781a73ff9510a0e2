"""The former place of `slopes.recipes.choosing`: a module and a function of one name hide each other."""

from slopes.recipes.choosing import Choice, choose

__all__ = ["Choice", "choose"]
