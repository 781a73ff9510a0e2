"""Sums over every alignment of two sequences, frame by frame, in memory that does not grow with the lattice."""
