"""Losses of lists whose order counts."""
