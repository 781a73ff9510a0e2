"""One positive in a line-up of negatives: what InfoNCE pulls, and whom it pushes away."""
