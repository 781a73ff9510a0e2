"""Prediction intervals that keep what they promise: widened, or narrowed, by how validation targets miss them.

A model's own interval covers what it likes. Split conformal prediction moves its ends by one number, the quantile of
the validation misses: new rows are then covered with at least the promised probability, whatever the model and the
noise, as long as validation and new rows are exchangeable (not where they drift). That holds over all rows together,
not for each kind of row.

    miss = max(lower - target, target - upper)      below 0 inside
    q    = the ⌈(M + 1) coverage⌉-th smallest miss of M validation rows

Source: Romano, Patterson, Candès 2019, Conformalized Quantile Regression.

Dimension names: M validation rows, D columns.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Final

from torch import Tensor

from slopes._core import check
from slopes._core.errors import ShapeError
from slopes._core.spec import Domain
from slopes.recipes.recipe import Reason
from slopes.recipes.regression.numbers import Numbers, finite, numbers

COVERAGE: Final = Domain(0.0, 1.0, low_open=True, high_open=True)


def conformal_quantile(misses: Tensor, *, coverage: float) -> Numbers:
    """Return the ⌈(M + 1) coverage⌉-th smallest of M validation misses, by column.

    Args:
        misses: `[M]` or `[M, D]`, floating and finite: by how much each target misses its interval, below 0 inside.
        coverage: The share of new rows to be covered, in (0, 1).

    Returns:
        What both ends of an interval are to be moved outwards by, in the unit of the misses; below 0 where the
        interval was too wide.

    Raises:
        ShapeError: There are too few rows: fewer than coverage / (1 - coverage).
        DtypeError: `misses` is not a floating tensor.
        OptionError: `coverage` is outside its domain.
        ValuesError: A miss is NaN or infinite.

    Examples:
        >>> import torch
        >>> conformal_quantile(torch.arange(1.0, 10.0), coverage=0.9)  # 9 rows: just enough for 90 %
        9.0
        >>> conformal_quantile(torch.arange(1.0, 10.0), coverage=0.5)
        5.0
    """
    check.option("conformal_quantile", "coverage", coverage, COVERAGE)
    check.floating("conformal_quantile", misses=misses)
    check.dimensions("conformal_quantile", "misses", misses, "[M] or [M, D]", 1)
    finite("conformal_quantile", "misses", misses)
    rows = len(misses)
    rank = math.ceil(round((rows + 1) * coverage, 9))  # 10 · 0.9 is 9, whatever the last bit says
    if rank > rows:
        fewest = math.ceil(round(coverage / (1 - coverage), 9))
        message = (
            f"conformal_quantile: `misses` has {rows} rows, expected at least {fewest} for a coverage of "
            f"{coverage:g}; hold out more rows, or ask for less."
        )
        raise ShapeError(message)
    return numbers(misses.detach().double().sort(0).values[rank - 1])


def conformal_width(predictions: Tensor, targets: Tensor, *, coverage: float = 0.9) -> Numbers:
    """Return how far around any model's predictions targets lie with this probability: half a width, by column.

    Args:
        predictions: `[M]` or `[M, D]`, floating: predictions for validation rows, as `predict` gives them.
        targets: The same shape.
        coverage: The share of new rows to be covered, in (0, 1).

    Returns:
        The half width w, in the targets' unit: [prediction - w, prediction + w] is the interval. The same for every
        row; where noise varies, see `GaussianRegression` and `QuantileRegression`.

    Raises:
        ShapeError: Shapes differ, or there are fewer rows than coverage / (1 - coverage).
        DtypeError: One of them is not floating.
        OptionError: `coverage` is outside its domain.
        ValuesError: A number is NaN or infinite.

    Examples:
        >>> import torch
        >>> conformal_width(torch.zeros(9), torch.tensor([-4.0, -3, -2, -1, 0, 1, 2, 3, 5]), coverage=0.8)
        4.0
    """
    check.alike("conformal_width", predictions=predictions, targets=targets)
    return conformal_quantile((targets.detach().double() - predictions.detach().double()).abs(), coverage=coverage)


def outside(lower: Tensor, upper: Tensor, targets: Tensor) -> Tensor:
    """Return by how much each target misses [lower, upper]; below 0 inside."""
    return (lower - targets).maximum(targets - upper)


def covered(lower: Tensor, upper: Tensor, targets: Tensor) -> float:
    """Return the share of targets in [lower, upper]."""
    return float(((lower <= targets) & (targets <= upper)).double().mean())


def normal_multiple(coverage: float) -> float:
    """Return how many standard deviations around its mean a normal number lies in with this probability.

    Examples:
        >>> round(normal_multiple(0.9), 4)
        1.6449
    """
    return NormalDist().inv_cdf((1 + coverage) / 2)


def why(coverage: float, before: float, rows: int, moved: str) -> Reason:
    """Return what was found on validation rows, as a reason."""
    return Reason(
        f"intervals {moved}",
        f"Before, they covered {before:.1%} of {rows} validation rows where {coverage:.1%} were promised. The "
        f"correction is the conformal one: new rows like these are covered with at least {coverage:.1%} probability, "
        f"over all rows together. Measure it on rows that were not used here.",
    )
