"""Softer targets: where a smoothed loss comes to rest, and what a teacher at a temperature adds."""
