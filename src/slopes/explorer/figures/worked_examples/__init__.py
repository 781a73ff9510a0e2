"""Every figure that the literature notes work out: what they state, what it is exactly, and why the two differ."""
