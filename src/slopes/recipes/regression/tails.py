"""How far the residuals of a regression reach, in numbers and in words: what decides between MSE, Huber and MAE.

Everything is measured in robust standard deviations, 1.4826 times the median absolute deviation: those of the residuals
themselves would grow with the very residuals that are looked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from torch import Tensor

from slopes._core import check
from slopes._core.errors import ShapeError, ValuesError
from slopes.recipes.regression.numbers import NORMAL_MAD, finite, median

FAR: Final = 3.0
NORMAL_FAR: Final = 0.0026997960632601866  # share of normal numbers beyond 3 standard deviations
# From four times what normal noise has, to the share at which the far ones are no longer exceptions.
_HEAVY: Final = 0.01
_CHANCE: Final = 0.01
_IMPOSSIBLE: Final = 10.0  # deviations: normal noise gets there once in 10^23
_VERY_HEAVY: Final = 0.10
_FEWEST: Final = 20
_MANY: Final = 50.0
_TERMS: Final = 150  # beyond which nothing is left of a sum that expects 50
_SIDED: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Tails:
    """How far numbers reach from their median.

    Attributes:
        count: How many numbers.
        center: Their median, in their unit.
        deviation: 1.4826 · median absolute deviation, in their unit; of normal numbers the standard deviation.
        below: How many lie more than 3 deviations below the center.
        above: How many lie more than 3 deviations above it.
        farthest: The largest distance from the center, in deviations.

    Examples:
        >>> tails = Tails.of(torch.cat([torch.linspace(-1, 1, 95), torch.full((5,), 50.0)]))
        >>> tails.above, tails.heavy, tails.loss
        (5, True, 'huber')
    """

    count: int
    center: float
    deviation: float
    below: int
    above: int
    farthest: float

    @classmethod
    def of(cls, values: Tensor) -> Tails:
        """Return the tails of numbers `[N]`, floating and finite, at least 20 of them.

        Raises:
            ShapeError: Not `[N]`, or fewer than 20.
            DtypeError: Not a floating tensor.
            ValuesError: A number is NaN or infinite, or more than half of them are equal.
        """
        check.floating("Tails", values=values)
        if values.dim() != 1 or len(values) < _FEWEST:
            message = (
                f"Tails: `values` has shape {check.shape_of(values)}, expected [N] with N at least {_FEWEST}; "
                f"fewer say nothing of tails, so measure more."
            )
            raise ShapeError(message)
        finite("Tails", "values", values)
        given = values.detach().double()
        center = median(given)
        deviation = NORMAL_MAD * median((given - center).abs())
        if deviation == 0:
            message = (
                f"Tails: more than half of {len(given)} `values` are {float(center):.6g}, expected numbers that "
                f"differ, since a median absolute deviation of 0 gives no unit to measure tails in; leave the repeated "
                f"ones out."
            )
            raise ValuesError(message)
        away = (given - center) / deviation
        return cls(
            count=len(given),
            center=float(center),
            deviation=float(deviation),
            below=int((away < -FAR).sum()),
            above=int((away > FAR).sum()),
            farthest=float(away.abs().max()),
        )

    @property
    def far(self) -> int:
        """How many lie more than 3 deviations from the center."""
        return self.below + self.above

    @property
    def expected(self) -> float:
        """How many of as many normal numbers would."""
        return NORMAL_FAR * self.count

    @property
    def heavy(self) -> bool:
        """Whether more than 1 % lie there, four times what normal noise has, and not by chance; or one beyond 10."""
        many = self.far > _HEAVY * self.count and _at_least(self.far, self.expected) < _CHANCE
        return many or self.farthest > _IMPOSSIBLE

    @property
    def skewed(self) -> bool:
        """Whether the tails are heavy and at least four fifths of the far numbers lie on one side."""
        return self.heavy and max(self.below, self.above) >= _SIDED * self.far

    @property
    def loss(self) -> Literal["mse", "huber", "mae"]:
        """The loss that such residuals ask for: MSE without tails, Huber with some, MAE from a tenth of them on."""
        if not self.heavy:
            return "mse"
        return "mae" if self.far > _VERY_HEAVY * self.count else "huber"

    def told(self, what: str = "residuals") -> str:
        """Return the evidence as a sentence."""
        side = ""
        if self.far:
            side = f" ({self.below} below, {self.above} above, the farthest {self.farthest:.3g} of them away)"
        return (
            f"{self.far} of {self.count} {what} lie more than 3 robust standard deviations ({self.deviation:.4g} each, "
            f"1.4826 times the median absolute deviation) from their median {self.center:.4g}{side}; of normal ones "
            f"{_few(self.expected)} would."
        )


def _at_least(count: int, expected: float) -> float:
    """Return how probable that many or more are where so many are expected (Poisson)."""
    if expected > _MANY:
        return 0.0 if count > expected else 1.0  # by then four times as many is never chance
    return 1 - math.fsum(math.exp(-expected) * expected**k / math.factorial(k) for k in range(min(count, _TERMS)))


def _few(expected: float) -> str:
    return f"{expected:.1f}" if expected < 10 else f"{math.floor(expected + 0.5)}"  # noqa: PLR2004
