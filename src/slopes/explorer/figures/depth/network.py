"""Random networks: their weights, and what goes forward and comes back through them.

Dimension names: B inputs, L layers, N units to a layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor, nn

from slopes.shown.curve import Series

DEEPEST: Final = 100
BATCH: Final = 32
_AT_ONCE: Final = 25  # layers


@dataclass(frozen=True)
class Net:
    """A network but for its activation and its depth; equal ones are made once."""

    init: str
    width: int
    gain: float
    bias: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Init:
    """An initialisation of weights.

    Attributes:
        label: What it is called.
        fill: Fills a matrix, from a generator.
        python: The call that does so, for the snippet.
        latex: The variance of a weight, as a formula in n.
        variance: The same as a number.
    """

    label: str
    fill: Callable[[Tensor, torch.Generator], Tensor]
    python: str
    latex: str
    variance: Callable[[int], float]


INITS: Final = {
    "lecun": Init(
        label="LeCun, variance 1/n",
        fill=lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="linear", generator=g),
        python='nn.init.kaiming_normal_(w, nonlinearity="linear", generator=generator)',
        latex=r"\frac{1}{n}",
        variance=lambda n: 1 / n,
    ),
    "xavier": Init(
        label="Xavier, 2/(n + n), uniform",
        fill=lambda w, g: nn.init.xavier_uniform_(w, generator=g),
        python="nn.init.xavier_uniform_(w, generator=generator)",
        latex=r"\frac{2}{n + n}",
        variance=lambda n: 1 / n,
    ),
    "he": Init(
        label="He, variance 2/n",
        fill=lambda w, g: nn.init.kaiming_normal_(w, nonlinearity="relu", generator=g),
        python='nn.init.kaiming_normal_(w, nonlinearity="relu", generator=generator)',
        latex=r"\frac{2}{n}",
        variance=lambda n: 2 / n,
    ),
    "orthogonal": Init(
        label="orthogonal",
        fill=lambda w, g: nn.init.orthogonal_(w, generator=g),
        python="nn.init.orthogonal_(w, generator=generator)",
        latex=r"\frac{1}{n}",
        variance=lambda n: 1 / n,
    ),
    "linear": Init(
        label="nn.Linear’s own, 1/(3n)",
        fill=lambda w, g: nn.init.kaiming_uniform_(w, a=math.sqrt(5), generator=g),
        python="nn.init.kaiming_uniform_(w, a=5**0.5, generator=generator)",
        latex=r"\frac{1}{3n}",
        variance=lambda n: 1 / (3 * n),
    ),
    "small": Init(
        label="small numbers, 0.01²",
        fill=lambda w, g: nn.init.normal_(w, std=0.01, generator=g),
        python="nn.init.normal_(w, std=0.01, generator=generator)",
        latex=r"0.01^2",
        variance=lambda _: 1e-4,
    ),
}


@dataclass(frozen=True, kw_only=True)
class Forward:
    """What a network did to its inputs: size and mean of each layer's outputs, dead units, and all slopes."""

    sizes: list[float]
    means: list[float]
    dead: list[float]
    slopes: Tensor


def of_size_one(x: Tensor) -> Tensor:
    """Return numbers divided by their root mean square."""
    return x / x.square().mean().sqrt()


@lru_cache(maxsize=6)
def drawn(init: str, width: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return inputs `[B, N]`, a gradient `[B, N]` and weights `[L, N, N]`, drawn in this order."""
    generator = torch.Generator().manual_seed(seed)
    x, up = (torch.randn(BATCH, width, generator=generator, dtype=torch.float64) for _ in range(2))
    weights = torch.empty(DEEPEST, width, width, dtype=torch.float64)
    for w in weights:
        INITS[init].fill(w, generator)
    return of_size_one(x), of_size_one(up), weights


def reach(depth: int) -> int:
    """Return how many layers are gone through for this depth: a few more, so that the next depth is there already."""
    return _AT_ONCE * math.ceil(depth / _AT_ONCE)


@lru_cache(maxsize=16)
def forward(activation: Series, net: Net, layers: int) -> Forward:
    """Return what goes through this many layers.

    Raises:
        UserFunctionError: The activation is the visitor's own, and raised.
    """
    x, _, weights = drawn(net.init, net.width, net.seed)
    outputs, slopes = [x], []
    for w in net.gain * weights[:layers]:
        value, slope = activation.evaluate((outputs[-1] @ w.T + net.bias).flatten())
        outputs.append(value.view_as(x))
        slopes.append(slope.view_as(x))
    every, bent = torch.stack(outputs), torch.stack(slopes)
    return Forward(
        sizes=every.square().mean((1, 2)).sqrt().tolist(),
        means=every.mean((1, 2)).tolist(),
        dead=[0.0, *(bent == 0).all(1).double().mean(1).tolist()],
        slopes=bent,
    )


@lru_cache(maxsize=512)
def backward(activation: Series, net: Net, depth: int) -> tuple[float, ...]:
    """Return the size of the gradient, first where it enters, at last at the inputs of a network of this depth."""
    _, gradient, weights = drawn(net.init, net.width, net.seed)
    slopes = forward(activation, net, reach(depth)).slopes
    sizes = [gradient.square().mean()]
    for layer in range(depth - 1, -1, -1):
        gradient = (gradient * slopes[layer]) @ (net.gain * weights[layer])
        sizes.append(gradient.square().mean())
    return tuple(torch.stack(sizes).sqrt().tolist())
