"""Six embeddings in the plane, and what each of four losses does to them: who pulls, who pushes, who is at rest."""
