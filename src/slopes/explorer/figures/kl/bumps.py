"""A target of two bumps, and the single Gaussian that comes nearest to it in each direction of KL.

The densities live on an even grid, far and fine enough that sums over it are integrals to four digits; what is
minimised, and drawn, is the library's divergence on that grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

EDGE: Final = 20.0
POINTS: Final = 161
REACH: Final = 7.0  # as far as the charts go
_MEANS: Final = 43
_NEAR: Final = 1e-4  # the step of the differences, and the last step of the search
_STEPS: Final = 25
# A point, its neighbours along either axis, and one on the diagonal: enough for a gradient and a Hessian.
_AROUND: Final = _NEAR * torch.tensor([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]], dtype=torch.float64)


Place = tuple[float, float]  # a mean, and the logarithm of a width


@dataclass(frozen=True, kw_only=True)
class Target:
    """A mixture of two Gaussians of one width; `left` is the left one's share."""

    distance: float
    width: float
    left: float

    @property
    def places(self) -> tuple[float, float]:
        """The centres of the bumps."""
        return -self.distance / 2, self.distance / 2

    @property
    def mean(self) -> float:
        """The mean of the mixture."""
        return (1 - 2 * self.left) * self.distance / 2

    @property
    def deviation(self) -> float:
        """The standard deviation of the mixture."""
        return math.sqrt(self.width**2 + self.left * (1 - self.left) * self.distance**2)

    def log_density(self, x: Tensor) -> Tensor:
        """Return the logarithm of the density at `x`."""
        shares = (self.left, 1 - self.left)
        bumps = [
            math.log(share) - (x - place).square() / (2 * self.width**2)
            for share, place in zip(shares, self.places, strict=True)
        ]
        return torch.logaddexp(*bumps) - math.log(self.width * math.sqrt(2 * math.pi))


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A Gaussian, and its two divergences from the target."""

    mean: float
    deviation: float
    forward: float
    reverse: float


@dataclass(frozen=True, kw_only=True)
class Fits:
    """The Gaussians nearest to the target, and how the divergence of each depends on where it stands."""

    forward: Fit
    reverse: Fit
    means: Tensor
    forward_over: tuple[Tensor, Tensor]
    reverse_over: tuple[Tensor, Tensor]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Each fit moved to one mean: its divergence, and the slope by the mean."""

    mean: float
    forward: tuple[float, float]
    reverse: tuple[float, float]


@lru_cache(maxsize=64)
def moved(target: Target, mean: float) -> Moved:
    """Return what becomes of the divergences when both fits stand at `mean`."""
    fits, at = fitted(target), torch.tensor([mean], dtype=torch.float64)
    forward, reverse = over(target, at, fits.forward.deviation, fits.reverse.deviation)
    return Moved(
        mean=mean, forward=(forward[0].item(), forward[1].item()), reverse=(reverse[0].item(), reverse[1].item())
    )


@lru_cache(maxsize=64)
def fitted(target: Target) -> Fits:
    """Return the fits of both directions, and the divergences as either is moved, with their slopes."""
    with slopes.exact():
        log_p = target.log_density(grid()).log_softmax(-1)
        forward, reverse = _measured(log_p, _nearest(log_p, target))
    means = torch.linspace(-REACH, REACH, _MEANS, dtype=torch.float64)
    forward_over, reverse_over = over(target, means, forward.deviation, reverse.deviation)
    return Fits(
        forward=forward,
        reverse=reverse,
        means=means,
        forward_over=forward_over,
        reverse_over=reverse_over,
    )


Profile = tuple[Tensor, Tensor]  # divergences, and their slopes by the mean


def over(target: Target, means: Tensor, forward: float, reverse: float) -> tuple[Profile, Profile]:
    """Return either divergence of Gaussians with these means, of one width for each direction, and its slopes."""
    with slopes.exact():
        log_p = target.log_density(grid()).log_softmax(-1)
        at = means.repeat(2).requires_grad_()
        way = torch.tensor([False, True]).repeat_interleave(len(means))[:, None]
        log_q = _gaussians(at, torch.where(way[:, 0], reverse, forward))
        pairs = torch.where(way, log_q, log_p), torch.where(way, log_p, log_q)
        divergence = L.kl_divergence(*pairs, reduction="none")
        (slope,) = torch.autograd.grad(divergence.sum(), at)
    one, other = zip(divergence.detach().chunk(2), slope.chunk(2), strict=True)
    return one, other


