"""Heads for more classes than a softmax can carry."""
