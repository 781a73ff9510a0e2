"""Losses of rows of logits that are never made: one engine, its sources, its Triton form."""