@lru_cache(maxsize=1)
def grid() -> Tensor:
    """The points that densities are summed over."""
    return torch.linspace(-EDGE, EDGE, POINTS, dtype=torch.float64)


def _gaussians(means: Tensor, deviations: Tensor) -> Tensor:
    """Log-probabilities on the grid, `[N, points]`."""
    z = (grid() - means[:, None]) / deviations[:, None]
    return (-0.5 * z.square()).log_softmax(-1)


def _nearest(log_p: Tensor, target: Target) -> tuple[Place, Place]:
    """Mean and log-width of the best Gaussian in each direction.

    The reverse divergence may have several minima: one about the mean of the target and one in each bump, of which
    the heavier's is the lowest.
    """
    wide = target.mean, math.log(target.deviation)
    narrow = target.places[int(target.left <= 0.5)], math.log(target.width)  # noqa: PLR2004  half
    (forward, _), *candidates = _descend(log_p, [wide, wide, narrow], [False, True, True])
    return forward, min(candidates, key=lambda found: found[1])[0]


def _descend(log_p: Tensor, starts: list[Place], reverse: list[bool]) -> list[tuple[Place, float]]:
    """Newton's method from several starts at once, its derivatives differences of the library's divergence."""
    places, values = starts, [math.inf] * len(starts)
    way = torch.tensor(reverse).repeat_interleave(len(_AROUND))[:, None]
    for _ in range(_STEPS):
        near = (torch.tensor(places, dtype=torch.float64)[:, None] + _AROUND).reshape(-1, 2)
        log_q = _gaussians(near[:, 0], near[:, 1].exp())
        pairs = torch.where(way, log_q, log_p), torch.where(way, log_p, log_q)
        around = L.kl_divergence(*pairs, reduction="none").reshape(-1, len(_AROUND)).tolist()
        steps = [_step(six) for six in around]
        values = [six[0] for six in around]
        places = [(m + dm, s + ds) for (m, s), (dm, ds) in zip(places, steps, strict=True)]
        if max(abs(part) for step in steps for part in step) < _NEAR:
            break
    return list(zip(places, values, strict=True))


def _step(six: list[float]) -> Place:
    """Newton's step out of the six values, or downhill where the surface is not a bowl; at most 1 long."""
    here, right, left, up, down, corner = six
    by_m, by_s = (right - left) / (2 * _NEAR), (up - down) / (2 * _NEAR)
    mm, ss = (right + left - 2 * here) / _NEAR**2, (up + down - 2 * here) / _NEAR**2
    ms = (corner - right - up + here) / _NEAR**2
    bowl = mm * ss - ms * ms
    if mm > 0 and bowl > 0:
        step = (ms * by_s - ss * by_m) / bowl, (ms * by_m - mm * by_s) / bowl
    else:
        step = -by_m / max(abs(mm), 1e-3), -by_s / max(abs(ss), 1e-3)
    short = min(1.0, 1 / max(math.hypot(*step), 1e-300))
    return step[0] * short, step[1] * short


def _measured(log_p: Tensor, places: tuple[Place, Place]) -> list[Fit]:
    means, deviations = torch.tensor(places, dtype=torch.float64).T
    log_q = _gaussians(means, deviations.exp())
    rows = log_p.expand(log_q.shape)
    ways = torch.cat([rows, log_q]), torch.cat([log_q, rows])
    forward, reverse = L.kl_divergence(*ways, reduction="none").reshape(2, -1).tolist()
    return [
        Fit(mean=mean, deviation=math.exp(log_deviation), forward=one, reverse=other)
        for (mean, log_deviation), one, other in zip(places, forward, reverse, strict=True)
    ]
