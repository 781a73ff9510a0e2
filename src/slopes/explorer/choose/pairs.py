"""The decision page: from a task to what goes together for it, and why, and what goes wrong otherwise."""

from __future__ import annotations

from typing import Final

from slopes.explorer.choose import structured, usual
from slopes.explorer.choose.pair import Pair

__all__ = ["GROUPS", "Pair"]

GROUPS: Final[tuple[tuple[str, tuple[Pair, ...]], ...]] = (*usual.GROUPS, *structured.GROUPS)
