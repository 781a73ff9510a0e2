"""Gated units: what the gate does, what the value does, and what three matrices cost."""
