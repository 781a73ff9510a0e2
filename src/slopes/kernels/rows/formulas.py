"""Cross-entropy and its relatives on rows of logits that exist: value and gradient, exact to the last digits.

The gradient of the target's logit is minus the sum of the other probabilities, never p - 1, which is 0 from a lead
of 16.7 on in float32. A difference of logits is taken in two parts, since the exponential magnifies its rounding
error by the difference itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes._core.differences import TAYLOR, difference, excess
from slopes._core.numerics import horner, power

_EVEN: Final = 0.25  # where the series of e^u needs no more terms


def parts(x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return (d, p, q, total) of rows: x minus the largest, softmax, 1 - softmax, and log Σ e^d.

    A row in which every entry is -inf has no distribution: all four are NaN.
    """
    largest = x.amax(-1, keepdim=True)
    largest = torch.where(largest == -torch.inf, torch.nan, largest)
    leads = x == largest
    high, low = difference(x, largest)
    high, low = torch.where(leads, 0.0, high), torch.where(leads, 0.0, low)
    e = torch.exp(high)
    e = e + e * low
    more = leads.sum(-1, keepdim=True, dtype=e.dtype) - 1  # as large as the first of them
    rest = torch.where(leads, 0.0, e).sum(-1, keepdim=True) + more
    p = e / (1 + rest)
    q = torch.where(leads, rest / (1 + rest), 1 - p)
    return high + low, p, q, torch.log1p(rest)


def _is_class(x: Tensor, at: Tensor) -> Tensor:
    """Return where each row's class `at` is: what a compiler fuses, as it does not fuse a scatter."""
    return torch.arange(x.shape[-1], device=x.device) == at


def by_index(x: Tensor, t: Tensor, z_loss: float = 0.0) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return -log p of each row's class, plus z_loss times the square of log Σ e^x, and its gradient."""
    at = t.unsqueeze(-1)
    d, p, q, total = parts(x)
    loss = total - d.gather(-1, at)
    slope = torch.where(_is_class(x, at), -q, p)
    if z_loss:
        size = total + x.amax(-1, keepdim=True)
        loss, slope = (
            loss + z_loss * size**2,
            slope + 2 * (z_loss * (size * p)),
        )  # in this order 0 · inf does not happen
    return loss.squeeze(-1), (slope, None)


