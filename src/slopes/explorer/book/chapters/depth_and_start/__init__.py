"""Depth, and how to start: what many layers do to a gradient, and what the first weights have to do with it."""
