"""Losses of counts and of amounts that are often zero, over the logarithm of the rate."""
