"""Two directions: what forward and reverse KL ask, and which of the two a training has."""