def soft(
    x: Tensor,
    y: Tensor,
    class_weight: Tensor | None,
    smoothing: float,
    over_others: bool,  # noqa: FBT001
    z_loss: float,
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Return -Σ w y' log p of each row, y' the smoothed y, and its gradients by x and y.

    With z_loss each row's Σ w y' is a share of z_loss times the square of log Σ e^x, too.
    """
    shrink: Tensor | float = 1.0
    target = y
    if smoothing:
        left = (x > -torch.inf).to(x.dtype)
        classes = left.sum(-1, keepdim=True)
        if over_others:
            share = smoothing * left / (classes - 1).clamp(min=1)
            target = (1 - smoothing) * y + share * (1 - y)
            shrink = (1 - smoothing) - share
        else:
            target = (1 - smoothing) * y + smoothing * left / classes.clamp(min=1)
            shrink = 1 - smoothing
    if class_weight is not None:
        target, shrink = target * class_weight, shrink * class_weight
    d, p, q, total = parts(x)
    surprise = total - d
    terms = torch.where(target == 0, 0.0, target * torch.where(target == 0, 0.0, surprise))
    mass = target.sum(-1, keepdim=True)
    gradient = p * (mass - target) - target * q
    loss = terms.sum(-1) + 0.0 * total.squeeze(-1)  # NaN without a distribution, though every target be 0
    if z_loss:
        size = total + x.amax(-1, keepdim=True)
        square = z_loss * size**2
        loss, surprise = loss + (mass * square).squeeze(-1), surprise + square
        gradient = gradient + 2 * (z_loss * (mass * (size * p)))
    return loss, (gradient, _unless_0(shrink, surprise))


def _unless_0(factor: Tensor | float, term: Tensor) -> Tensor:
    """Return factor · term, and 0 for a factor of 0, whatever the term: it may be infinite."""
    return torch.where(factor == 0, 0.0, factor * term) if isinstance(factor, Tensor) else blend(factor, term)


def smoothed(
    x: Tensor,
    t: Tensor,
    class_weight: Tensor | None,
    smoothing: float,
    over_others: bool,  # noqa: FBT001
    z_loss: float,
) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return `soft` of class indices; the one-hot rows exist for one block at a time."""
    one_hot = _is_class(x, t.unsqueeze(-1)).to(x.dtype)
    loss, (gradient, _) = soft(x, one_hot, class_weight, smoothing, over_others, z_loss)
    return loss, (gradient, None)


def focal(x: Tensor, t: Tensor, gamma: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return -(1 - p)^γ log p of each row's class, and its gradient."""
    at = t.unsqueeze(-1)
    d, p, q, total = parts(x)
    surprise = total - d.gather(-1, at)
    own, rest = p.gather(-1, at), q.gather(-1, at)
    gone = rest == 0
    kept = torch.where(gone, 1.0, rest)
    modulation = torch.where(gone, float(gamma == 0), power(kept, own, gamma))
    ratio = torch.where(gone, 1.0, surprise / kept)  # tends to 1 where the class is sure
    finite = torch.where(own == 0, 0.0, own * ratio)
    factor = modulation * (1 + gamma * finite)
    loss = torch.where(gone, 0.0, modulation * surprise)
    return loss.squeeze(-1), (factor * torch.where(_is_class(x, at), -q, p), None)


def margin(x: Tensor, t: Tensor, margin: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return max(0, margin + best other - own) of each row, and its gradient."""
    at = t.unsqueeze(-1)
    own = _is_class(x, at)
    others = torch.where(own, -torch.inf, x)
    best, index = others.max(-1, keepdim=True)
    violation = (margin + (best - x.gather(-1, at))).clamp(min=0)
    active = (violation > 0).to(x.dtype)
    gradient = torch.where(own, -active, torch.where(_is_class(x, index), active, 0.0))
    return violation.squeeze(-1), (gradient, None)


def margins(x: Tensor, t: Tensor, margin: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return Σ max(0, margin + other - own) over the other classes of each row, and its gradient."""
    at = t.unsqueeze(-1)
    own = _is_class(x, at)
    violations = torch.where(own, 0.0, (margin + (x - x.gather(-1, at))).clamp(min=0))
    active = (violations > 0).to(x.dtype)
    return violations.sum(-1), (torch.where(own, -active.sum(-1, keepdim=True), active), None)


def divergence(a: Tensor, b: Tensor, p: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Return the terms of KL(p‖q) and log q - log p, from log p = a and log q = b; terms of p = 0 cost q.

    Σ p log(p/q) = Σ (q - p - p log(q/p)) for distributions: each term is at least 0, so that nothing cancels.
    """
    impossible = p == 0
    u = torch.where(impossible, 0.0, b) - torch.where(impossible, 0.0, a)
    near = u.abs() < 1
    terms = torch.where(near, p * excess(torch.where(near, u, 0.0)), (q - p) - p * u)
    return torch.where(impossible, q, terms), u


def distillation(
    s: Tensor,
    teacher: Tensor,
    t: Tensor,
    alpha: float,
    temperature: float,
    reverse: bool,  # noqa: FBT001
) -> tuple[Tensor, tuple[Tensor, Tensor, None]]:
    """Return α CE + (1 - α) T² KL(p‖q) of each row, and its gradients by both sides.

    p belongs to the teacher and q to the student; in reverse the other way round.
    """
    hard, (by_label, _) = by_index(s, t)
    first, second = (s, teacher) if reverse else (teacher, s)
    (a, p, _, total_p), (b, q, _, total_q) = parts(first / temperature), parts(second / temperature)
    terms, u = divergence(a - total_p, b - total_q, p, q)
    total = terms.sum(-1, keepdim=True)
    apart, by_first, by_second = _nearly_even(first, second, p, temperature)
    even = apart >= 0
    by_first = torch.where(even, by_first, temperature * torch.where(p == 0, 0.0, -p * (u + total)))
    far = temperature * torch.where((p > 0) & (u < 1), p * torch.expm1(u.clamp(max=1)), q - p)
    by_second = torch.where(even, by_second, far)
    by_first, by_second = (1 - alpha) * by_first, (1 - alpha) * by_second
    by_student, by_teacher = (by_first, by_second) if reverse else (by_second, by_first)
    soft = torch.where(even, apart, (temperature * total) * temperature).squeeze(-1)
    loss = blend(alpha, hard) + (1 - alpha) * soft
    return loss, (blend(alpha, by_label) + by_student, by_teacher, None)


def _nearly_even(first: Tensor, second: Tensor, p: Tensor, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return T² KL(p‖q) and its gradients where T makes the rows nearly alike, from differences of their logits.

    u = log(q/p) is of the size 1/T there, far below the logarithms of p and q, and its square may be below every
    number: v = T u is not, and T² KL = Σ p v² g(u), g(u) = (e^u - 1 - u)/u². The first is -1 where rows are not alike.
    """
    gap = second - first
    gap = gap - (p * gap).sum(-1, keepdim=True)
    even = (gap.abs().amax(-1, keepdim=True) / temperature) < _EVEN
    gap = torch.where(even, gap, 0.0)
    w = gap / temperature
    coefficients = TAYLOR[first.dtype]
    v = gap - temperature * torch.log1p((p * (w * (w * horner(w, coefficients)))).sum(-1, keepdim=True))
    u = v / temperature
    curve = horner(u, coefficients)
    apart = (p * (v * v) * curve).sum(-1, keepdim=True)
    return torch.where(even, apart, -1.0), -p * (v + apart / temperature), p * (v + v * (u * curve))


def blend(alpha: float, term: Tensor) -> Tensor:
    """Return α · term; nothing at all for α = 0, where the term may be infinite."""
    return alpha * term if alpha else torch.zeros_like(term)


def scores(x: Tensor, t: Tensor) -> tuple[Tensor, tuple[Callable[[Tensor], Tensor], None]]:
    """Return log p of each row's class, the entropy of the row and its likeliest class; the gradients of the first two.

    With d the distance of a logit to the largest and m = -Σ p d, the entropy is log Σ e^d + m, and its gradient by
    a logit -p (d + m): the large terms of log p + H have gone.
    """
    at = t.unsqueeze(-1)
    d, p, q, total = parts(x)
    near = torch.where(p == 0, 0.0, d)  # the rest may be infinite
    spread = -(p * near).sum(-1, keepdim=True)
    scores = torch.cat([d.gather(-1, at) - total, total + spread, x.argmax(-1, keepdim=True).to(x.dtype)], -1)

    def slopes(share: Tensor) -> Tensor:
        by_log_p, by_entropy, _ = share.unsqueeze(-1).unbind(-2)
        own = torch.where(_is_class(x, at), q, -p)
        return by_log_p * own - by_entropy * p * (near + spread)

    return scores, (slopes, None)
