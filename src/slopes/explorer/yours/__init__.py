"""The visitor's own functions."""
