"""PPO's objective and its slopes over the ratio, by the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.curve import grid, value_and_slope

LEAST: Final = 0.02  # ratio that is drawn
MOST: Final = 3.0
_POINTS: Final = 121
_EDGE: Final = 1e-9  # as near to the end of the clip range as can be told from it


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the objective is given: the ratio, the advantage and the clip; and by what the slope is taken."""

    ratio: float
    advantage: float
    clip: float
    by: str

    @property
    def low(self) -> float:
        """The lower end of the clip range."""
        return 1 - self.clip

    @property
    def high(self) -> float:
        """The upper end of the clip range."""
        return 1 + self.clip

    @property
    def clipped(self) -> float:
        """The ratio, held within the clip range."""
        return min(max(self.ratio, self.low), self.high)


@dataclass(frozen=True, kw_only=True)
class At:
    """The objective at one ratio, and its slopes by the ratio and by the log-probability."""

    value: float
    by_ratio: float
    by_log: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """The objective over the ratio."""

    x: Tensor
    value: Tensor
    slope: Tensor


def _objective(advantage: float, clip: float) -> Callable[[Tensor], Tensor]:
    """Return what is maximised, as a function of the log-ratio: the loss with its sign turned."""

    def objective(d: Tensor) -> Tensor:
        gains = torch.full_like(d, advantage)
        return -L.ppo(d, torch.zeros_like(d), gains, clip=clip, reduction="none")

    return objective


def at(ratio: float, advantage: float, clip: float) -> At:
    """Return value and slopes at a ratio."""
    objective = _objective(advantage, clip)
    r = torch.tensor([ratio], dtype=torch.float64)
    value, by_ratio = value_and_slope(lambda t: objective(t.log()), r)
    by_log = value_and_slope(objective, r.log())[1]
    return At(value=value.item(), by_ratio=by_ratio.item(), by_log=by_log.item())


@lru_cache(maxsize=256)
def line(advantage: float, clip: float, by: str) -> Line:
    """Return the objective over all ratios that are drawn, with its slope by `"ratio"` or by `"log"`."""
    objective = _objective(advantage, clip)
    x = grid(LEAST, MOST, _POINTS, [1 - clip, 1 + clip])
    value, by_ratio = value_and_slope(lambda t: objective(t.log()), x)
    slope = by_ratio if by == "ratio" else value_and_slope(objective, x.log())[1]
    return Line(x=x, value=value, slope=slope)


def where(s: Setting) -> str:
    """Return where the ratio is: at `"rest"`, `"inside"`, on the `"edge"`, `"past"` it or on the `"wrong"` side."""
    if s.advantage == 0:
        return "rest"
    end = s.high if s.advantage > 0 else s.low
    if abs(s.ratio - end) < _EDGE:
        return "edge"
    if s.low - _EDGE <= s.ratio <= s.high + _EDGE:
        return "inside"
    return "past" if (s.ratio > 1) == (s.advantage > 0) else "wrong"
