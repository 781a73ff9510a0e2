"""The losses of a residual, value and slope, and what they make of three houses with one bad price."""
