"""Flat ends: where activations let a gradient through, and where they stop it."""
