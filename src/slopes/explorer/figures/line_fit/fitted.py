"""The points, the outlier among them, and the line of each loss through them; what did not change is kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final

import numpy as np

from slopes.explorer.figures.line_fit.charts import UP
from slopes.explorer.figures.line_fit.fit import Lines, Vector, fit
from slopes.explorer.figures.residual_losses import Kind

# Made as y = 2 + x / 2, with a little noise.
PLACES: Final = tuple(float(x) for x in range(1, 12))
HEIGHTS: Final = (2.83, 2.61, 3.57, 4.52, 4.18, 4.94, 5.91, 5.48, 6.72, 6.79, 7.58)
MADE_WITH: Final = 0.5
COUNT: Final = len(PLACES) + 1

_SWEEP: Final = 41  # heights that the outlier is tried at


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A line that a loss fits, and how it moves with the outlier.

    Attributes:
        kind: The loss.
        option: Its delta or tau.
        slope: The line's slope.
        intercept: Its height at x = 0.
        loss: The mean loss that it has.
        gradients: The loss's slope at each point, by the prediction there; the outlier's last.
        without: The slope of the line through the other points alone.
        swept: Slope and outlier's gradient at each height of `sweep()`; not a number where none was found.
    """

    kind: Kind
    option: float
    slope: float
    intercept: float
    loss: float
    gradients: tuple[float, ...]
    without: float
    swept: tuple[Vector, Vector]

    @property
    def tilt(self) -> float:
        """How far the outlier turns the line."""
        return self.slope - self.without

    @property
    def share(self) -> float:
        """The outlier's part of the sizes of all gradients."""
        sizes = [abs(g) for g in self.gradients]
        return sizes[-1] / sum(sizes) if any(sizes) else 0.0

    def at(self, x: float) -> float:
        """Return the height of the line."""
        return self.intercept + self.slope * x

    def residual(self, x: float, y: float) -> float:
        """Return prediction minus target of a point; 0 for one that the line was laid through."""
        off = self.at(x) - y
        return 0.0 if abs(off) < 1e-9 else off  # noqa: PLR2004  as `fit` has it


class NoLineError(ValueError):
    """A loss for which no best line was found; its text says so."""


def sweep() -> Vector:
    """Return the heights that the outlier is tried at."""
    return np.linspace(*UP, _SWEEP)


@lru_cache(maxsize=64)
def fitted(kind: Kind, option: float, x: float, y: float) -> Fitted:
    """Return the line of a loss through the points with the outlier at (x, y).

    Raises:
        NoLineError: No line was found that no other close by is better than.
        UserFunctionError: It is the visitor's own loss, and raised or returned the wrong thing.
    """
    lines = _through(kind, option, x, np.array([y]))
    if not (lines.found[0] and np.isfinite(lines.slope[0])):
        text = (
            f"{kind.label} leads to no best line here: after 40 steps its summed slope had not vanished, and a line "
            "close by was still better. A loss that grows with the residual on both sides has a best line."
        )
        raise NoLineError(text)
    return Fitted(
        kind=kind,
        option=option,
        slope=float(lines.slope[0]),
        intercept=float(lines.intercept[0]),
        loss=float(lines.loss[0]),
        gradients=tuple(lines.gradients[0].tolist()),
        without=_without(kind, option),
        swept=_swept(kind, option, x),
    )


@lru_cache(maxsize=64)
def _swept(kind: Kind, option: float, x: float) -> tuple[Vector, Vector]:
    lines = _through(kind, option, x, sweep())
    slopes, gradients = lines.slope.copy(), lines.gradients[:, -1].copy()
    slopes[~lines.found] = gradients[~lines.found] = np.nan
    return slopes, gradients


@lru_cache(maxsize=64)
def _without(kind: Kind, option: float) -> float:
    lines = fit(partial(kind.at, option=option), np.array([PLACES]), np.array([HEIGHTS]), kinked=kind.kinked)
    return float(lines.slope[0])


def _through(kind: Kind, option: float, x: float, heights: Vector) -> Lines:
    """Return the lines through all points, the outlier at each of the heights."""
    count = len(heights)
    xs = np.tile([*PLACES, x], (count, 1))
    ys = np.column_stack([np.tile(HEIGHTS, (count, 1)), heights])
    return fit(partial(kind.at, option=option), xs, ys, kinked=kind.kinked)
