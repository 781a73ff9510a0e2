"""Losses of rows of logits that exist: softmax, cross-entropy and their relatives."""
