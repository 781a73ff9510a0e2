"""Every function at a glance: plates, cards, and the tour through the figures."""
