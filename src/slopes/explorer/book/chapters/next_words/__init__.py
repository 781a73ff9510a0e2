"""Tokens: what counts in a language model's loss, and what its mean is taken over."""
