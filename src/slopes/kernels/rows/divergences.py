"""Divergences and entropies of rows, and their slopes, without a difference of near numbers.

Written for log-probabilities, of which -∞ is an outcome that is impossible.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core import numerics
from slopes._core.differences import difference, excess
from slopes.kernels.pointwise.executor import Pointwise

_IMPOSSIBLE: Final = -1e4  # a logarithm whose exponential is 0 in every dtype, and finite
_ROUNDING: Final = 8  # units in the last place of 1 by which rounded log-probabilities miss their sum
_MODERATE: Final = 2.0  # beyond it q - p - p u is a difference of numbers far apart
_CLOSE: Final = 0.5  # |x| below which the series of x atanh(x) + ½ log(1 - x²) is short
_SERIES: Final = {
    dtype: tuple(1 / (2 * k * (2 * k - 1)) for k in range(1, terms + 1))
    for dtype, terms in ((torch.float32, 11), (torch.float64, 24))
}


def _kl(a: Tensor, b: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    p, q = torch.exp(a), torch.exp(b)
    impossible = a == -torch.inf
    u, low = difference(torch.where(impossible, 0.0, b), torch.where(impossible, _IMPOSSIBLE, a))
    moderate = u < _MODERATE
    near = p * excess(torch.where(moderate, u, 0.0))
    loss = torch.where(moderate, near, q - p * (1 + u)).sum(-1)
    # Σ q - Σ p is 0 for distributions; it counts where it is more than rounding makes it.
    defect = (q - p).sum(-1).detach()
    loss = loss - torch.where(defect.abs() <= _ROUNDING * torch.finfo(a.dtype).eps, 0.0, defect)
    e, f = numerics.exp_minus(-a.clamp(min=_IMPOSSIBLE))
    return loss, ((e * ((1 - u) - low)) * f, -p)


def _js(a: Tensor, b: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    p, q = torch.exp(a), torch.exp(b)
    # An outcome impossible for both gets no difference, one impossible for one of them a large and finite one.
    t = a.clamp(min=_IMPOSSIBLE) - b.clamp(min=_IMPOSSIBLE)
    x = torch.tanh(0.5 * t)
    square = x * x
    near = square < _CLOSE * _CLOSE
    small = torch.where(near, square, 0.0)
    close = small * numerics.horner(small, _SERIES[a.dtype])
    away = numerics.magnitude(t)
    e = torch.exp(-away)
    far = (numerics.LOG_2 - torch.log1p(e)) - away * (e / (1 + e))
    loss = 0.5 * (p + q) * torch.where(near, close, far)
    lower = torch.log1p(0.5 * torch.expm1(-away))  # log of (p + q) / 2 over the larger of the two, at most 0
    by_p = 0.5 * p * (t.clamp(max=0) - lower)
    by_q = 0.5 * q * ((-t).clamp(max=0) - lower)
    return loss.sum(-1), (by_p, by_q)


def _entropy(a: Tensor) -> tuple[Tensor, tuple[Tensor]]:
    a = a.clamp(min=_IMPOSSIBLE)
    e, f = numerics.exp_minus(-a)
    return (-(e * a) * f).sum(-1), (-(e * (1 + a)) * f,)


def _gaussian_kl(m: Tensor, s: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    return 0.5 * (excess(s) + m * m).sum(-1), (m, 0.5 * torch.expm1(s))


KL: Final = Pointwise.sharing("KL", _kl, tensors=2, rows=True)
JS: Final = Pointwise.sharing("JS", _js, tensors=2, rows=True)
ENTROPY: Final = Pointwise.sharing("Entropy", _entropy, tensors=1, rows=True)
GAUSSIAN_KL: Final = Pointwise.sharing("GaussianKL", _gaussian_kl, tensors=2, rows=True)
