"""Recipes for next and masked tokens."""
