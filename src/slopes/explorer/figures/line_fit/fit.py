"""The line of least loss through points, by the library's own values and slopes, many problems at once.

A sum of losses that are kinked at 0 is least on a line through two of the points, so every such line is tried. From
the best of them Newton's method goes on, with curvatures from differences of the slopes, and with the weights slope /
residual where that step is lower; a line counts as found where the summed gradient vanishes, or where no line close by
is better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Evaluate = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]

_STEPS: Final = 40
_SHARES: Final = (1.0, 0.5, 0.1)  # of Newton's step that are tried
_WIDTH: Final = 1e-4  # of the differences that curvatures come from
_STILL: Final = 1e-10  # of the summed sizes of the gradients: their sum counts as 0
_ON_IT: Final = 1e-9  # a point this close to a line lies on it
_NEAR: Final = 1e-5  # how far off the neighbours of a kinked minimum are
_NEIGHBOURS: Final = 16
_EVEN: Final = 1e-12  # of a sum: less is rounding


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Fitted lines, one for each problem: `[B]`, and `[B, N]` for what belongs to a point."""

    slope: Vector
    intercept: Vector
    loss: Vector
    gradients: Vector
    found: Flags


def fit(evaluate: Evaluate, x: Vector, y: Vector, *, kinked: bool = False) -> Lines:
    """Return the line of least summed loss for each problem.

    Args:
        evaluate: Values and slopes, by predictions, of a vector of predictions and targets.
        x: `[B, N]`, places of the points.
        y: `[B, N]`, their heights.
        kinked: Whether the loss has no curvature, so that lines through two points are all there is to try.

    Returns:
        The lines, each with its mean loss and the gradient at each point.
    """
    centre = x.mean(axis=1, keepdims=True)
    u = x - centre
    now = _through_two(evaluate, u, y)
    found: Flags = np.full(len(y), kinked)
    if not kinked:
        now = _improved(evaluate, u, y, now.line)
        found = _still(now.slopes, u)
    if not found.all():
        found |= _lowest(evaluate, u, y, now)
    intercept = now.line[:, 0] - now.line[:, 1] * centre[:, 0]
    return Lines(slope=now.line[:, 1], intercept=intercept, loss=now.values.mean(1), gradients=now.slopes, found=found)


@dataclass(frozen=True, kw_only=True)
class _Now:
    """A line of each problem `[B, 2]`, and value, slope and curvature at each point `[B, N]`."""

    line: Vector
    values: Vector
    slopes: Vector
    curvatures: Vector


def _at(evaluate: Evaluate, lines: Vector, u: Vector, y: Vector) -> tuple[Vector, Vector]:
    """Return values and slopes `[B, K, N]` at K lines `[B, K, 2]` (height at the centre, slope) of each problem."""
    predictions = lines[:, :, :1] + lines[:, :, 1:] * u[:, None]
    targets = np.broadcast_to(y[:, None], predictions.shape)
    predictions = np.where(np.abs(predictions - targets) < _ON_IT, targets, predictions)
    flat = (torch.from_numpy(np.array(part).reshape(-1)) for part in (predictions, targets))
    values, slopes = evaluate(*flat)
    return values.numpy().reshape(predictions.shape), slopes.numpy().reshape(predictions.shape)


def _through_two(evaluate: Evaluate, u: Vector, y: Vector) -> _Now:
    """Return the best line through two of the points of each problem."""
    i, j = _pairs(u.shape[1])
    run, rise = u[:, j] - u[:, i], y[:, j] - y[:, i]
    slope = np.where(run == 0, 0.0, rise / np.where(run == 0, 1.0, run))
    lines = np.stack([y[:, i] - slope * u[:, i], slope], axis=-1)
    values, slopes = _at(evaluate, lines, u, y)
    best = np.arange(len(y)), _least(values.sum(-1))
    return _Now(line=lines[best], values=values[best], slopes=slopes[best], curvatures=np.zeros_like(y))


