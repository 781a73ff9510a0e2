"""Lengths, cosines and distances that neither overflow, nor lose what two near points differ by, nor divide by 0.

Points are subtracted before anything is squared: |a|² + |b|² - 2ab loses every digit of two near points far from
the origin. Vectors are scaled by a power of two, which rounds nothing, before their entries are squared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

DISTANCES: Final = ("euclidean", "squared", "cosine")

_BITS: Final = {torch.float32: (torch.int32, 0x7F800000), torch.float64: (torch.int64, 0x7FF << 52)}
# Squares of entries divided by these neither overflow nor underflow, from the largest number to the smallest
# subnormal; an infinite entry stays one.
_REACH: Final = {torch.float32: 2.0**100, torch.float64: 2.0**900}


def magnitude(x: Tensor, *, whole: bool = False) -> Tensor:
    """Return the power of two just below the largest |entry| of each vector (or of them all); no gradient.

    Args:
        x: `[..., D]`, float32 or float64.
        whole: One number for all vectors instead of `[..., 1]`.
    """
    size = x.detach().abs()
    largest = (size.amax() if x.numel() else size.sum()) if whole else size.amax(-1, keepdim=True)
    integer, exponent = _BITS[x.dtype]
    power = (largest.view(integer) & exponent).view(x.dtype)
    return power.clamp(1 / _REACH[x.dtype], _REACH[x.dtype])


def length(x: Tensor) -> Tensor:
    """Return the Euclidean norm of each vector of `[..., D]`; of a zero vector 0, with zero gradient."""
    scale = magnitude(x)
    y = x / scale
    square = (y * y).sum(-1)
    nothing = square == 0
    return torch.where(nothing, 0.0, torch.where(nothing, 1.0, square).sqrt()) * scale.squeeze(-1)


def normalize(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return each vector of `[..., D]` divided by its norm, and whether it was zero; zero stays, without gradient."""
    y = x / magnitude(x)
    square = (y * y).sum(-1, keepdim=True)
    nothing = square == 0
    unit = torch.where(nothing, 0.0, y) / torch.where(nothing, 1.0, square).sqrt()
    return unit, nothing.squeeze(-1)


@dataclass(frozen=True, slots=True)
class Norm:
    """What vectors were divided by to become unit vectors, `[..., 1]`: two factors, neither of which overflows.

    Attributes:
        magnitude: A power of two.
        root: The norm of what it leaves; 1 for a zero vector.
        nothing: Which vectors are zero.
    """

    magnitude: Tensor
    root: Tensor
    nothing: Tensor

    def back(self, gradient: Tensor, unit: Tensor) -> Tensor:
        """Turn the gradient by unit vectors into that by the vectors, in the same memory."""
        along = (gradient * unit).sum(-1, keepdim=True)
        gradient.addcmul_(unit, along, value=-1).div_(self.root).div_(self.magnitude)
        return gradient.masked_fill_(self.nothing, 0.0)


def unit(x: Tensor) -> tuple[Tensor, Norm]:
    """Return each vector of `[..., D]` divided by its norm, without a graph, and the way back; zero stays."""
    scale = magnitude(x)
    y = x / scale
    square = (y * y).sum(-1, keepdim=True)
    nothing = square == 0
    root = torch.where(nothing, 1.0, square).sqrt()
    return y.div_(root), Norm(scale, root, nothing)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """Return the cosine of each pair of `[..., D]`; 0 where one of the two is zero."""
    return (normalize(a)[0] * normalize(b)[0]).sum(-1)


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return 1 - cos of each pair as ½|u - v|² of the unit vectors, since 1 - cos cancels near 0; 1 beside a zero."""
    (u, no_u), (v, no_v) = normalize(a), normalize(b)
    r = u - v
    return torch.where(no_u | no_v, 1.0, 0.5 * (r * r).sum(-1))


def squared(a: Tensor, b: Tensor) -> Tensor:
    """Return |a - b|² of each pair."""
    r = a - b
    return (r * r).sum(-1)


def between(a: Tensor, b: Tensor, kind: str) -> Tensor:
    """Return the distance of each pair of `[..., D]`, float32 or float64."""
    if kind == "cosine":
        return cosine_distance(a, b)
    return squared(a, b) if kind == "squared" else length(a - b)
