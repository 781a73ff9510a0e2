"""The visitor's own functions. `load` is here for the Python that the pages show; it comes without torch."""

from __future__ import annotations

from slopes.explorer.yours.reference import load

__all__ = ["load"]
