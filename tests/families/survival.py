"""Losses of times to an event, of which some are censored."""
