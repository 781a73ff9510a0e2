"""Why squares fail at probabilities: the slope that a saturated output swallows."""
