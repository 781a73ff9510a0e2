"""Negative log-likelihoods of a number: location, scale and shape as the network gives them."""
