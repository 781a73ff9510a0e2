"""Candidates for a task, trained alike on somebody's data and compared: what is better, by how much, how surely."""
