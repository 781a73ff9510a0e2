"""The book: running text with the figures in it, questions that the library answers, derivations step by step."""
