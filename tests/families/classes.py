"""Losses of classes beside cross-entropy: other margins, noisy labels, long tails."""
