"""What each loss is drawn over, how far, and its lines: of all families together."""

from __future__ import annotations

from typing import Final

from slopes.shown.lines import (
    boxes,
    classes,
    counts,
    distributions,
    first,
    forecasts,
    generation,
    ordinal,
    ranking,
    robust,
    segmentation,
    sequence,
    survival,
)
from slopes.shown.lines.kinds import Lines, Options

__all__ = ["LOSSES", "REACH", "Options"]

_FAMILIES: Final = (
    first,
    robust,
    forecasts,
    distributions,
    counts,
    survival,
    classes,
    ordinal,
    ranking,
    segmentation,
    boxes,
    sequence,
    generation,
)

# What each loss is drawn over, and its lines, by label.
LOSSES: Final[Lines] = {name: lines for family in _FAMILIES for name, lines in family.LOSSES.items()}
# How far the axis of a loss reaches on both sides, where that is not 6.
REACH: Final[dict[str, float]] = {name: reach for family in _FAMILIES for name, reach in family.REACH.items()}
