"""Losses between all items of a batch, without the matrix of all pairs."""
