"""Likeness: pairs, triplets and line-ups, who is pushed and how much, and what more negatives buy."""
