"""Any activation with its slope, several at once, and what they are like, measured."""
