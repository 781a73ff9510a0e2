"""One weight, its loss, and a step downhill."""
