"""The same losses through torch's softmax kernel, in few passes; rows that it cannot do go to the definition.

For the eager passes only: nothing here is differentiable, and `torch.where`, which costs as much as ten arithmetic
operations on a CPU, is avoided. The definitions take 7.9 (cross-entropy), 7.2 (smoothed) and 6.7 times as long
(distillation) where nothing is fused (`python -m bench.twins`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from slopes.kernels.rows import formulas

# Below this share of the other classes, or of the target, the fused softmax kernel is off by more than 16 ULP.
CONFIDENT: Final = 2e-9
RARE: Final = 1e-30
# Logits of a row that are no farther apart, over the temperature, have probabilities that are normal numbers.
_SPREAD: Final = 80.0
# About 0, e^u - 1 - u is u² times this series, to half a unit in the last place of float32; beyond it the difference
# loses no more than four bits.
_NEAR: Final = 0.125
_TAYLOR: Final = tuple(1 / math.factorial(n) for n in range(2, 7))

Again = Callable[[Tensor], Tensor]
_FEW: Final = 4096  # rows of which a look at all costs no more than a look for some
_WARM: Final = 16.0  # a temperature beyond it makes rows nearly even, whose logarithms do not tell them apart
Definition = Callable[[Tensor], tuple[Tensor, tuple[Tensor, None]]]
Result = tuple[Tensor, tuple[Tensor, None]]


@dataclass(frozen=True)
class _Smoothing:
    """How much of each target is spread, whether over the others only, and the rows' mean logit less the target's."""

    amount: float
    over_others: bool
    mean: Tensor


def by_index(x: Tensor, t: Tensor, z_loss: float) -> Result:
    """Return -log p of each row's class, plus z_loss times the square of log Σ e^x, and its gradient."""
    own = x.gather(-1, t.unsqueeze(-1)) if z_loss else None
    return _finished(
        torch.softmax(x, -1), own, t, z_loss, None, lambda rows: formulas.by_index(x[rows], t[rows], z_loss)
    )


def by_index_owned(x: Tensor, t: Tensor, z_loss: float, again: Again) -> Result:
    """Return the same in the memory of the logits; `again` makes those of some rows once more."""
    own = x.gather(-1, t.unsqueeze(-1)) if z_loss else None
    p = torch.softmax(x, -1, out=x)
    return _finished(p, own, t, z_loss, None, lambda rows: formulas.by_index(again(rows), t[rows], z_loss))


def smoothed(
    x: Tensor,
    t: Tensor,
    class_weight: Tensor | None,
    smoothing: float,
    over_others: bool,  # noqa: FBT001
    z_loss: float,
) -> Result:
    """Return the cross-entropy of smoothed class indices, and its gradient."""
    return smoothed_owned(x.clone(), t, class_weight, smoothing, over_others, z_loss, lambda rows: x[rows])


def smoothed_owned(
    x: Tensor,
    t: Tensor,
    class_weight: Tensor | None,
    smoothing: float,
    over_others: bool,  # noqa: FBT001
    z_loss: float,
    again: Again,
) -> Result:
    """Return the same in the memory of the logits."""
    options = class_weight, smoothing, over_others, z_loss
    if class_weight is not None or x.shape[-1] == 1:
        return formulas.smoothed(x, t, *options)
    own = x.gather(-1, t.unsqueeze(-1))
    mean = x.sub_(own).mean(-1, keepdim=True)  # of differences, which an offset does not round off
    if not bool(mean.isfinite().all()):  # a masked class, which gets no share
        return formulas.smoothed(again(torch.arange(len(x), device=x.device)), t, *options)
    p = torch.softmax(x, -1, out=x)
    spread = _Smoothing(smoothing, over_others, mean)
    return _finished(
        p, own if z_loss else None, t, z_loss, spread, lambda rows: formulas.smoothed(again(rows), t[rows], *options)
    )


