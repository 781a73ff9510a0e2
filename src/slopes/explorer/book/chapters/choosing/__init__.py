"""Choosing: from the task to target, head, loss, decision and metric, by five set-ups that do not work."""
