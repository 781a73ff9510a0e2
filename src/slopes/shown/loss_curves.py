"""What each loss is drawn over, how far, and its lines: of all families together."""

from __future__ import annotations

from typing import Final

from slopes.shown.lines import first, robust
from slopes.shown.lines.kinds import Lines, Options

__all__ = ["LOSSES", "REACH", "Options"]

_FAMILIES: Final = (first, robust)

# What each loss is drawn over, and its lines, by label.
LOSSES: Final[Lines] = {name: lines for family in _FAMILIES for name, lines in family.LOSSES.items()}
# How far the axis of a loss reaches on both sides, where that is not 6.
REACH: Final[dict[str, float]] = {name: reach for family in _FAMILIES for name, reach in family.REACH.items()}
