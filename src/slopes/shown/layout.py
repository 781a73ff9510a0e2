"""Where things go in a chart: the ends of an axis, and labels that do not cover each other."""

from __future__ import annotations

import math
from typing import Final

_ROOM: Final = 0.095  # of an axis' height that a label needs to itself, where a chart is as low as it gets


def axis(values: list[float | None]) -> tuple[float, float]:
    """Return the ends of an axis that shows these values and 0, with a little air."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    low, high = min([0.0, *known]), max([0.0, *known])
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def spread(heights: list[float], low: float, high: float) -> list[float]:
    """Return heights of labels, moved apart until none covers another, in the order of the lines."""
    room = _ROOM * (high - low)
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = [min(max(heights[i], low), high) for i in order]
    for _ in range(60):
        for i in range(1, len(placed)):
            overlap = room - (placed[i] - placed[i - 1])
            if overlap > 0:
                placed[i - 1] -= overlap / 2
                placed[i] += overlap / 2
        if placed:
            placed[-1] = min(placed[-1], high)
            placed[0] = max(placed[0], low)
    result = list(heights)
    for place, i in zip(placed, order, strict=True):
        result[i] = place
    return result
