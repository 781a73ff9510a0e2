"""Losses of one yes-or-no answer over the same logit, and which still pull on a sure mistake."""
