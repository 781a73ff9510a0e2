"""Differences that keep their digits: a - b together with what rounding took, and e^u - 1 - u about 0.

An exponential magnifies the rounding error of its argument: half a unit in the last place of 80 is 64 units of
e^80. So arguments that are differences or products travel as (high, low), with high + low what was meant.
Torch operations on float32 and float64, differentiable as often as wanted.
"""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from slopes._core.numerics import horner, product_of_any

# 1/2!, 1/3!, ...: for |u| below 1/2 what is left out is below half a unit in the last place.
_NEAR: Final = 0.5
TAYLOR: Final = {
    torch.float32: tuple(1 / math.factorial(n) for n in range(2, 11)),
    torch.float64: tuple(1 / math.factorial(n) for n in range(2, 18)),
}
_HALF: Final = 0.5  # more than that is rounded off numbers only whose exponential is 0 or infinite
_TAME: Final = 1e30  # infinity less infinity has no value


def difference(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return (high, low) with a - b = high + low exactly (Knuth); low is 0 where high is infinite."""
    high = a - b
    part = high - a
    low = (a - (high - part)) - (b + part)
    return high, torch.where(high.isfinite(), low, 0.0)


def minus(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the difference of two such pairs as a pair; off by a rounding of the low parts."""
    high, low = difference(first[0], second[0])
    low = low + (first[1] - second[1])
    total = high + low
    return total, torch.where(total.isfinite(), (high - total) + low, 0.0)


def times(pair: tuple[Tensor, Tensor], factor: float) -> tuple[Tensor, Tensor]:
    """Return a pair times a number of at least 0, as a pair; the low part is 0 where the high one is infinite."""
    high, low = pair
    product, rest = product_of_any(high, factor)
    return product, torch.where(product.isfinite(), rest + low * factor, 0.0)


def along(low: Tensor | float) -> Tensor | float:
    """Return what e^u is multiplied by for e^(u + low): 1 + low, and never 0 where u is too large for a number."""
    return 1 + low.clamp(-_HALF, _HALF) if isinstance(low, Tensor) else 1 + low


def excess(u: Tensor, low: Tensor | float = 0.0) -> Tensor:
    """Return e^u - 1 - u, what the exponential exceeds its tangent at 0 by, never below 0: within 6 ULP.

    `low` is what u was rounded off by, no more than a half. The derivative is expm1(u).
    """
    near = u.abs() < _NEAR
    small = torch.where(near, u, 0.0)
    close = small * (small * horner(small, TAYLOR[u.dtype]))
    far = torch.expm1(u) * along(low) - u.clamp(max=_TAME)
    return torch.where(near, close, far)
