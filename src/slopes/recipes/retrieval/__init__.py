"""The recipe for embeddings, and its metrics."""
