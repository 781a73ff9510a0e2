"""The numbers of a line that is drawn, with a gap wherever it jumps."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from slopes.shown.breaks import Break
from slopes.shown.curve import Series, grid

POINTS: Final = 241


@lru_cache(maxsize=256)
def columns(series: Series, low: float, high: float, breaks: tuple[Break, ...]) -> dict[str, list[float | None]]:
    """Return x, value and slope of a line over [low, high], with a gap wherever a quantity jumps; not to be changed."""
    at = [found.at for found in breaks]
    x = grid(low, high, POINTS, at)
    values, slopes = series.evaluate(x)
    gaps = {found.at: found.quantity for found in breaks}
    value: list[float | None] = values.tolist()
    slope: list[float | None] = slopes.tolist()
    for i, point in enumerate(x.tolist()):
        if point in gaps:
            slope[i] = None
            value[i] = None if gaps[point] == "value" else value[i]
    return {"x": x.tolist(), "value": value, "slope": slope}


def joined(columns: Iterable[list[float | None]]) -> npt.NDArray[np.float64]:
    """Return columns of lines as one; what jumps there is not a number."""
    return np.concatenate([np.zeros(0), *(np.array(column, dtype=np.float64) for column in columns)])


def at_point(series: Series, x: float) -> tuple[float, float]:
    """Return value and slope of a line at one point."""
    value, slope = series.evaluate(torch.tensor([x], dtype=torch.float64))
    return value.item(), slope.item()


def thinned(low: float, high: float, points: int) -> list[float]:
    """Return at most `points` of the even grid that lines over [low, high] are drawn on."""
    every = grid(low, high, POINTS, []).tolist()
    return every[:: max(1, -(-(POINTS - 1) // (points - 1)))]
