"""Losses of a residual that a few bad targets cannot drag."""

from __future__ import annotations

from typing import Final

from mpmath import mp, mpf
from tests.oracles.case import Case, pairs
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

RESIDUALS: Final = (-300.0, -3.0, -1.0, -0.5, 0.0009765625, 0.0625, 0.75, 1.5, 40.0)


@careful
def log_cosh(prediction: mpf, target: mpf) -> mpf:
    """Return the logarithm of the mean of e^r and e^-r."""
    r = prediction - target
    return mp.log((mp.exp(r) + mp.exp(-r)) / 2)


CASES: Final = (Case("log_cosh", L.log_cosh, log_cosh, pairs(RESIDUALS, (0.0, 0.25)), (0, 1)),)
