"""Preference: what a loss makes of "this one rather than that one"."""
