"""Losses on one logit and one label: value and gradient, from e^-|x| alone.

The eager forms avoid `torch.where`, which costs ten times an arithmetic operation on a CPU.
"""

from __future__ import annotations

from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from slopes._core.numerics import logistic
from slopes.kernels.pointwise import Pointwise

# Beyond it every probability is 0 or 1 to the last digit of float64; an infinite surprise must not meet it.
_FAR: Final = 1e4
# Within it e^x is a normal number of float32, and torch's sigmoid right in both tails.
_STEEP: Final = 87.0
# From this shift on log1p of the shifted probability is within 10 ULP everywhere.
_CLIPS: Final = 0.04
_TINY: Final = 1e-30
_FEW: Final = 64


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


def _tame(x: Tensor) -> bool:
    """Whether torch's own sigmoid keeps its digits on both sides of every element."""
    if x.device.type != "cpu" or x.numel() == 0:
        return False
    low, high = x.aminmax()
    return low.item() > -_STEEP and high.item() < _STEEP


def _sides(z: Tensor, minus_z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return (σ(z), σ(-z), log(1 + e^-|z|), the larger of the first two) of tame numbers, in few operations."""
    s, r = torch.sigmoid(z), torch.sigmoid(minus_z)
    larger = torch.maximum(s, r)
    return s, r, torch.minimum(s, r).div_(larger).log1p_(), larger


def _hard(t: Tensor) -> bool:
    """Whether every label is 0 or 1; the first ones speak for most soft ones."""
    return all(bool((part * (1 - part)).sum() == 0) for part in (t[:_FEW], t))


def _cross_entropy_eager(x: Tensor, t: Tensor, positive: float) -> tuple[Tensor, tuple[Any, ...]]:
    """Return the same in fewer operations, by the definition where a block holds extremes."""
    if positive != 1 or not _tame(x):
        return _cross_entropy(x, t, positive)
    if _hard(t):  # every element is softplus(±x)
        side = torch.rsub(t, 1, alpha=2)
        z = x * side
        return F.softplus(z, threshold=_STEEP), (z.sigmoid_().mul_(side), lambda: -x)
    minus_x = -x
    p, q, value, line = _sides(x, minus_x)
    # lerp takes the nearer end and the distance from it, so that no digits of 1 - t are lost.
    torch.clamp(x, min=0, out=line).lerp_(minus_x.clamp_(min=0), t)
    return value.add_(line), (p.lerp_(q.neg_(), t), lambda: -x)


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


def _focal_eager(x: Tensor, t: Tensor, gamma: float, alpha: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return the same in fewer operations, by the definition where a block holds extremes."""
    if not _tame(x):
        return _focal(x, t, gamma, alpha)
    side = torch.rsub(t, 1, alpha=2)
    z = x * side
    s, surprise = torch.sigmoid(z), F.softplus(z, threshold=_STEEP)
    r = z.neg_().sigmoid_()
    modulation = _power(s, gamma)
    if alpha >= 0:
        modulation.mul_(t.mul(2 * alpha - 1).add_(1 - alpha))
    slope = s.addcmul_(r, surprise, value=gamma)
    return surprise.mul_(modulation), (slope.mul_(modulation).mul_(side), None)


def _power(base: Tensor, exponent: float) -> Tensor:
    """Return base^exponent in memory of its own, common exponents by multiplication: pow takes ten times as long."""
    if exponent == 1:
        return base.clone()
    if exponent == 2:  # noqa: PLR2004
        return base * base
    if exponent == 4:  # noqa: PLR2004
        square = base * base
        return square.mul_(square)
    return base**exponent


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


def _asymmetric_eager(
    x: Tensor, t: Tensor, gamma_negative: float, gamma_positive: float, clip: float
) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return the same in fewer operations, by the definition where a block or an option is extreme."""
    if clip < _CLIPS or gamma_negative == 0 or not _tame(x):
        return _asymmetric(x, t, gamma_negative, gamma_positive, clip)
    p, q, log, _ = _sides(x, -x)
    surprise = log.sub_(x.clamp(max=0))
    modulation = _power(q, gamma_positive)
    by_positive = torch.addcmul(q, p, surprise, value=gamma_positive).mul_(modulation)
    positive = surprise.mul_(modulation)
    shifted = (p - clip).clamp_(min=0)
    surprise = torch.log1p(-shifted).neg_()
    modulation = _power(shifted, gamma_negative)
    inner = (surprise / shifted.add_(_TINY)).mul_(gamma_negative).mul_(q)
    inner.add_(q.div_((q + clip).clamp_(max=1)))
    by_negative = inner.mul_(p).mul_(modulation)
    negative = surprise.mul_(modulation)
    return torch.lerp(negative, positive, t), (torch.lerp(by_negative, by_positive.neg_(), t), None)


def _hinge(s: Tensor, t: Tensor, margin: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return max(0, margin - t s)."""
    short = (margin - t * s).clamp(min=0)
    return short, (-t * short.sign(), None)


CROSS_ENTROPY: Final = Pointwise.sharing("BinaryCrossEntropy", _cross_entropy, tensors=2, eager=_cross_entropy_eager)
WEIGHTED: Final = Pointwise.sharing("WeightedBinaryCrossEntropy", _cross_entropy, tensors=3)
FOCAL: Final = Pointwise.sharing("Focal", _focal, tensors=2, eager=_focal_eager)
ASYMMETRIC: Final = Pointwise.sharing("Asymmetric", _asymmetric, tensors=2, eager=_asymmetric_eager)
HINGE: Final = Pointwise.sharing("Hinge", _hinge, tensors=2)