def _improved(evaluate: Evaluate, u: Vector, y: Vector, line: Vector) -> _Now:
    """Return lines that no step lowers any more."""
    now = _measured(evaluate, line[:, None], u, y)
    for _ in range(_STEPS):
        if _still(now.slopes, u).all():
            break
        gradient = _summed(now.slopes, u)
        residuals = now.line[:, :1] + now.line[:, 1:] * u - y
        on_it = np.abs(residuals) < _ON_IT
        weights = np.where(on_it, now.curvatures, now.slopes / np.where(on_it, 1.0, residuals))
        newton, reweighted = (_solved(np.maximum(w, 0.0), u, gradient) for w in (now.curvatures, weights))
        whole = _measured(evaluate, (now.line - newton)[:, None], u, y)
        if (whole.values.sum(1) <= now.values.sum(1) * (1 + _EVEN)).all():
            now = whole
            continue
        steps = np.stack([np.zeros_like(newton), *(share * newton for share in _SHARES), reweighted], axis=1)
        now = _measured(evaluate, now.line[:, None] - steps, u, y)
    return now


def _measured(evaluate: Evaluate, tried: Vector, u: Vector, y: Vector) -> _Now:
    """Return the best of the lines tried, with curvatures from lines a little lower and a little higher."""
    shifts = np.array([[0.0, 0.0], [-_WIDTH, 0.0], [_WIDTH, 0.0]])
    three = (tried[:, None] + shifts[:, None]).reshape(len(y), -1, 2)
    values, slopes = (part.reshape(len(y), 3, tried.shape[1], -1) for part in _at(evaluate, three, u, y))
    rows, best = np.arange(len(y)), _least(values[:, 0].sum(-1))
    curvatures = (slopes[rows, 2, best] - slopes[rows, 1, best]) / (2 * _WIDTH)
    return _Now(
        line=tried[rows, best], values=values[rows, 0, best], slopes=slopes[rows, 0, best], curvatures=curvatures
    )


def _lowest(evaluate: Evaluate, u: Vector, y: Vector, now: _Now) -> Flags:
    """Return whether no line close by is better."""
    angles = np.linspace(0, 2 * np.pi, _NEIGHBOURS, endpoint=False)
    turns = np.stack([np.cos(angles), np.sin(angles) / np.abs(u).max()], axis=-1)
    around = _at(evaluate, now.line[:, None] + _NEAR * turns, u, y)[0].sum(-1)
    return np.asarray((around >= now.values.sum(1, keepdims=True) * (1 - _EVEN)).all(1))


def _still(slopes: Vector, u: Vector) -> Flags:
    """Return whether the summed gradient vanishes beside its terms."""
    terms = np.maximum(np.abs(slopes).sum(1), _ON_IT) * np.abs(u).max(1)
    return np.asarray(np.abs(_summed(slopes, u)).max(1) <= _STILL * terms)


def _summed(slopes: Vector, u: Vector) -> Vector:
    """Return the gradient `[B, 2]` by height and slope of the line."""
    return np.stack([slopes.sum(1), (slopes * u).sum(1)], axis=-1)


def _solved(weights: Vector, u: Vector, gradient: Vector) -> Vector:
    """Return the step that the weighted normal equations ask for; nothing where they have no solution."""
    a, b, c = weights.sum(1), (weights * u).sum(1), (weights * u * u).sum(1)
    determinant = a * c - b * b
    safe = np.where(determinant > np.finfo(float).tiny, determinant, np.inf)
    g, h = gradient[:, 0], gradient[:, 1]
    return np.stack([(c * g - b * h) / safe, (a * h - b * g) / safe], axis=-1)


def _least(totals: Vector) -> Places:
    return np.asarray(np.where(np.isnan(totals), np.inf, totals).argmin(1))


@lru_cache(maxsize=8)
def _pairs(count: int) -> tuple[Places, Places]:
    i, j = np.array(list(combinations(range(count), 2))).T
    return i, j
