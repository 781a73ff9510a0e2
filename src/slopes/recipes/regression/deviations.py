"""Metrics of the regression recipes: torchmetrics', one set for each column.

It imports torchmetrics; recipes import it when metrics are asked for. R² is 0 for the mean of what it is measured on
and has no lower end: it is never told alone.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchmetrics import (
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    Metric,
    MetricCollection,
    R2Score,
)

from slopes.recipes.regression.numbers import Standardization, beside
from slopes.recipes.regression.seen import Seen


class Mean(Metric):
    """The mean of all numbers seen, in float64; torchmetrics' own goes back to float32 when it is moved to a device."""

    full_state_update = False
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, values: Tensor) -> None:
        """Take a batch of numbers."""
        self.total = self.total + values.double().sum()
        self.count = self.count + values.numel()

    def compute(self) -> Tensor:
        """Return the mean; NaN before any number."""
        return self.total / self.count


class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean squared error of each column, and the mean of these."""

    def __init__(self, columns: int) -> None:
        super().__init__(squared=False, num_outputs=columns)

    def compute(self) -> Tensor:
        """Return the mean over the columns."""
        return super().compute().mean()


def collection(scale: Standardization, *, intervals: bool = False, means: tuple[str, ...] = ()) -> MetricCollection:
    """Return MAE, RMSE, R², MAPE where all training targets lie on one side of 0, and what intervals need.

    Of targets `[N, D]` each column has its own, and each name without a number is the mean over the columns.

    Args:
        scale: Of the training targets: their columns, and on which side of 0 they lie.
        intervals: Add the coverage of the intervals and their mean width.
        means: Names of further means.
    """
    metrics: dict[str, Metric | MetricCollection] = {}
    for suffix, columns in _suffixes(scale).items():
        width = 1 if isinstance(columns, int) else scale.columns or 1
        metrics["mae" + suffix] = MeanAbsoluteError()
        metrics["rmse" + suffix] = RootMeanSquaredError(width)
        metrics["r2" + suffix] = R2Score()
        if scale.one_sided:
            metrics["mape" + suffix] = MeanAbsolutePercentageError()
        for name in (*(("coverage", "width") if intervals else ()), *means):
            metrics[name + suffix] = Mean()
    made = MetricCollection(metrics, compute_groups=False)  # each is updated with what it is about
    for metric in made.values():
        metric.set_dtype(torch.float64)
    return made


def update(metrics: MetricCollection, scale: Standardization, seen: Seen) -> None:
    """Update the metrics with a batch; those that were added to the collection get prediction and target."""
    given: dict[str, tuple[Any, ...]] = {}
    for suffix, columns in _suffixes(scale).items():
        given |= {name + suffix: tensors for name, tensors in _of_columns(scale, seen, columns).items()}
    for name, metric in metrics.items(keep_base=True):
        metric.update(*given.get(name, (seen.value, seen.targets)))


def _suffixes(scale: Standardization) -> dict[str, slice | int]:
    """Return which columns a metric is about, by what its name ends in: all of them, and each."""
    every: dict[str, slice | int] = {"": slice(None)}
    return every if scale.columns is None else every | {f"_{column}": column for column in range(scale.columns)}


def _of_columns(scale: Standardization, seen: Seen, columns: slice | int) -> dict[str, tuple[Tensor, ...]]:
    def picked(value: Tensor) -> Tensor:
        if scale.columns is None or isinstance(columns, int):
            return (value if scale.columns is None else value[..., columns]).flatten()
        return value.reshape(-1, scale.columns)  # as many rows in each, so that means over all are means of means

    # R² does not change with center and unit, and MAPE not with the unit. torchmetrics squares sums, which cancels far
    # from 0, and takes targets below 1e-6 for 0.
    center = picked(beside(scale.center, seen.targets).expand_as(seen.targets))
    unit = picked(beside(scale.unit, seen.targets).expand_as(seen.targets))
    size = torch.where(center == 0, unit, center.abs())
    value, targets = picked(seen.value), picked(seen.targets)
    mean = value if seen.mean is None else picked(seen.mean)
    given = {
        "mae": (value, targets),
        "rmse": (mean, targets),
        "r2": ((mean - center) / unit, (targets - center) / unit),
        "mape": (value / size, targets / size),
        **{name: (picked(tensor),) for name, tensor in seen.surprise.items()},
    }
    if seen.lower is not None and seen.upper is not None:
        lower, upper = picked(seen.lower), picked(seen.upper)
        given["coverage"] = (((lower <= targets) & (targets <= upper)).double(),)
        given["width"] = (upper - lower,)
    return given
