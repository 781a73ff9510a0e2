"""Softer targets: smoothed labels, a teacher's probabilities and mixed pictures, and what they do to confidence."""
