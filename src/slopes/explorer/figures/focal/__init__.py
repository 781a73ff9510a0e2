"""Focal against cross-entropy: how much lighter easy examples become, and who then has the total."""
