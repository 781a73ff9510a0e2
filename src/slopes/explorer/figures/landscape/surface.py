"""A loss over all weights and biases that are shown: as bands between contours, and its lowest point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes.explorer.figures.landscape.charts import ACROSS, BANDS, UP
from slopes.explorer.figures.landscape.model import Loss, Task
from slopes.explorer.figures.result import Columns

_ROWS: Final = 48
_COLUMNS: Final = 97
_ZOOMS: Final = 12


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A landscape: its bands as rectangles, between which heights, where it is lowest, and how high it is there."""

    bands: Columns
    low: float
    high: float
    lowest: tuple[float, float]
    least: float

    @property
    def band(self) -> float:
        """The height of one band, in the unit of the loss."""
        return (self.high - self.low) / BANDS


def surface(task: Task, place: int) -> Surface:
    """Return the landscape of one of a task's losses; equal ones are made once.

    Raises:
        UserFunctionError: It is the visitor's own, and raised.
    """
    return _surface(task.losses[place], _Data(task))


class _Data:
    """A task's data, alike where the data are."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._key = tuple(task.x.tolist()), tuple(task.y.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Data) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=64)
def _surface(loss: Loss, data: _Data) -> Surface:
    w = torch.linspace(-ACROSS, ACROSS, _COLUMNS, dtype=torch.float64)
    b = (torch.arange(_ROWS, dtype=torch.float64) + 0.5) * (2 * UP / _ROWS) - UP
    heights = _heights(loss, data.task, torch.cartesian_prod(b, w).flip(-1)).view(_ROWS, _COLUMNS)
    known = heights[heights.isfinite()]
    low, high = (known.min().item(), known.max().item()) if len(known) else (0.0, 0.0)
    place = _lowest(loss, data.task)
    return Surface(
        bands=_bands(heights, w.tolist(), b.tolist(), (low, high), loss.hue),
        low=low,
        high=high,
        lowest=(place[0].item(), place[1].item()),
        least=_heights(loss, data.task, place[None]).item(),
    )


def _heights(loss: Loss, task: Task, places: Tensor) -> Tensor:
    predictions = task.predictions(places)
    with slopes.exact():
        values, _ = loss.each(predictions.flatten(), task.y.expand_as(predictions).flatten())
    return values.view_as(predictions).mean(-1)


def _bands(heights: Tensor, w: list[float], b: list[float], ends: tuple[float, float], hue: int) -> Columns:
    """Rectangles of equal height class: their ends within a row lie where the contours cross it."""
    low, high = ends
    within = ((heights - low) / ((high - low) or 1.0) * BANDS).clamp(0, BANDS).nan_to_num(BANDS)
    half = UP / len(b)
    columns: dict[str, list[float]] = {"x": [], "x2": [], "y": [], "y2": [], "ink": []}
    for row, middle in zip(within.tolist(), b, strict=True):
        for start, end, level in _runs(row, w):
            said = (round(start, 3), round(end, 3), round(middle - half, 3), round(middle + half, 3))
            for name, value in zip(columns, (*said, hue * BANDS + level), strict=True):
                columns[name].append(value)
    return columns


def _runs(row: list[float], w: list[float]) -> list[tuple[float, float, int]]:
    """The stretches of a row between contours, which are the whole numbers: start, end and band."""
    found: list[tuple[float, float, int]] = []
    start, level = w[0], min(int(row[0]), BANDS - 1)
    for (here, there), (left, right) in zip(pairwise(row), pairwise(w), strict=True):
        while (next_level := min(int(there), BANDS - 1)) != level:
            contour = level + 1 if next_level > level else level
            crossing = left + (right - left) * (contour - here) / (there - here)
            found.append((start, crossing, level))
            start, level = crossing, level + (1 if next_level > level else -1)
    return [*found, (start, w[-1], level)]


def _lowest(loss: Loss, task: Task) -> Tensor:
    """The lowest point within what is shown, by looking closer and closer."""
    middle, reach = torch.zeros(2, dtype=torch.float64), torch.tensor([ACROSS, UP], dtype=torch.float64)
    edge = reach.clone()
    even = torch.linspace(-1, 1, 25, dtype=torch.float64)
    for _ in range(_ZOOMS):
        places = (middle + reach * torch.cartesian_prod(even, even)).clamp(-edge, edge)
        middle = places[_heights(loss, task, places).nan_to_num(torch.inf).argmin()]
        reach = reach / 5
    return middle
