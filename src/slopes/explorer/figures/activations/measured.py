"""What a function is like, measured: nothing here knows a formula or reads a promise of the catalogue.

Every number comes from evaluating values and slopes in float64: over [-50, 50] closely, out to 1e300 thinly, and at
both infinities.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from slopes.shown.breaks import SEARCHED, Break, find_breaks
from slopes.shown.curve import Evaluate

_FAR: Final = 50.0
_NEAR: Final = 8.0  # a bound met this close to 0 is attained; a bound met only by rounding is approached
_FADED: Final = 1e-100
_ALIKE: Final = 1e-12  # a share by which slopes differ that are one
_MANY: Final = 20  # points beside each other, a quarter apart, that a peak does not have alike


@dataclass(frozen=True, slots=True)
class End:
    """One end of the range: the bound, where it is attained (None where it is only approached or everywhere flat)."""

    value: float
    attained: bool
    at: float | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What was found.

    Attributes:
        low: Lower end of the range.
        high: Upper end of the range.
        breaks: Jumps of the value, and of the slope where the value does not jump.
        mean: Mean of the output where the input is standard normal.
        falls: Where the slope is negative, as (from, to); an infinite end lies beyond [-50, 50].
        rises: Whether the slope is positive anywhere.
        steepest: Slope of largest size, and where: ±∞ where it is approached, NaN on a flat stretch.
        undefined: Points that were tried and gave no number.
    """

    low: End
    high: End
    breaks: tuple[Break, ...]
    mean: float
    falls: tuple[tuple[float, float], ...]
    rises: bool
    steepest: tuple[float, float]
    undefined: tuple[float, ...]


