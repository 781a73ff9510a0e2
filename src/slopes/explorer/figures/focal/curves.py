"""Focal and cross-entropy over the probability of the truth, by the library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.shown.curve import value_and_slope

POINTS: Final = 141
_REACH: Final = 7.0  # of the logit: probabilities from 0.001 to 0.999


@dataclass(frozen=True, kw_only=True)
class Both:
    """Values and sizes of the gradients by the logit; of focal a row each for a positive and a negative."""

    cross_entropy: tuple[Tensor, Tensor]
    focal: tuple[Tensor, Tensor]


def both(p: Tensor, gamma: float, alpha: float | None) -> Both:
    """Return both losses where the truth has probability `p`."""
    z = p.logit()
    cross, pull = value_and_slope(_cross_entropy, z)
    rows = [_focal(z, gamma, alpha, positive=positive) for positive in (True, False)]
    values, sizes = (torch.stack(found) for found in zip(*rows, strict=True))
    return Both(cross_entropy=(cross, pull.abs()), focal=(values, sizes))


def _cross_entropy(z: Tensor) -> Tensor:
    return L.binary_cross_entropy(z, torch.ones_like(z), reduction="none")


def _focal(z: Tensor, gamma: float, alpha: float | None, *, positive: bool) -> tuple[Tensor, Tensor]:
    """Return values and sizes of the gradients for a truth of 1, or of 0, whose logit is the other way round."""
    logits = z if positive else -z
    targets = torch.full_like(z, float(positive))
    value, slope = value_and_slope(
        lambda points: L.focal(points, targets, gamma=gamma, alpha=alpha, reduction="none"), logits
    )
    return value, slope.abs()


@lru_cache(maxsize=1)
def grid() -> Tensor:
    """Return probabilities that are close where the losses are steep."""
    with slopes.exact():
        return A.sigmoid(torch.linspace(-_REACH, _REACH, POINTS, dtype=torch.float64))


@lru_cache(maxsize=64)
def curves(gamma: float, alpha: float | None) -> Both:
    """Return both losses over the grid."""
    return both(grid(), gamma, alpha)


def points(*probabilities: float) -> Tensor:
    """Return these probabilities as a vector."""
    return torch.tensor(probabilities, dtype=torch.float64)