def _finished(
    p: Tensor, logit: Tensor | None, t: Tensor, z_loss: float, smoothing: _Smoothing | None, definition: Definition
) -> Result:
    """Return the losses, and the slopes in the place of the softmax p; `logit` is the target's, wanted by a z-loss."""
    at = t.unsqueeze(-1)
    own = p.gather(-1, at)
    rest = p.scatter_(-1, at, 0.0).sum(-1, keepdim=True)
    entropy = torch.where(rest < 0.5, torch.log1p(-rest), torch.log(own)).neg_()  # noqa: PLR2004
    loss, by_own, endless = entropy, -rest, None
    if logit is not None:
        size = logit + entropy  # log Σ e^x
        factor = 1 + (2 * z_loss) * size
        p.mul_(factor)
        by_own = by_own + (2 * z_loss) * size * own
        endless = ~factor.isfinite()
    if smoothing is not None:
        loss, share = _spread(entropy, smoothing, p.shape[-1])
        p.sub_(share)
        by_own = by_own + (smoothing.amount if smoothing.over_others else smoothing.amount - share)
    if logit is not None:
        loss = loss + z_loss * size**2
    loss = loss.squeeze(-1)
    p.scatter_(-1, at, by_own)
    if endless is None and 0 < len(p) <= _FEW and (own * rest).amin().item() >= CONFIDENT:
        return loss, (p, None)  # neither is less in any row, and neither is NaN
    hard = (rest < CONFIDENT) | ~(own > RARE)
    hard = (hard if endless is None else hard | endless).squeeze(-1).nonzero().squeeze(-1)
    if hard.numel():
        loss[hard], (p[hard], _) = definition(hard)
    return loss, (p, None)


def _spread(entropy: Tensor, smoothing: _Smoothing, classes: int) -> tuple[Tensor, float]:
    """Return (1 - ε) · cross-entropy plus ε · the mean of log Σ e^x - x, and the share of a class."""
    amount, mean = smoothing.amount, entropy - smoothing.mean
    if not smoothing.over_others:
        return (1 - amount) * entropy + amount * mean, amount / classes
    return (1 - amount) * entropy + amount * ((classes * mean - entropy) / (classes - 1)), amount / (classes - 1)


def distillation(
    s: Tensor,
    teacher: Tensor,
    t: Tensor,
    alpha: float,
    temperature: float,
    reverse: bool,  # noqa: FBT001
) -> tuple[Tensor, tuple[Tensor, Any, None]]:
    """Return α CE + (1 - α) T² KL(p‖q) of each row, and its gradients by both sides."""
    if temperature > _WARM or s.dtype != torch.float32 or not (_even(s, temperature) and _even(teacher, temperature)):
        return formulas.distillation(s, teacher, t, alpha, temperature, reverse)
    hard, (by_label, _) = by_index(s, t, 0.0)
    first, second = (s, teacher) if reverse else (teacher, s)
    a = torch.log_softmax(first / temperature, -1)
    u = torch.log_softmax(second / temperature, -1).sub_(a)  # log q - log p
    p = a.exp_()
    gap = torch.expm1(u).mul_(p)  # q - p
    divergence = _excess(u, gap, p).sum(-1)
    share = (1 - alpha) * temperature

    def by_first() -> Tensor:
        return (u + divergence.unsqueeze(-1)).mul_(p).mul_(-share)

    loss = alpha * hard + (share * temperature) * divergence
    if reverse:
        return loss, (by_label.mul_(alpha).add_(by_first()), lambda: gap * share, None)
    return loss, (by_label.mul_(alpha).add_(gap, alpha=share), by_first, None)


def _excess(u: Tensor, gap: Tensor, p: Tensor) -> Tensor:
    """Return p (e^u - 1 - u), from gap = p (e^u - 1): a series about 0."""
    far = torch.addcmul(gap, p, u, value=-1)
    w = u.clamp(-_NEAR, _NEAR)
    series = torch.full_like(w, _TAYLOR[-1])
    for coefficient in _TAYLOR[-2::-1]:
        series.mul_(w).add_(coefficient)
    near = (u.abs() < _NEAR).to(u.dtype)
    return far.lerp_(series.mul_(w).mul_(w).mul_(p), near)


def _even(x: Tensor, temperature: float) -> bool:
    """Whether no logits of any row are so far apart that a probability is no normal number."""
    low, high = x.amin(-1), x.amax(-1)
    return bool(((high - low) < _SPREAD * temperature).all())
