"""The chapters, one to a folder: `text.md`, and in `computed.py` what its numbers, questions and derivations are."""
