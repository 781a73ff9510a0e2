"""What one point does to a line: leverage, limits, quantiles, and noise that a model predicts as well."""
