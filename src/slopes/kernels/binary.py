"""Losses on one logit and one label: value and gradient, from e^-|x| alone.

The eager forms avoid `torch.where`, which costs ten times an arithmetic operation on a CPU.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core.numerics import logistic
from slopes.kernels.pointwise import Pointwise

# Beyond it every probability is 0 or 1 to the last digit of float64; an infinite surprise must not meet it.
_FAR: Final = 1e4


def _cross_entropy(x: Tensor, t: Tensor, positive: float | Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return positive · t · softplus(-x) + (1 - t) · softplus(x), 0 where the label is sure and right."""
    p, q, e = logistic(x)
    log = torch.log1p(e)
    missed, false = (-x).clamp(min=0) + log, x.clamp(min=0) + log
    on, off = positive * t, 1 - t
    value = torch.where(t == 0, 0.0, on * missed) + torch.where(t == 1, 0.0, off * false)
    by_target = -x if isinstance(positive, float) and positive == 1 else positive * missed - false
    by_x = p * off - on * q
    return (value, (by_x, by_target, t * missed)) if isinstance(positive, Tensor) else (value, (by_x, by_target))


def _cross_entropy_eager(x: Tensor, t: Tensor, positive: float) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the same in fewer operations, by the definition where an infinity is in the block."""
    if x.device.type != "cpu" or positive != 1:
        return _cross_entropy(x, t, positive)
    p, q, e = logistic(x)
    off = 1 - t
    value = torch.log1p(e).addcmul_(off, x.clamp(min=0)).addcmul_(t, x.clamp(max=0), value=-1)
    if not bool(value.sum().isfinite()):
        return _cross_entropy(x, t, positive)
    return value, (p.mul_(off).sub_(q.mul_(t)), -x)


def _focal(x: Tensor, t: Tensor, gamma: float, alpha: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return α_t (1 - p_t)^γ softplus(z), z the logit of being wrong; α below 0 stands for none."""
    side = 1 - 2 * t
    s, r, e = logistic(x * side)
    surprise = (x * side).clamp(min=0) + torch.log1p(e)
    modulation = s**gamma
    if alpha >= 0:
        modulation = modulation * (alpha * t + (1 - alpha) * (1 - t))
    slope = modulation * (gamma * (r * surprise.clamp(max=_FAR)) + s)
    return modulation * surprise, (slope * side, None)


def _asymmetric(
    x: Tensor, t: Tensor, gamma_negative: float, gamma_positive: float, clip: float
) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return the asymmetric loss: focal for positives, focal on the shifted probability for negatives."""
    p, q, e = logistic(x)
    log = torch.log1p(e)
    surprise = (-x).clamp(min=0) + log
    modulation = q**gamma_positive
    positive = modulation * surprise
    by_positive = -modulation * (gamma_positive * (p * surprise.clamp(max=_FAR)) + q)
    if clip:
        shifted = (p - clip).clamp(min=0)
        left = (q + clip).clamp(max=1)  # 1 - shifted, without a difference
        surprise = torch.where(shifted < 0.5, -torch.log1p(-shifted), -torch.log(left))  # noqa: PLR2004
    else:
        shifted, left, surprise = p, q, x.clamp(min=0) + log
    modulation = shifted**gamma_negative
    negative = modulation * surprise
    gone = shifted == 0
    ratio = torch.where(gone, 1.0, surprise.clamp(max=_FAR) / torch.where(gone, 1.0, shifted))
    # dp/dx = p q; where nothing is clipped q cancels against 1 - shifted.
    inner = p * (q / torch.where(left == 0, 1.0, left)) if clip else p
    by_negative = modulation * (inner + gamma_negative * (p * q) * ratio)
    if clip:
        by_negative = torch.where(gone, 0.0, by_negative)
    t_off = 1 - t
    value = torch.where(t == 0, 0.0, t * positive) + torch.where(t_off == 0, 0.0, t_off * negative)
    return value, (t * by_positive + t_off * by_negative, None)


def _hinge(s: Tensor, t: Tensor, margin: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return max(0, margin - t s)."""
    short = (margin - t * s).clamp(min=0)
    return short, (-t * short.sign(), None)


CROSS_ENTROPY: Final = Pointwise.sharing("BinaryCrossEntropy", _cross_entropy, tensors=2, eager=_cross_entropy_eager)
WEIGHTED: Final = Pointwise.sharing("WeightedBinaryCrossEntropy", _cross_entropy, tensors=3)
FOCAL: Final = Pointwise.sharing("Focal", _focal, tensors=2)
ASYMMETRIC: Final = Pointwise.sharing("Asymmetric", _asymmetric, tensors=2)
HINGE: Final = Pointwise.sharing("Hinge", _hinge, tensors=2)
