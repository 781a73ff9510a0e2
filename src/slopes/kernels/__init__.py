"""What must be fast or small. Kernels know formulas and blocks, and nothing of losses."""
