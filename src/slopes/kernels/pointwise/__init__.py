"""Losses and activations of each element: formulas, and the two executors that run them."""
