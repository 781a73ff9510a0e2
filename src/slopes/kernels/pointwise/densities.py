"""Likelihoods of a number by location and log-scale: residuals over scales that no float holds, and heavy tails."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core.numerics import LOG_2, logistic, softplus
from slopes.kernels.pointwise.executor import Pointwise
from slopes.kernels.pointwise.gamma import HALF_LOG_2PI, bent, lag, rising

_NEAR: Final = 0.5
# From here on squares are near the end of float32, and of float64.
_FAR: Final = {torch.float32: 1e15, torch.float64: 1e150}


def root(log_scale: Tensor) -> Tensor:
    """Return the root of 1 / scale, finite: times it twice, a residual of 0 stays 0 whatever the scale."""
    return torch.exp(-0.5 * log_scale).clamp(max=torch.finfo(log_scale.dtype).max)


def _laplace(m: Tensor, s: Tensor, t: Tensor, constant: float) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    r, half = m - t, root(s)
    away = (r.abs() * half) * half
    slope = (r.sign() * half) * half
    return (s + away) + constant, (slope, 1 - away, -slope)


def _student_t(
    m: Tensor, s: Tensor, k: Tensor, t: Tensor, constant: float
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor]]:
    r, half, few = m - t, root(s), torch.exp(-0.5 * k)
    z = (r * half) * half
    over = (z.abs() * few).clamp(max=torch.finfo(z.dtype).max)  # |z| / √ν, at 1 of which the pull is the largest
    df = torch.exp(k)
    near = over <= 1
    # Near: z² and its like; v = z²/ν.
    u = torch.where(near, z, 0.0)
    v = torch.where(near, over * over, 0.0)
    square, late = u * u, lag(v)
    # Far: by ν and 1/v.
    far = torch.where(near, 1.0, over)
    back = 1 / (far * far)
    size = torch.where(near | (r == 0), 1.0, r.abs())
    tail = torch.where(
        far > _FAR[z.dtype], 2 * (torch.log(size) - s) - k, 2 * torch.log(far.clamp(max=_FAR[z.dtype]))
    ) + torch.log1p(back)
    wide = torch.where(near, 0.0, df)
    heavy = torch.where(near, 0.5 * (square * (1 - late) + torch.log1p(v)), 0.5 * (wide + 1) * tail)
    up = rising(torch.full_like(k, 0.5), LOG_2 - k)
    logs = torch.where(up.few, up.value + 0.5 * (LOG_2 - k), up.value)
    more = torch.where(up.few, 0.5 + up.slope, up.slope)
    by_location = torch.where(
        near, (((1 + few * few) * u) * half / (1 + v)) * half, (wide + 1) / (size * (1 + back)) * r.sign()
    )
    by_scale = torch.where(near, (1 - square) / (1 + v), (back - wide) / (1 + back))
    by_df = torch.where(
        near,
        0.5 * (square * (v / (1 + v) - late) - v / (1 + v)),
        0.5 * (wide * (tail - 1 / (1 + back)) - 1 / (1 + back)),
    )
    value = (s + heavy) - logs + constant
    return value, (by_location, by_scale, by_df + more, -by_location)


def _log_normal(m: Tensor, s: Tensor, t: Tensor, full: bool) -> tuple[Tensor, tuple[Tensor, Tensor, None]]:  # noqa: FBT001
    t = torch.where(t == 0, 1.0, t)  # it does not count
    log = torch.log(t)
    # Near the median by the ratio less 1: the logarithms are rounded, their difference is small.
    median = torch.exp(m.clamp(-_END[m.dtype], _END[m.dtype]))
    ratio = (t - median) / median
    near = ratio.abs() < _NEAR
    r = torch.where(near, -torch.log1p(torch.where(near, ratio, 0.0)), m - log)
    half = root(s)
    z = (r * half) * half
    slope = (z * half) * half
    value = s + 0.5 * (z * z)
    return (value + (log + HALF_LOG_2PI) if full else value), (slope, 1 - z * z, None)


def _gamma(s: Tensor, a: Tensor, t: Tensor, full: bool) -> tuple[Tensor, tuple[Tensor, Tensor, None]]:  # noqa: FBT001
    t = torch.where(t == 0, 1.0, t)  # it does not count
    shape, log, half = torch.exp(a), torch.log(t), root(s)
    over = (t * half) * half - 1  # the target over the mean, less 1
    near = over.abs() < _NEAR
    small = torch.where(near, over, 0.0)
    apart = torch.where(near, small * lag(small), over + (s - log))
    rest, slope = bent(a)
    cost = shape * apart
    value = cost + rest
    return (value + (log + HALF_LOG_2PI) if full else value), (-shape * over, cost + slope, None)


def _beta(m: Tensor, c: Tensor, t: Tensor, full: bool) -> tuple[Tensor, tuple[Tensor, Tensor, None]]:  # noqa: FBT001
    t = torch.where(t == 0, 0.5, t)  # it does not count
    p, q, e = logistic(m)
    log_p, log_q = -softplus(-m, e), -softplus(m, e)
    log, log_rest = torch.log(t), torch.log1p(-t)
    off = torch.where(m > 0, q - (1 - t), t - p)  # by the smaller of the two, of which the digits are
    near = (off.abs() < _NEAR * p) & (off.abs() < _NEAR * q)
    small, up, down = (torch.where(near, x, y) for x, y in ((off, 0.0), (p, 1.0), (q, 1.0)))
    one, two = small / up, -small / down
    apart = torch.where(near, small * (lag(one) - lag(two)), p * (log_p - log) + q * (log_q - log_rest))
    logits = torch.where(near, torch.log1p(two) - torch.log1p(one), m - (log - log_rest))
    size = torch.exp(c)
    (first, by_first), (second, by_second), (both, by_both) = bent(c + log_p), bent(c + log_q), bent(c)
    cost = size * apart
    value = cost + ((first + second) - both)
    by_mean = size * ((p * q) * logits) + (q * by_first - p * by_second)
    slopes = by_mean, cost + ((by_first + by_second) - by_both), None
    return (value + (HALF_LOG_2PI + log + log_rest) if full else value), slopes


def _evidential(
    m: Tensor, n: Tensor, a: Tensor, b: Tensor, t: Tensor, strength: float, constant: float
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor, Tensor]]:
    """Return Student's t with 2α degrees of freedom and β (1 + ν) / (ν α) for its squared scale, and what it adds."""
    _, less, back = logistic(n)
    more, _, grown = logistic(a)
    log_alpha, excess = softplus(a, grown), torch.exp(a)
    alpha, k = excess + 1, LOG_2 + log_alpha
    # The scale times the root of its degrees: α is in neither, and z²/2α is h².
    c = 0.5 * ((b + softplus(-n, back)) + LOG_2)
    r, half = m - t, root(c)
    size = r.abs()
    h = (size * half) * half
    near, huge = h <= 1, h > _FAR[h.dtype]
    v = torch.where(near, h * h, 0.0)
    rest = 1 / torch.where(near, 1.0, h * h)
    some = torch.where(near, 1.0, size)
    tame = torch.where(near | huge, 1.0, h)
    far = torch.where(huge, torch.log(some) - c, torch.log(tame))
    log = torch.where(near, torch.log1p(v), 2 * far + torch.log1p(rest))
    share = torch.where(near, v / (1 + v), 1 / (1 + rest))
    up = rising(torch.full_like(k, 0.5), LOG_2 - k)
    logs, slope = (
        torch.where(up.few, up.value - 0.5 * log_alpha, up.value),
        torch.where(up.few, 0.5 + up.slope, up.slope),
    )
    value = (c - 0.5 * k) + unless_0(log, alpha + 0.5) - logs + constant
    pull = unless_0(r.sign() * torch.where(near, h, 0.0), 2 * alpha + 1)
    by_m = torch.where(near, ((pull * half) / (1 + v)) * half, unless_0(r.sign() * share / some, 2 * alpha + 1))
    by_c = 1 - unless_0(share, 2 * alpha + 1)
    by_k = unless_0(log, alpha) - 0.5 + slope
    by_n, by_a = -0.5 * unless_0(less, by_c), unless_0(more, by_k)
    if strength != 0:
        evidence, dear = 2 * torch.exp(n) + alpha, strength * size
        value = value + unless_0(dear, evidence)
        by_m = by_m + unless_0(strength * r.sign(), evidence)
        by_n = by_n + unless_0(dear, 2 * torch.exp(n))
        by_a = by_a + unless_0(dear, excess)
    return value, (by_m, by_n, by_a, 0.5 * by_c, -by_m)


