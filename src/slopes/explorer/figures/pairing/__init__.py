"""Which output goes with which loss: the matched pair of each task, and what a mismatch does to the gradient."""
