"""Tokens: what each position is asked for, which of them count, and what a perplexity is the mean of."""
