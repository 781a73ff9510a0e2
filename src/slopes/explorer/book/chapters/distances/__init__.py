"""Distances: squares, absolutes and what lies between, by what they charge, how they pull and where they rest."""
