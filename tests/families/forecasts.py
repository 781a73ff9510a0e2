"""Losses of forecasts: errors by size, by ratio and by scale, levels, and whole distributions against what came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from mpmath import mp, mpf
from tests.oracles.case import Case, pairs, with_options
from tests.oracles.precision import careful
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses

RESIDUALS: Final = (-300.0, -3.0, -0.5, 0.0625, 0.75, 40.0)


@careful
def expectile(prediction: mpf, target: mpf, level: mpf) -> mpf:
    """Return Newey and Powell's |level - [target < prediction]| times the square."""
    return abs(level - (1 if target < prediction else 0)) * (target - prediction) ** 2


@careful
def quantile_huber(prediction: mpf, target: mpf, level: mpf, kappa: mpf) -> mpf:
    """Return Dabney's rho of IQN: Huber in its two cases, tilted, over kappa."""
    u = target - prediction
    huber = u**2 / 2 if abs(u) <= kappa else kappa * (abs(u) - kappa / 2)
    return abs(level - (1 if u < 0 else 0)) * huber / kappa


@careful
def msle(prediction: mpf, target: mpf) -> mpf:
    """Return the square of the difference of the logarithms."""
    return (mp.log(1 + prediction) - mp.log(1 + target)) ** 2


@careful
def mape(prediction: mpf, target: mpf) -> mpf:
    """Return the residual as a share of the target."""
    return abs((prediction - target) / target)


@careful
def smape(prediction: mpf, target: mpf) -> mpf:
    """Return the residual over the mean of the two sizes."""
    return abs(prediction - target) / ((abs(prediction) + abs(target)) / 2)


@careful
def mase(predictions: Sequence[mpf], targets: Sequence[mpf], scale: mpf) -> mpf:
    """Return the sum over the steps of one series."""
    return mp.fsum(abs(p - t) / scale for p, t in zip(predictions, targets, strict=True))


@careful
def crps_gaussian(mean: mpf, log_variance: mpf, target: mpf) -> mpf:
    """Return ∫ F² below and ∫ (1 - F)² above, by the antiderivative of Φ²: x Φ² + 2 Φ φ - Φ(√2 x) / √π."""
    sigma = mp.exp(log_variance / 2)
    z = (target - mean) / sigma

    def below(x: mpf) -> mpf:
        share, density = mp.ncdf(x), mp.npdf(x)
        return x * share**2 + 2 * share * density - mp.ncdf(mp.sqrt(2) * x) / mp.sqrt(mp.pi)

    return sigma * (below(z) + below(-z))


@careful
def crps_ensemble(members: Sequence[mpf], target: mpf, *, fair: bool) -> mpf:
    """Return the mean distance to the target, less half of the mean distance of two members: all pairs."""
    count = len(members)
    apart = mp.fsum(abs(a - b) for a in members for b in members)
    return mp.fsum(abs(x - target) for x in members) / count - apart / (2 * count * (count - fair))


def _at(loss: Any, level: float, **options: float) -> Any:  # noqa: ANN401
    def call(p: Tensor, t: Tensor, **more: Any) -> Tensor:  # noqa: ANN401
        found: Tensor = loss(p.unsqueeze(-1), t, (level,), **options, **more).squeeze(-1)
        return found

    return call


def _summed(predictions: Tensor, targets: Tensor, scale: Tensor, **more: Any) -> Tensor:  # noqa: ANN401
    return L.mase(predictions, targets, scale, **more).sum(-1)


ARGUMENTS: Final = {"expectile": {"levels": (0.1, 0.75)}, "quantile_huber": {"levels": (0.1, 0.75)}}
VARIANTS: Final = {
    "quantile_huber": [("narrow", {"kappa": 0.3}, None)],
    "crps_ensemble": [("all-pairs", {"fair": False}, None)],
}
OTHER_NUMBERS: Final = {("expectile", "slopes"): "twice it, and at one level only"}
ENSEMBLES: Final = (
    ([3.0, -1.0, 0.5, 2.0, 7.0], 1.0),
    ([1000.0, 1001.0, 999.0, 1004.0, 996.0], 0.25),
    ([-3.0, -2.0, -8.0, -2.5, -4.0], 60.0),
    ([0.5, 0.25, 0.125, -3.0, 0.75], 0.375),
)
LEVELS: Final = (0.03125, 0.875)
CASES: Final = (
    *(
        Case(
            f"expectile {level}",
            _at(L.expectile, level),
            with_options(expectile, level=level),
            pairs(RESIDUALS, (0.25,)),
            (0, 1),
        )
        for level in LEVELS
    ),
    *(
        Case(
            f"quantile_huber {level} {kappa}",
            _at(L.quantile_huber, level, kappa=kappa),
            with_options(quantile_huber, level=level, kappa=kappa),
            pairs(RESIDUALS, (0.125,)),
            (0, 1),
        )
        for level, kappa in ((0.03125, 1.0), (0.875, 0.3))
    ),
    Case(
        "msle",
        L.msle,
        msle,
        [*pairs((-0.9375, 0.0009765625, 1.0, 600.0), (-0.5, 0.0, 100.0)), (10000.0, 9992.0), (3.0, 3.125)],
        (0, 1),
    ),
    Case("mape", L.mape, mape, pairs((-3.0, 0.0625, 99.0, 60000.0), (-2.0, 0.0009765625, 100.0)), (0, 1)),
    Case("smape", L.smape, smape, pairs((-3.0, 0.0625, 99.0, 60000.0), (-2.0, 0.0009765625, 100.0)), (0, 1)),
    Case(
        "mase",
        _summed,
        mase,
        [([0.5, -300.0, 2.0], [0.25, 40.0, -1.0], 0.75), ([1.0, 2.0, 3.0], [0.0, 0.5, 4.0], 64.0)],
        (0, 1, 2),
    ),
    Case(
        "crps_gaussian",
        L.crps_gaussian,
        crps_gaussian,
        [
            (0.5, -2.0, 1.75),
            (0.0009765625, 0.0, 0.0),
            (0.25, 4.0, 0.5),
            (0.0, 1.0, -3.0),
            (40.0, 0.0, 0.0),
            (-300.0, 2.0, 5.0),
            (0.0, -10.0, 2.0),
        ],
        (0, 1, 2),
    ),
    Case(
        "crps_ensemble of all pairs",
        with_options(L.crps_ensemble, fair=False),
        with_options(crps_ensemble, fair=False),
        ENSEMBLES,
        (0, 1),
    ),
    # The member next to the target has a gradient of 0, which a numerical derivative misses by its own rounding.
    Case(
        "crps_ensemble fair",
        L.crps_ensemble,
        with_options(crps_ensemble, fair=True),
        [ENSEMBLES[0], ENSEMBLES[3], ([1.5, -1.0, 0.5, 0.25, 0.75], 2.0)],
        (0, 1),
        terms=1.0,
    ),
)
