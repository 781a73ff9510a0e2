"""The two directions of the Kullback-Leibler divergence: over three outcomes, and fitted to two bumps."""
