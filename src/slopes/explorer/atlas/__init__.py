"""Every function at a glance: plates, cards and tables."""
