"""A model of two parameters: its loss as a landscape under two losses, and an optimiser's path down each."""
