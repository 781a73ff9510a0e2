"""What a figure is made of: how it is computed, and the function that it is a point of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from slopes.shown.curve import grid, value_and_slope

_POINTS: Final = 161  # of a line on its own; several share about three times as many


@dataclass(frozen=True, kw_only=True)
class Line:
    """A function of one number, elementwise, and what stands at its end."""

    label: str
    hue: int
    function: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Mark:
    """A point of a line; `slope` where it is the slope there that the figure is about."""

    x: float
    line: int = 0
    slope: bool = False


@dataclass(frozen=True, kw_only=True)
class View:
    """The lines that a figure lies on.

    Attributes:
        over: What their x is.
        low: Left end.
        high: Right end.
        lines: The lines.
        marks: The points.
        direct: Whether the numbers of the figure are the marks, in order; otherwise it is made out of them.
        kinks: Where a slope jumps.
    """

    over: str
    low: float
    high: float
    lines: tuple[Line, ...]
    marks: tuple[Mark, ...]
    direct: bool = True
    kinks: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Example:
    """How a figure is computed, and what it is drawn on."""

    compute: Callable[[], Tensor]
    view: View


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A line over its grid, and value and slope at each mark that is its own."""

    x: Tensor
    value: Tensor
    slope: Tensor


def curves(view: View) -> list[Curve]:
    """Return the lines of a view over its axis, each slope with a gap where it jumps."""
    points = _POINTS if len(view.lines) == 1 else max(3 * _POINTS // len(view.lines) // 2 * 2 + 1, 61)
    x = grid(view.low, view.high, min(points, _POINTS), list(view.kinks))
    jumps = torch.isin(x, torch.tensor(view.kinks, dtype=x.dtype))
    drawn = []
    for line in view.lines:
        value, slope = value_and_slope(line.function, x)
        drawn.append(Curve(x=x, value=value, slope=slope.masked_fill(jumps, torch.nan)))
    return drawn


def at_point(view: View, x: float) -> list[tuple[float, float]]:
    """Return value and slope of each line at one point."""
    here = torch.tensor([x], dtype=torch.float64)
    found = [value_and_slope(line.function, here) for line in view.lines]
    return [(value.item(), slope.item()) for value, slope in found]


def marked(view: View) -> list[tuple[float, float]]:
    """Return value and slope at each mark."""
    found = []
    for mark in view.marks:
        x = torch.tensor([mark.x], dtype=torch.float64)
        value, slope = value_and_slope(view.lines[mark.line].function, x)
        found.append((value.item(), slope.item()))
    return found
