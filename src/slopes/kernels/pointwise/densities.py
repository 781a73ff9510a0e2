"""Likelihoods of a number by location and log-scale: residuals over scales that no float holds, and heavy tails."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes.kernels.pointwise.executor import Pointwise
from slopes.kernels.pointwise.gamma import HALF_LOG_2PI, lag, rising

LOG_2: Final = 0.6931471805599453
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
        0.5 * (wide * tail - (wide + 1) / (1 + back)),
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


_END: Final = {torch.float32: 80.0, torch.float64: 700.0}

LAPLACE: Final = Pointwise.sharing("LaplaceNLL", _laplace, tensors=3)
STUDENT_T: Final = Pointwise.sharing("StudentTNLL", _student_t, tensors=4)
LOG_NORMAL: Final = Pointwise.sharing("LogNormalNLL", _log_normal, tensors=3)
