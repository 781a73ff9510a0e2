"""A loss over all weights and biases that are shown: as bands between contours, and its lowest point.

From band to band every landscape of a task grows by the same factor, so that narrow bands on one can be compared with
wide ones on the other, whatever the losses' units and the factors before them. A loss that comes to 0 or below it has
no such bands; it has those of equal height.
"""

from __future__ import annotations

import math
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
_ACROSS: Final = torch.linspace(-ACROSS, ACROSS, _COLUMNS, dtype=torch.float64)
_UPWARD: Final = (torch.arange(_ROWS, dtype=torch.float64) + 0.5) * (2 * UP / _ROWS) - UP


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A landscape: its bands as rectangles, between which heights, where it is lowest, and how high it is there.

    `factor` is what the loss grows by from band to band; 0 where the bands are of equal height.
    """

    bands: Columns
    low: float
    high: float
    factor: float
    lowest: tuple[float, float]
    least: float

    @property
    def band(self) -> float:
        """The height of one band where they are of equal height, in the unit of the loss."""
        return (self.high - self.low) / BANDS


def surfaces(task: Task) -> list[Surface]:
    """Return the landscapes of a task's losses; equal ones are made once.

    Raises:
        UserFunctionError: One is the visitor's own, and raised.
    """
    data = _Data(task)
    grounds = [_ground(loss, data) for loss in task.losses]
    widest = max((math.log(g.high / g.low) for g in grounds if g.low > 0), default=0.0)
    factor = math.exp(widest / BANDS)
    return [_surface(loss, data, factor if g.low > 0 else 0.0) for loss, g in zip(task.losses, grounds, strict=True)]


class _Data:
    """A task's data, alike where the data are."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self._key = tuple(task.x.tolist()), tuple(task.y.tolist())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Data) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@dataclass(frozen=True)
class _Ground:
    """The heights of a landscape, [_ROWS, _COLUMNS], and their ends."""

    heights: Tensor
    low: float
    high: float


@lru_cache(maxsize=64)
def _ground(loss: Loss, data: _Data) -> _Ground:
    heights = _heights(loss, data.task, torch.cartesian_prod(_UPWARD, _ACROSS).flip(-1)).view(_ROWS, _COLUMNS)
    known = heights[heights.isfinite()]
    return _Ground(heights, *((known.min().item(), known.max().item()) if len(known) else (0.0, 0.0)))


@lru_cache(maxsize=64)
def _surface(loss: Loss, data: _Data, factor: float) -> Surface:
    ground, place = _ground(loss, data), _lowest(loss, data.task)
    return Surface(
        bands=_bands(_classes(ground, factor), loss.hue),
        low=ground.low,
        high=ground.high,
        factor=factor,
        lowest=(place[0].item(), place[1].item()),
        least=_heights(loss, data.task, place[None]).item(),
    )


def _heights(loss: Loss, task: Task, places: Tensor) -> Tensor:
    predictions = task.predictions(places)
    with slopes.exact():
        values, _ = loss.each(predictions.flatten(), task.y.expand_as(predictions).flatten())
    return values.view_as(predictions).mean(-1)


def _classes(ground: _Ground, factor: float) -> Tensor:
    """Heights in bands above the lowest: whole numbers are contours."""
    if factor > 1:
        within = (ground.heights / ground.low).log() / math.log(factor)
    else:
        within = (ground.heights - ground.low) / ((ground.high - ground.low) or 1.0) * BANDS
    return within.clamp(0, BANDS).nan_to_num(BANDS)


def _bands(within: Tensor, hue: int) -> Columns:
    """Rectangles of equal height class: their ends within a row lie where the contours cross it."""
    w, half = _ACROSS.tolist(), UP / _ROWS
    columns: dict[str, list[float]] = {"x": [], "x2": [], "y": [], "y2": [], "ink": []}
    for row, middle in zip(within.tolist(), _UPWARD.tolist(), strict=True):
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
