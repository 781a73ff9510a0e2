"""Losses on one logit and one label: value and gradient, from e^-|x| alone.

The eager forms avoid `torch.where`, which costs ten times an arithmetic operation on a CPU: the definitions take 3.3
(cross-entropy), 2.2 (focal) and 2.5 times as long (asymmetric) where nothing is fused (`python -m bench.twins`).
"""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from slopes._core.numerics import logistic, multiplied, power
from slopes.kernels.pointwise.executor import Pointwise

# Beyond it every probability is 0 or 1 to the last digit of float64; an infinite surprise must not meet it.
_FAR: Final = 1e4
# Within it e^x is a normal number of float32, on both sides.
_STEEP: Final = 87.0
# From this shift on log1p of the shifted probability is within 10 ULP everywhere.
_CLIPS: Final = 0.04
# A probability near 1 may be raised to powers up to it; its rounding error is magnified as often.
_STEEP_POWER: Final = 8.0
_TINY: Final = 1e-30


def _cross_entropy(
    x: Tensor, t: Tensor, positive: float | Tensor, smoothing: float = 0.0
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return positive · t · softplus(-x) + (1 - t) · softplus(x), 0 where the label is sure and right.

    Smoothed, t is (1 - smoothing) t + smoothing / 2, and 1 - t is made like it: it may be too small for a difference.
    """
    p, q, e = logistic(x)
    log = torch.log1p(e)
    missed, false = (-x).clamp(min=0) + log, x.clamp(min=0) + log
    yes, off = t, 1 - t
    if smoothing:
        yes, off = (1 - smoothing) * yes + smoothing / 2, (1 - smoothing) * off + smoothing / 2
    on = positive * yes
    value = _unless_0(on, missed) + _unless_0(off, false)
    by_target = -x if isinstance(positive, float) and positive == 1 else _unless_0(positive, missed) - false
    if smoothing:
        by_target = _unless_0(1 - smoothing, by_target)
    by_x = p * off - on * q
    if isinstance(positive, Tensor):
        return value, (by_x, by_target, _unless_0(yes, missed))
    return value, (by_x, by_target)


def _unless_0(factor: Tensor | float, term: Tensor) -> Tensor:
    """Return factor · term, and 0 for a factor of 0, whatever the term: it may be infinite."""
    if isinstance(factor, Tensor):
        return torch.where(factor == 0, 0.0, factor * term)
    return factor * term if factor else torch.zeros_like(term)


def _is_tame(size: Tensor) -> bool:
    """Whether e^size and e^-size are normal numbers for every element, on a CPU, where a look costs little."""
    return size.device.type == "cpu" and size.numel() > 0 and size.amax().item() < _STEEP


def _odds(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return (σ(z), σ(-z), softplus(z)) of tame numbers."""
    e = torch.exp(z)
    r = (e + 1).reciprocal_()
    return e * r, r, e.log1p_()


def _cross_entropy_eager(
    x: Tensor, t: Tensor, positive: float, smoothing: float = 0.0
) -> tuple[Tensor, tuple[Any, ...]]:
    """Return the same in fewer operations, by the definition where a block holds extremes."""
    size = x.abs()
    if positive != 1 or smoothing or not _is_tame(size):
        return _cross_entropy(x, t, positive, smoothing)
    # Half of the labels lie on x's side, and 1 or 0 is right of it: `off` is how far t is from that one. A loss is
    # log(1 + e^-|x|) + x · off, its slope off ∓ σ(-|x|): sums of one sign, and no digit of t or of a tail is lost.
    e = size.neg_().exp_()
    off = torch.ge(x, 0, out=torch.empty_like(x)).sub_(t)
    value = torch.log1p(e).addcmul_(x, off)
    more = e + 1
    return value, (off.addcdiv_(e.copysign_(x), more, value=-1), lambda: -x)


def _focal(x: Tensor, t: Tensor, gamma: float, alpha: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return α_t (1 - p_t)^γ softplus(z), z the logit of being wrong; α below 0 stands for none."""
    side = 1 - 2 * t
    s, r, e = logistic(x * side)
    surprise = (x * side).clamp(min=0) + torch.log1p(e)
    modulation = power(s, r, gamma)
    if alpha >= 0:
        modulation = modulation * (alpha * t + (1 - alpha) * (1 - t))
    slope = modulation * (gamma * (r * surprise.clamp(max=_FAR)) + s)
    return _unless_0(modulation, surprise), (slope * side, None)


def _focal_eager(x: Tensor, t: Tensor, gamma: float, alpha: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return the same in fewer operations, by the definition where a block holds extremes."""
    if gamma > _STEEP_POWER or not _is_tame(x.abs()):
        return _focal(x, t, gamma, alpha)
    side = torch.rsub(t, 1, alpha=2)
    s, r, surprise = _odds(x * side)
    modulation = _power(s, gamma)
    if alpha >= 0:
        modulation = torch.rsub(t, 1 - alpha, alpha=1 - 2 * alpha).mul_(modulation)
    slope = torch.addcmul(s, r, surprise, value=gamma)
    return surprise.mul_(modulation), (slope.mul_(modulation).mul_(side), None)


def _power(base: Tensor, exponent: float) -> Tensor:
    """Return base^exponent, common exponents by multiplication: pow takes ten times as long."""
    product = multiplied(base, exponent)
    return base**exponent if product is None else product


def _asymmetric(
    x: Tensor, t: Tensor, gamma_negative: float, gamma_positive: float, clip: float
) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return the asymmetric loss: focal for positives, focal on the shifted probability for negatives."""
    p, q, e = logistic(x)
    log = torch.log1p(e)
    surprise = (-x).clamp(min=0) + log
    modulation = power(q, p, gamma_positive)
    positive = modulation * surprise
    by_positive = -modulation * (gamma_positive * (p * surprise.clamp(max=_FAR)) + q)
    if clip:
        shifted = (p - clip).clamp(min=0)
        left = (q + clip).clamp(max=1)  # 1 - shifted, without a difference
        surprise = -torch.log1p(-shifted)
        if clip < _CLIPS:
            surprise = torch.where(shifted < 0.5, surprise, -torch.log(left))  # noqa: PLR2004
    else:
        shifted, left, surprise = p, q, x.clamp(min=0) + log
    modulation = power(shifted, left, gamma_negative)
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
    steep = max(gamma_negative, gamma_positive) > _STEEP_POWER
    if clip < _CLIPS or gamma_negative == 0 or steep or not _is_tame(x.abs()):
        return _asymmetric(x, t, gamma_negative, gamma_positive, clip)
    q, p, surprise = _odds(-x)
    modulation = _power(q, gamma_positive)
    by_positive = torch.addcmul(q, p, surprise, value=gamma_positive).mul_(modulation)
    positive = surprise.mul_(modulation)
    shifted = (p - clip).clamp_(min=0)
    surprise = torch.log1p(-shifted).neg_()
    modulation = _power(shifted, gamma_negative)
    inner = (surprise / (shifted + _TINY)).mul_(gamma_negative).mul_(q)
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
