"""Three logits whose first is right, two losses on their softmax, and the gradients that reach the logits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.yours.guarded import GuardedLoss
from slopes.shown import palette

NAMES: Final = ("cat", "dog", "fox")  # cat is right
LOWEST: Final = -12.0
HIGHEST: Final = 12.0
POINTS: Final = 193

CROSS_ENTROPY: Final = "cross-entropy"
SQUARES: Final = "MSE"
DIAGONAL: Final = "MSE, diagonal"
HUES: Final = {
    CROSS_ENTROPY: palette.hue("cross_entropy"),
    SQUARES: palette.hue("mse"),
    DIAGONAL: palette.SKY,
}


@dataclass(frozen=True)
class Method:
    """A way to a gradient: its loss `[N]` and its gradient `[N, 3]` by the logits."""

    label: str
    hue: int
    loss: Tensor
    gradient: Tensor


@dataclass(frozen=True)
class Taught:
    """What rows of logits `[N, 3]` are taught, by each method; `by_p` is the MSE's gradient by the probabilities."""

    p: Tensor
    by_p: Tensor
    methods: dict[str, Method]


def logits(odds: Tensor, share: float) -> Tensor:
    """Return `[N, 3]` logits under which cat has these log-odds, and fox this share of what cat does not get."""
    rest = torch.tensor([1 - share, share], dtype=torch.float64).log()
    return torch.cat([odds.unsqueeze(-1), rest.expand(len(odds), 2)], dim=-1)


def teach(z: Tensor, *, mean: bool = False, loss: GuardedLoss | None = None) -> Taught:
    """Return what cross-entropy and MSE teach these logits, and the visitor's own loss of the probabilities."""
    z = z.detach().requires_grad_()
    with slopes.exact():
        surprise = L.cross_entropy(z, torch.zeros(len(z), dtype=torch.int64), reduction="none")
        p = A.softmax(z, dim=-1)
        right = torch.zeros_like(p).index_fill(-1, torch.tensor(0), 1.0).detach()
        squares = L.mse(p, right, reduction="none")
    whole = squares.mean(-1) if mean else squares.sum(-1)
    by_p = _gradient(whole, p)
    found = [
        Method(CROSS_ENTROPY, HUES[CROSS_ENTROPY], surprise.detach(), _gradient(surprise, z)),
        Method(SQUARES, HUES[SQUARES], whole.detach(), _gradient(whole, z)),
        Method(DIAGONAL, HUES[DIAGONAL], whole.detach(), by_p * _diagonal(p, z)),
    ]
    if loss is not None:
        value, slope = loss.at(p.detach().reshape(-1), right.reshape(-1))
        own = torch.autograd.grad(p, z, slope.reshape(p.shape), retain_graph=True)[0]
        value = value.reshape(p.shape)
        found.append(Method(loss.name, palette.YOURS, value.mean(-1) if mean else value.sum(-1), own))
    return Taught(p.detach(), by_p, {method.label: method for method in found})


@lru_cache(maxsize=8)
def sweep(share: float, *, mean: bool, loss: GuardedLoss | None = None) -> tuple[Tensor, Taught]:
    """Return the log-odds that the charts show, and what is taught there."""
    odds = torch.linspace(LOWEST, HIGHEST, POINTS, dtype=torch.float64)
    return odds, teach(logits(odds, share), mean=mean, loss=loss)


def _gradient(value: Tensor, by: Tensor) -> Tensor:
    return torch.autograd.grad(value.sum(), by, retain_graph=True)[0]


def _diagonal(p: Tensor, z: Tensor) -> Tensor:
    """The slope of each probability by its own logit: the diagonal of each row's Jacobian."""
    return torch.stack([_gradient(p[:, i], z)[:, i] for i in range(p.shape[-1])], dim=-1)