def measure(evaluate: Evaluate) -> Measured:
    """Return what can be found out about a function by evaluating it alone."""
    x = torch.linspace(-_FAR, _FAR, 8001, dtype=torch.float64)  # steps of 1/80: 0, ±1/2 and ±3 are on it
    values, slopes = evaluate(x)
    far = torch.tensor([s * 10.0**p for s in (-1, 1) for p in (2, 4, 8, 16, 32, 150, 300)], dtype=torch.float64)
    far_values, _ = evaluate(far)
    left = _limit(evaluate, far_values[: len(far_values) // 2], -math.inf)
    right = _limit(evaluate, far_values[len(far_values) // 2 :], math.inf)
    everywhere = torch.cat([x, far]), torch.cat([values, far_values])
    return Measured(
        low=_end(evaluate, everywhere, (left, right), sign=1.0),
        high=_end(evaluate, everywhere, (left, right), sign=-1.0),
        breaks=find_breaks(evaluate),
        mean=_mean_under_standard_normal(x, values),
        falls=_falls(evaluate, x, slopes),
        rises=bool((slopes > 0).any()),
        steepest=_steepest(evaluate, x, slopes),
        undefined=tuple(everywhere[0][everywhere[1].isnan()].tolist()),
    )


def _limit(evaluate: Evaluate, far: Tensor, end: float) -> float:
    """The limit at an infinity: what the function says there, or what it settles on; NaN where it does not settle."""
    there: float = evaluate(torch.tensor([end], dtype=torch.float64))[0].item()
    if not math.isnan(there):
        return there
    known: list[float] = [v for v in far.tolist() if not math.isnan(v)]
    if len(known) < 3:  # noqa: PLR2004  two points cannot show a trend
        return math.nan
    one, two, three = known[-3:]
    if math.isclose(two, three, rel_tol=1e-6, abs_tol=1e-9):
        return three
    if abs(three) > 1.5 * abs(two) > 1.5 * 1.5 * abs(one):
        return math.copysign(math.inf, three)
    return math.nan


def _end(evaluate: Evaluate, everywhere: tuple[Tensor, Tensor], limits: tuple[float, float], sign: float) -> End:
    """The least value (sign = 1) or the greatest (sign = -1)."""
    points, values = everywhere
    known = ~values.isnan()
    if not known.any():
        return End(math.nan, attained=False, at=None)
    points, values = points[known], values[known] * sign
    best = int(values.argmin())
    least, at = values[best].item(), points[best].item()
    bound = min([least, *(sign * limit for limit in limits if not math.isnan(limit))])
    scale = max(1.0, abs(least))
    if bound < least - 1e-9 * scale or math.isinf(bound):
        return End(sign * bound, attained=False, at=None)
    near = points.abs() <= _NEAR
    if abs(bound - least) <= 1e-9 * scale and any(abs(sign * v - bound) <= 1e-9 * scale for v in limits):
        flat = bool((values[near] == bound).any())
        return End(sign * bound, attained=flat, at=None)
    where, value = _zoom(evaluate, at, 0, sign)
    return End(value, attained=True, at=where)


def _zoom(evaluate: Evaluate, at: float, which: int, sign: float) -> tuple[float, float]:
    """Where a quantity is least (sign = 1) or greatest (sign = -1) around a grid point, and the quantity there."""
    width = 1 / 40
    found = at, math.nan
    for _ in range(8):
        points = torch.linspace(found[0] - width, found[0] + width, 33, dtype=torch.float64)
        heights = (evaluate(points)[which] * sign).nan_to_num(nan=math.inf)
        best = int(heights.argmin())
        found = points[best].item(), sign * heights[best].item()
        width /= 12
    return _tidied(evaluate, found[0], which, sign, found[1])


def _tidied(evaluate: Evaluate, at: float, which: int, sign: float, height: float) -> tuple[float, float]:
    """The round number within the zoom's error, and the quantity there where it is as extreme: not at a kink."""
    rounded = round(at, 6) + 0.0
    if abs(rounded - at) > 1e-7:  # noqa: PLR2004  the zoom's error
        return at, height
    there = float(evaluate(torch.tensor([rounded], dtype=torch.float64))[which].item())
    return rounded, there if sign * there <= sign * height + 1e-14 * max(1.0, abs(height)) else height


def _mean_under_standard_normal(x: Tensor, values: Tensor) -> float:
    inside = x.abs() <= SEARCHED
    x, values = x[inside], values[inside]
    density = torch.exp(-x.square() / 2)
    return ((values * density).sum() / density.sum()).item()


def _falls(evaluate: Evaluate, x: Tensor, slopes: Tensor) -> tuple[tuple[float, float], ...]:
    negative = slopes < 0
    if not negative.any():
        return ()
    change = (negative[1:] != negative[:-1]).nonzero().flatten().tolist()
    edges = [_crossing(evaluate, x[i].item(), x[i + 1].item()) for i in change]
    if change:  # a slope that fades until it underflows to 0 falls as far as there are numbers
        first, last = change[0], change[-1] + 1
        if negative[first + 1] and not slopes[: first + 1].any() and abs(slopes[first + 1]) < _FADED:
            edges[0] = -math.inf
        if negative[last - 1] and not slopes[last:].any() and abs(slopes[last - 1]) < _FADED:
            edges[-1] = math.inf
    if negative[0]:
        edges.insert(0, -math.inf)
    if negative[-1]:
        edges.append(math.inf)
    return tuple((low, high) for low, high in zip(edges[::2], edges[1::2], strict=True) if low < high)


def _crossing(evaluate: Evaluate, low: float, high: float) -> float:
    """Where the sign of the slope changes between two points, by sections of 32."""
    for _ in range(10):
        points = torch.linspace(low, high, 33, dtype=torch.float64)
        negative = evaluate(points)[1] < 0
        changes = (negative[1:] != negative[:-1]).nonzero().flatten()
        if len(changes) == 0:
            break
        first = int(changes[0])
        low, high = points[first].item(), points[first + 1].item()
    return round((low + high) / 2, 12) + 0.0


def _steepest(evaluate: Evaluate, x: Tensor, slopes: Tensor) -> tuple[float, float]:
    """The slope of largest size and where: ±∞ where it is only approached, NaN on a flat stretch."""
    known = slopes.nan_to_num(nan=0.0)
    most = known.abs().max()
    alike = known.abs() >= most * (1 - _ALIKE)
    at = int((alike & (known.abs() == most)).nonzero()[0])
    near = bool((alike & (x.abs() <= _NEAR)).any())
    if near and int(alike.sum()) > _MANY:
        return known[at].item(), math.nan
    if not near and bool(alike[0] | alike[-1]):  # float64 rounds to the limit long before infinity
        return known[at].item(), -math.inf if alike[0] else math.inf
    sign = -1.0 if known[at] >= 0 else 1.0
    where, slope = _zoom(evaluate, x[at].item(), 1, sign)
    return slope, where
