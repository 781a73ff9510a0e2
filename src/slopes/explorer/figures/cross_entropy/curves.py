"""The loss over either axis, by the library: its lines, and where the crosshair stands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

HUES: Final = palette.ANSWERS
LABELS: Final = ("y = 1", "y = 0")
POINTS: Final = 181
REACH: Final = 8.0  # of the logit, on both sides
LEAST: Final = 0.0003  # probability that can be pointed at

Pair = tuple[float, float]  # for y = 1 and for y = 0


@dataclass(frozen=True, kw_only=True)
class At:
    """Where the crosshair stands: the loss of both answers there, and its gradients by p and by z."""

    axis: str
    p: float
    z: float
    loss: Pair
    by_p: Pair
    by_z: Pair

    @property
    def slope(self) -> Pair:
        """The gradients by what the axis shows."""
        return self.by_p if self.axis == "probability" else self.by_z


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Loss and gradient of both answers over an axis, one row for each answer."""

    x: Tensor
    losses: Tensor
    slopes: Tensor


def by_probability(target: float) -> Callable[[Tensor], Tensor]:
    """Return the loss of one answer as a function of the probability."""
    loss = by_logit(target)
    return lambda p: loss(p.logit())


def by_logit(target: float) -> Callable[[Tensor], Tensor]:
    """Return the loss of one answer as a function of the logit."""
    return lambda z: L.binary_cross_entropy(z, torch.full_like(z, target), reduction="none")


def at(axis: str, x: float) -> At:
    """Return what the crosshair reads where the axis says `x`."""
    point = torch.tensor([x], dtype=torch.float64)
    with slopes.exact():
        p, z = (point, point.logit()) if axis == "probability" else (A.sigmoid(point), point)
    over_z = [value_and_slope(by_logit(target), z) for target in (1.0, 0.0)]
    over_p = [value_and_slope(by_probability(target), p) for target in (1.0, 0.0)]
    (yes, pull), (no, push) = over_z
    return At(
        axis=axis,
        p=p.item(),
        z=z.item(),
        loss=(yes.item(), no.item()),
        by_p=(over_p[0][1].item(), over_p[1][1].item()),
        by_z=(pull.item(), push.item()),
    )


@lru_cache(maxsize=2)
def curves(axis: str) -> Curves:
    """Return the lines over an axis, on points that are close where the loss is steep."""
    z = torch.linspace(-REACH - 0.2, REACH + 0.2, POINTS, dtype=torch.float64)
    with slopes.exact():
        x = A.sigmoid(z) if axis == "probability" else z
    over = by_probability if axis == "probability" else by_logit
    both = [value_and_slope(over(target), x) for target in (1.0, 0.0)]
    return Curves(x=x, losses=torch.stack([v for v, _ in both]), slopes=torch.stack([s for _, s in both]))
