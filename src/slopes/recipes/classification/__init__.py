"""Recipes for classes: one of two, one of many, any number of labels."""
