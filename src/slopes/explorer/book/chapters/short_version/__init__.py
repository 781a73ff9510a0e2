"""Short version: every function in one sentence, and questions to recall them by."""
