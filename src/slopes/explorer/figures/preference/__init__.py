"""Losses on preferences over one margin: which push for ever, which stop, which pull back."""
