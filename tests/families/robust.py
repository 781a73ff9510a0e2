"""Losses of a residual that a few bad targets cannot drag."""

from __future__ import annotations

from typing import Final

from mpmath import mp, mpf
from tests.oracles.case import Case, pairs, with_options
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

RESIDUALS: Final = (-300.0, -3.0, -1.0, -0.5, 0.0009765625, 0.0625, 0.75, 1.5, 40.0)
WIDE: Final = (-60000.0, -3.0, 2.0**-14, 0.0625, 0.75, 40.0)  # of numbers that float16 has
NEAR: Final = (-3.5, 0.0625, 0.75)
MINUS_INFINITY: Final = float("-inf")


@careful
def log_cosh(prediction: mpf, target: mpf) -> mpf:
    """Return the logarithm of the mean of e^r and e^-r."""
    r = prediction - target
    return mp.log((mp.exp(r) + mp.exp(-r)) / 2)


@careful
def charbonnier(prediction: mpf, target: mpf, epsilon: mpf) -> mpf:
    """Return the length of the vector (r, epsilon)."""
    return mp.sqrt((prediction - target) ** 2 + epsilon**2)


@careful
def general_robust(prediction: mpf, target: mpf, alpha: mpf, scale: mpf) -> mpf:
    """Return Barron's equation 8: three special cases, and the general one."""
    x = (prediction - target) / scale
    if alpha == 2:
        return x**2 / 2
    if alpha == 0:
        return mp.log(x**2 / 2 + 1)
    if alpha == mp.ninf:
        return 1 - mp.exp(-(x**2) / 2)
    with mp.workdps(2 * mp.dps):
        return abs(alpha - 2) / alpha * ((x**2 / abs(alpha - 2) + 1) ** (alpha / 2) - 1)


@careful
def tukey(prediction: mpf, target: mpf, c: mpf) -> mpf:
    """Return Beaton and Tukey's rho, in two cases."""
    r = prediction - target
    if abs(r) > c:
        return c**2 / 6
    return c**2 / 6 * (1 - (1 - (r / c) ** 2) ** 3)


def _general(alpha: float, scale: float, residuals: tuple[float, ...]) -> Case:
    return Case(
        f"general_robust {alpha} {scale}",
        with_options(L.general_robust, alpha=alpha, scale=scale),
        with_options(general_robust, alpha=alpha, scale=scale),
        pairs(residuals, (0.25,)),
    )


VARIANTS: Final = {
    "charbonnier": [("wide", {"epsilon": 0.7}, None)],
    "general_robust": [
        ("squares", {"alpha": 2.0}, None),
        ("cauchy", {"alpha": 0.0, "scale": 0.6}, None),
        ("geman", {"alpha": -2.0, "scale": 1.5}, None),
        ("steep", {"alpha": -20.0}, None),
        ("welsch", {"alpha": MINUS_INFINITY, "scale": 2.0}, None),
    ],
    "tukey": [("narrow", {"c": 1.25}, None)],
}
WIDE_ENOUGH: Final = {"charbonnier": {"epsilon": 0.25}}
AT_THE_ENDS: Final = {
    "general_robust": tuple({"alpha": alpha} for alpha in (2.0, 2 - 1e-9, 1e-30, 0.0, -1e-30, -3.0, MINUS_INFINITY)),
}
CASES: Final = (
    Case("log_cosh", L.log_cosh, log_cosh, pairs(RESIDUALS, (0.0, 0.25)), (0, 1)),
    *(
        Case(
            f"charbonnier {epsilon}",
            with_options(L.charbonnier, epsilon=epsilon),
            with_options(charbonnier, epsilon=epsilon),
            pairs(WIDE, (0.0, 0.25)),
            (0, 1),
        )
        for epsilon in (1e-3, 1.0, 1e10)
    ),
    # Near its limits, between them, and at them.
    *(_general(alpha, 0.75, WIDE) for alpha in (2.0, 2 - 1e-15, 2 - 1e-6, 1.0, 0.01, 1e-30, 0.0, -1e-9, -2.0, -6.0)),
    _general(1.0, 1e4, WIDE),
    *(_general(alpha, 1.0, NEAR) for alpha in (-50.0, -1e19, -1e25, MINUS_INFINITY)),
    *(
        Case(
            f"tukey {c}",
            with_options(L.tukey, c=c),
            with_options(tukey, c=c),
            pairs((*WIDE, 4.6796875, 4.93359375), (0.0, 0.25)),
            (0, 1),
        )
        for c in (4.685, 0.8, 1e5)
    ),
)
