"""What binary cross-entropy charges, over the probability and over the logit."""
