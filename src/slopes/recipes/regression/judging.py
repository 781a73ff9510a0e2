"""How a regression is judged: what its metrics are, what they see of a batch, and what all the data give.

The recipes name these functions as their methods; the metrics themselves are in `deviations`, which needs torchmetrics.

Dimension names: N rows, D columns; `...` is any shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from torch import Tensor

from slopes._core import check
from slopes._core.errors import ShapeError
from slopes.recipes.recipe import Recipe, needs, refuse_nan
from slopes.recipes.regression.numbers import Standardization, truth
from slopes.recipes.regression.seen import Seen

if TYPE_CHECKING:
    from torchmetrics import MetricCollection


class OfPoints(Protocol):
    """A recipe that predicts a number for each target, and perhaps a mean beside it."""

    @property
    def scale(self) -> Standardization:
        """Of the training targets."""
        ...

    def predict(self, raw: Tensor, /) -> tuple[Tensor, ...]:
        """Return the prediction, then the mean if there is one."""
        ...


_Same = TypeVar("_Same")


def collection(
    function: str, scale: Standardization, *, intervals: bool = False, means: tuple[str, ...] = ()
) -> MetricCollection:
    """Return a regression's metrics; see `deviations.collection`.

    Raises:
        MissingDependencyError: torchmetrics is not installed.
    """
    needs(function, "torchmetrics")
    from slopes.recipes.regression import deviations  # noqa: PLC0415  an optional package

    return deviations.collection(scale, intervals=intervals, means=means)


def metrics(recipe: OfPoints) -> MetricCollection:
    """Return torchmetrics for `observe`: MAE, RMSE, R², and MAPE where all targets lie on one side of 0.

    With targets `[N, D]` each column has its own, `mae_0`, `mae_1`, ..., and `mae` is their mean (scikit-learn's
    `multioutput="uniform_average"`): of MAE and RMSE it mixes units where columns have different ones.

    Raises:
        MissingDependencyError: torchmetrics is not installed.
    """
    return collection(f"{type(recipe).__name__}.metrics", recipe.scale)


def update(function: str, metrics: MetricCollection, scale: Standardization, seen: Seen) -> None:
    """Update the metrics with a batch; those that were added to the collection get prediction and target.

    Raises:
        ValuesError: A prediction, or an end of an interval, is NaN.
    """
    missing = seen.value.isnan()
    for beside in (seen.mean, seen.lower, seen.upper):
        missing = missing if beside is None else missing | beside.isnan()
    refuse_nan(function, missing)
    from slopes.recipes.regression import deviations  # noqa: PLC0415  an optional package

    deviations.update(metrics, scale, seen)


def observe(recipe: OfPoints, metrics: MetricCollection, raw: Tensor, targets: Tensor) -> None:
    """Update the metrics with a batch of raw outputs `[...]` and targets `[...]`.

    Raises:
        ShapeError: Shapes differ.
        DtypeError: One of them is not floating.
        ValuesError: A target is NaN or infinite, or a prediction is NaN.
    """
    function = f"{type(recipe).__name__}.observe"
    outputs, given = truth(function, raw, targets)
    value, *mean = recipe.predict(outputs)
    update(function, metrics, recipe.scale, Seen(value, given, mean=mean[0] if mean else None))


def score(recipe: Recipe, raw: Tensor, targets: Tensor) -> dict[str, float]:
    """Return the metrics of all the data: raw outputs and targets as `loss` takes them, at least two rows.

    Raises:
        MissingDependencyError: torchmetrics is not installed.
        SlopesError: As `observe` does.
    """
    function = f"{type(recipe).__name__}.score"
    needs(function, "torchmetrics")
    check.floating(function, raw=raw, targets=targets)
    if targets.dim() == 0 or len(targets) < 2:  # noqa: PLR2004
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected at least two rows, since R² compares "
            f"with how far targets vary; score all the data at once, or use observe()."
        )
        raise ShapeError(message)
    metrics = recipe.metrics().to(raw.device)
    recipe.observe(metrics, raw, targets)
    return {name: float(value) for name, value in metrics.compute().items()}


def unchanged(recipe: _Same, raw: Tensor, targets: Tensor) -> _Same:
    """Return this recipe: nothing is found on validation data. For intervals around it see `conformal_width`.

    Raises:
        ShapeError: Shapes differ.
        DtypeError: One of them is not floating.
        ValuesError: A target is NaN or infinite.
    """
    truth(f"{type(recipe).__name__}.calibrated", raw, targets)
    return recipe