def unless_0(factor: Tensor, other: Tensor) -> Tensor:
    """Return factor · other, and 0 where one of them is 0, whatever the other: it may be infinite."""
    none = (factor == 0) | (other == 0)
    return torch.where(none, 0.0, torch.where(none, 0.0, factor) * torch.where(none, 0.0, other))


def _mixture(
    x: Tensor, m: Tensor, s: Tensor, t: Tensor, constant: float
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, None]]:
    half = root(s)
    z = ((m - t.unsqueeze(-1)) * half) * half
    shares, logs = torch.softmax(x, -1), torch.log_softmax(x, -1) - (s + 0.5 * (z * z))
    found = torch.softmax(logs, -1)
    value = constant - torch.logsumexp(logs, -1)
    by_mean = (unless_0(found, z) * half) * half
    return value, (shares - found, by_mean, unless_0(found, 1 - z * z), None)


_END: Final = {torch.float32: 80.0, torch.float64: 700.0}

LAPLACE: Final = Pointwise.sharing("LaplaceNLL", _laplace, tensors=3)
STUDENT_T: Final = Pointwise.sharing("StudentTNLL", _student_t, tensors=4)
LOG_NORMAL: Final = Pointwise.sharing("LogNormalNLL", _log_normal, tensors=3)
GAMMA: Final = Pointwise.sharing("GammaNLL", _gamma, tensors=3)
BETA: Final = Pointwise.sharing("BetaDistributionNLL", _beta, tensors=3)
EVIDENTIAL: Final = Pointwise.sharing("Evidential", _evidential, tensors=5)
MIXTURE: Final = Pointwise.sharing("MixtureNLL", _mixture, tensors=4, rows=True)
