"""Metrics of the regression recipes: torchmetrics', one set for each column.

It imports torchmetrics; recipes import it when metrics are asked for. R² is 0 for the mean of what it is measured on
and has no lower end: it is never told alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

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

from slopes._core import check
from slopes._core.errors import ShapeError
from slopes.recipes.recipe import Recipe
from slopes.recipes.regression.numbers import Standardization, beside


class Seen(NamedTuple):
    """A batch as metrics take it, each `[N]` or `[N, D]`, float64, in the targets' unit.

    Attributes:
        value: The prediction.
        targets: The truth.
        mean: The prediction for what squares errors, RMSE and R²; `value` where None.
        lower: Lower end of the interval, None where there is none.
        upper: Its upper end.
        surprise: Further means to take, by name.
    """

    value: Tensor
    targets: Tensor
    mean: Tensor | None = None
    lower: Tensor | None = None
    upper: Tensor | None = None
    surprise: Mapping[str, Tensor] = {}


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


def collection(scale: Standardization, *, intervals: bool = False, means: tuple[str, ...] = ()) -> MetricCollection:
    """Return MAE, RMSE, R², MAPE where all training targets lie on one side of 0, and what intervals need.

    Args:
        scale: Of the training targets: their columns, and on which side of 0 they lie.
        intervals: Add the coverage of the intervals and their mean width.
        means: Names of further means.
    """
    metrics: dict[str, Metric | MetricCollection] = {}
    for suffix in _suffixes(scale):
        metrics["mae" + suffix] = MeanAbsoluteError()
        metrics["rmse" + suffix] = MeanSquaredError(squared=False)
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
    for column, suffix in enumerate(_suffixes(scale)):
        given |= {name + suffix: tensors for name, tensors in _of_column(scale, seen, column).items()}
    for name, metric in metrics.items(keep_base=True):
        metric.update(*given.get(name, (seen.value, seen.targets)))


def scored(recipe: Recipe, raw: Tensor, targets: Tensor) -> dict[str, float]:
    """Return a recipe's metrics of all the data as floats; R² needs at least two rows."""
    check.floating(f"{type(recipe).__name__}.score", raw=raw, targets=targets)
    if targets.dim() == 0 or len(targets) < 2:  # noqa: PLR2004
        message = (
            f"{type(recipe).__name__}.score: `targets` has shape {check.shape_of(targets)}, expected at least two "
            f"rows, since R² compares with how far targets vary; score all the data at once, or use observe()."
        )
        raise ShapeError(message)
    metrics = recipe.metrics().to(raw.device)
    recipe.observe(metrics, raw, targets)
    return {name: float(value) for name, value in metrics.compute().items()}


def _suffixes(scale: Standardization) -> tuple[str, ...]:
    return ("",) if scale.columns is None else tuple(f"_{column}" for column in range(scale.columns))


def _of_column(scale: Standardization, seen: Seen, column: int) -> dict[str, tuple[Tensor, ...]]:
    def picked(value: Tensor) -> Tensor:
        return value.flatten() if scale.columns is None else value[..., column].flatten()

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
