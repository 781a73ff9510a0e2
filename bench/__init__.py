"""Measurements behind the claims of the documentation: accuracy and speed, against named peers."""
