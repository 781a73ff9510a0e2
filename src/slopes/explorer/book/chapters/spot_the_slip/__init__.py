"""Spot the slip: eight of sixty-three worked figures do not hold, and how one finds that out."""
