"""The lines of losses of counts: over the logarithm of the rate, for a count of 2."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Curve, Lines, Options

_COUNT: Final = 2.0
_ALONE: Final = "logarithm of the rate; the count is 2"


def _negative_binomial(s: Tensor, _: Options) -> Tensor:
    return L.negative_binomial_nll(s, torch.zeros_like(s), torch.full_like(s, _COUNT), reduction="none")


def _of_counts(loss: Any, *counts: float) -> dict[str, Curve]:  # noqa: ANN401  a loss of a log-rate and a target
    def curve(count: float) -> Curve:
        return lambda s, o: loss(s, torch.full_like(s, count), reduction="none", **o)

    return {f"target {count:g}": curve(count) for count in counts}


LOSSES: Final[Lines] = {
    "poisson_nll": ("logarithm of the rate", _of_counts(L.poisson_nll, 0.0, _COUNT)),
    "negative_binomial_nll": (f"{_ALONE}, the dispersion 1", {"": _negative_binomial}),
    "tweedie": ("logarithm of the rate", _of_counts(L.tweedie, 0.5, _COUNT)),
}
REACH: Final = dict.fromkeys(LOSSES, 3.0)
