"""Losses of boxes, by overlap, and of what a detector says beside them."""
