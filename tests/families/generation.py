"""Losses of models that generate: by noise and flow, by two players, by codes."""
