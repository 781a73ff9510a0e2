"""The lines of losses of counts: over the logarithm of the rate, or the logit of a sure zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Curve, Lines, Options

_COUNT: Final = 2.0
_SURE: Final = "logit of a sure zero"
_ALONE: Final = "logarithm of the rate; the count is 2"


def _negative_binomial(s: Tensor, _: Options) -> Tensor:
    return L.negative_binomial_nll(s, torch.zeros_like(s), torch.full_like(s, _COUNT), reduction="none")


def _zero_inflated(z: Tensor, _: Options, count: float) -> Tensor:
    zeros = torch.zeros_like(z)
    return L.zero_inflated_poisson_nll(z, zeros, torch.full_like(z, count), reduction="none")


def _zero_inflated_wide(z: Tensor, _: Options, count: float) -> Tensor:
    zeros = torch.zeros_like(z)
    return L.zero_inflated_negative_binomial_nll(z, zeros, zeros, torch.full_like(z, count), reduction="none")


def _both(curve: Callable[[Tensor, Options, float], Tensor]) -> dict[str, Curve]:
    def of(count: float) -> Curve:
        return lambda z, o: curve(z, o, count)

    return {f"target {count:g}": of(count) for count in (0.0, 1.0)}


def _of_counts(loss: Any, *counts: float) -> dict[str, Curve]:  # noqa: ANN401  a loss of a log-rate and a target
    def curve(count: float) -> Curve:
        return lambda s, o: loss(s, torch.full_like(s, count), reduction="none", **o)

    return {f"target {count:g}": curve(count) for count in counts}


LOSSES: Final[Lines] = {
    "poisson_nll": ("logarithm of the rate", _of_counts(L.poisson_nll, 0.0, _COUNT)),
    "negative_binomial_nll": (f"{_ALONE}, the dispersion 1", {"": _negative_binomial}),
    "tweedie": ("logarithm of the rate", _of_counts(L.tweedie, 0.5, _COUNT)),
    "zero_inflated_poisson_nll": (f"{_SURE}, the rate 1", _both(_zero_inflated)),
    "zero_inflated_negative_binomial_nll": (f"{_SURE}, rate and dispersion 1", _both(_zero_inflated_wide)),
}
REACH: Final = {name: 6.0 if name.startswith("zero") else 3.0 for name in LOSSES}
