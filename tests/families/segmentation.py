"""Losses of masks, by overlap."""
