"""Signal and gradient through up to a hundred layers, by activation and initialisation, before any training."""
