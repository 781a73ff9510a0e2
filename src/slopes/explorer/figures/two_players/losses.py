"""The losses of both players over the logit of a fake, as the library has them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.losses.generation.players import Kind
from slopes.shown import palette
from slopes.shown.curve import grid, value_and_slope

REACH: Final = 6.0  # of the logit that is drawn, on both sides
_POINTS: Final = 121
_HINGE: Final = -1.0  # the logit from which the hinge asks nothing more of a fake


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss of one player: its label, what it is in LaTeX, its Python over `z`, and itself."""

    name: str
    label: str
    title: str
    hue: int
    latex: str
    python: str
    function: Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A loss of one player over the whole axis, and under the cursor."""

    loss: Loss
    x: Tensor
    value: Tensor
    slope: Tensor
    under: tuple[float, float]


def _bce(z: Tensor, target: float) -> Tensor:
    return L.binary_cross_entropy(z, torch.full_like(z, target), reduction="none")


def _squares(z: Tensor, target: float) -> Tensor:
    return L.mse(z, torch.full_like(z, target), reduction="none")


def _generator(kind: Kind) -> Callable[[Tensor], Tensor]:
    return lambda z: L.adversarial(None, z, role="generator", kind=kind, reduction="none")


GENERATOR: Final = (
    Loss(
        name="saturating",
        label="saturating",
        title="Saturating, log(1 − D)",
        hue=palette.VERMILLION,
        latex=r"\log(1 - \sigma(z))",
        python="-L.binary_cross_entropy(z, zero)",
        function=_generator("saturating"),
    ),
    Loss(
        name="non_saturating",
        label="non-saturating",
        title="Non-saturating, −log D",
        hue=palette.BLUE,
        latex=r"-\log \sigma(z)",
        python="L.binary_cross_entropy(z, one)",
        function=_generator("non_saturating"),
    ),
    Loss(
        name="squares",
        label="least squares",
        title="Least squares, (z − 1)²",
        hue=palette.ORANGE,
        latex="(z - 1)^2",
        python="L.mse(z, one)",
        function=_generator("least_squares"),
    ),
    Loss(
        name="linear",
        label="W. and hinge",
        title="Wasserstein and hinge, −z",
        hue=palette.GREEN,
        latex="-z",
        python="-z",
        function=_generator("wasserstein"),
    ),
)
DISCRIMINATOR: Final = (
    Loss(
        name="cross_entropy",
        label="cross-entropy",
        title="Cross-entropy, −log(1 − D)",
        hue=palette.VERMILLION,
        latex=r"-\log(1 - \sigma(z))",
        python="L.binary_cross_entropy(z, zero)",
        function=lambda z: _bce(z, 0.0),
    ),
    Loss(
        name="hinge",
        label="hinge",
        title="Hinge, max(0, 1 + z)",
        hue=palette.PURPLE,
        latex=r"\max(0, 1 + z)",
        python="L.hinge(z, -one)",
        function=lambda z: L.hinge(z, torch.full_like(z, -1.0), reduction="none"),
    ),
    Loss(
        name="squares",
        label="least squares",
        title="Least squares, z²",
        hue=palette.ORANGE,
        latex="z^2",
        python="L.mse(z, zero)",
        function=lambda z: _squares(z, 0.0),
    ),
    Loss(
        name="critic",
        label="Wasserstein",
        title="Wasserstein, z",
        hue=palette.GREEN,
        latex="z",
        python="z",
        function=lambda z: z * 1.0,
    ),
)


@lru_cache(maxsize=2)
def _curves(losses: tuple[Loss, ...]) -> tuple[Tensor, tuple[tuple[Tensor, Tensor], ...]]:
    x = grid(-REACH, REACH, _POINTS, [_HINGE])
    return x, tuple(value_and_slope(loss.function, x) for loss in losses)


def drawn(losses: tuple[Loss, ...], z: float) -> list[Drawn]:
    """Return each loss of a player over the axis, and at the logit z."""
    at = torch.tensor([z], dtype=torch.float64)
    x, curves = _curves(losses)
    found = []
    for loss, (value, slope) in zip(losses, curves, strict=True):
        here, pull = value_and_slope(loss.function, at)
        found.append(Drawn(loss=loss, x=x, value=value, slope=slope, under=(here.item(), pull.item())))
    return found


def shares(batch: list[float]) -> list[list[float]]:
    """Return, for each of the generator's losses, each fake's share of the sizes of all pulls in a batch."""
    z = torch.tensor(batch, dtype=torch.float64)
    found = []
    for loss in GENERATOR:
        pulls = value_and_slope(loss.function, z)[1].abs()
        whole = pulls.sum().item()
        found.append([(pull / whole) if whole else 0.0 for pull in pulls.tolist()])
    return found
