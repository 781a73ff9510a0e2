"""Sentences and pictures of functions, for the terminal, for notebooks and for the explorer."""
