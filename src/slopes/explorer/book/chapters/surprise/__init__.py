"""Surprise: what a probability costs once the truth is known."""
