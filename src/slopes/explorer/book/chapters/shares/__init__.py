"""Shares: how a softmax turns scores into shares of one, and what temperature does to them."""
