"""The rare and the hard: weights, thresholds, focal and asymmetric losses, and whose gradient a batch is."""
