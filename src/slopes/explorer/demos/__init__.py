"""The demonstrations: pure functions from declared parameters to data and text, one to a file."""
