"""Regression on transformed targets: the MSE on their logarithm, Box-Cox or Yeo-Johnson transform.

For targets with a heavy tail, where a few huge ones would rule the MSE, and for errors that grow with the target: after
a logarithm it is ratios that count. What comes back through the inverse is the median, not the mean: a mean of
logarithms is the logarithm of something smaller than the mean. `calibrated` measures by how much, and `predict` tells
both.

Dimension names: N rows, D columns; `...` is any shape, the same for raw outputs and targets.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import torch
from torch import Tensor

from slopes import losses
from slopes._core import check
from slopes._core.reduce import Reduction
from slopes.recipes.recipe import Reason
from slopes.recipes.regression import judging
from slopes.recipes.regression.numbers import (
    NEVER_ALONE,
    Numbers,
    Standardization,
    check_validation,
    counted,
    listed,
    numbers,
    read,
    truth,
)
from slopes.recipes.regression.outputs import Outputs
from slopes.recipes.regression.transforms import Kind, Transform

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

_MOST_RESIDUALS: Final = 256
_AT_ONCE: Final = 16  # predictions times this many are held at a time


class TransformedPrediction(NamedTuple):
    """What a regression on transformed targets says.

    Attributes:
        value: `[...]`, in the targets' unit: the inverse of the output, near the conditional median.
        mean: `[...]`, in the targets' unit: the conditional mean, by the residuals of `calibrated`; `value` before.
    """

    value: Tensor
    mean: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformedRegression:
    """The recipe for numbers over decades, or with a heavy tail on one side.

    Attributes:
        scale: Mean and standard deviation of the training targets as they are; metrics need them.
        transform: The function that targets go through in training.
        residuals: Target - output on validation rows, transformed, by column; found by `calibrated`.
        reasons: Why it is as it is.

    Examples:
        >>> recipe = TransformedRegression.from_targets(torch.tensor([1.0, 10.0, 100.0]))
        >>> recipe.predict(torch.tensor([0.0])).value
        tensor([10.])
        >>> validation = torch.zeros(2), torch.tensor([1.0, 100.0])  # median 10, mean 50.5
        >>> recipe.calibrated(*validation).predict(torch.tensor([0.0])).mean
        tensor([50.5000])
    """

    name = "regression on transformed targets"

    scale: Standardization
    transform: Transform
    residuals: tuple[Numbers, ...] = ()
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def from_targets(cls, targets: Tensor, *, kind: Kind | None = None) -> Self:
        """Return the recipe for these training targets.

        Args:
            targets: `[N]` or `[N, D]`, floating and finite; at least two rows, no column constant.
            kind: `"log"`, `"box-cox"` (both for numbers above 0) or `"yeo-johnson"`; where None the logarithm if all
                targets are above 0, else Yeo-Johnson.

        Raises:
            ShapeError: Not `[N]` or `[N, D]`, or fewer than two rows.
            DtypeError: Not a floating tensor.
            OptionError: `kind` is none of the three.
            ValuesError: A target is NaN or infinite, a column is constant, or a target is not above 0 where it must.
            MissingDependencyError: scikit-learn is not installed, and the kind is not the logarithm.
        """
        values = read("TransformedRegression", targets)
        chosen: Kind = ("log" if bool((values > 0).all()) else "yeo-johnson") if kind is None else kind
        transform = Transform.fitted(targets, kind=chosen)
        scale = Standardization.from_targets(targets)
        return cls(scale=scale, transform=transform, reasons=(_why(transform, scale), _BIAS, NEVER_ALONE))

    def head(self, features: int) -> Outputs:
        """Return a linear layer from `[..., features]` to `[...]`, or `[..., D]`; it starts at the transformed mean.

        Raises:
            OptionError: `features` is not an integer of at least 1.
        """
        return Outputs(features, bias=torch.zeros_like(torch.tensor(self.scale.center)))

    def loss(
        self,
        raw: Tensor,
        targets: Tensor,
        *,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return the MSE of raw outputs `[...]` and transformed targets, in their squared standard deviations.

        Args:
            raw: `[...]`, floating: transformed and standardised outputs, as `head` makes them.
            targets: `[...]`, floating, in their own unit.
            mask: `[...]` boolean, True where an element counts.
            weight: `[...]`, weight of each element, at least 0; see `recency_weight` and `noise_weight`.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[...]` for `"none"`.

        Raises:
            ValuesError: A target that counts is not above 0, but for Yeo-Johnson.
            SlopesError: As `slopes.losses.mse` does.
        """
        function = "TransformedRegression.loss"
        check.alike(function, raw=raw, targets=targets)
        self.scale.fits(function, "targets", targets)
        wanted = self.transform.forward(function, targets, counted(function, targets, mask, weight))
        return losses.mse(raw, wanted, mask=mask, weight=weight, reduction=reduction, denominator=denominator)

    def predict(self, raw: Tensor) -> TransformedPrediction:
        """Return median and mean `[...]` in the targets' unit; float32 for 16-bit outputs.

        Raises:
            ShapeError: `raw` does not have the targets' columns.
            DtypeError: `raw` is not floating.

        Notes:
            The mean is that of the inverse at the output plus each validation residual. Source: Duan 1983, Smearing
            Estimate. It takes the residuals for independent of the output.
        """
        self.scale.fits("TransformedRegression.predict", "raw", raw)
        value = self.transform.inverse(raw)
        if not self.residuals:
            return TransformedPrediction(value, value)
        residuals = torch.tensor(self.residuals, dtype=value.dtype, device=raw.device)
        total = torch.zeros_like(value)
        for some in torch.split(residuals, _AT_ONCE):
            beside_each = some.reshape(len(some), *(1,) * (raw.dim() - some.dim() + 1), *some.shape[1:])
            total = total + self.transform.inverse(raw + beside_each).sum(0)
        return TransformedPrediction(value, total / len(self.residuals))

    def metrics(self) -> MetricCollection:
        """Return torchmetrics for `observe`: MAE and MAPE of the median, RMSE and R² of the mean.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
        """
        return judging.collection("TransformedRegression.metrics", self.scale)

    observe = judging.observe
    score = judging.score

    def calibrated(self, raw: Tensor, targets: Tensor) -> Self:
        """Return this recipe with the residuals of validation outputs `[N]` and targets `[N]`, or `[N, D]`.

        Of more than 256 rows it keeps 256 of their quantiles.

        Raises:
            ShapeError: Shapes differ, or there are no rows.
            DtypeError: One of them is not floating.
            ValuesError: An output or a target is NaN or infinite, or a target is not above 0 where it must.
        """
        function = "TransformedRegression.calibrated"
        outputs, given = truth(function, raw, targets)
        check_validation(function, outputs, given)
        residuals = (self.transform.forward(function, given) - outputs).sort(0).values
        if len(residuals) > _MOST_RESIDUALS:
            middles = (torch.arange(_MOST_RESIDUALS, dtype=torch.float64) + 0.5) / _MOST_RESIDUALS * len(residuals)
            residuals = residuals[middles.long().to(residuals.device)]
        recipe = dataclasses.replace(self, residuals=tuple(numbers(row) for row in residuals))
        value, mean = recipe.predict(outputs)
        why = Reason(
            "a mean beside the median",
            f"On {len(given)} validation rows targets are {listed(numbers(given.mean(0)))} in the mean; the inverse of "
            f"the outputs is {listed(numbers(value.mean(0)))}, and with the residuals put back "
            f"{listed(numbers(mean.mean(0)))}.",
        )
        return dataclasses.replace(recipe, reasons=(*self.reasons, why))


_BIAS: Final = Reason(
    "the inverse is a median",
    "The mean of transformed targets, taken back, is not their mean: after a logarithm it lies below it by a factor of "
    "exp(variance / 2) if the logarithms are normal. `calibrated` measures it; until then `mean` is `value`.",
)


def _why(transform: Transform, scale: Standardization) -> Reason:
    means = (
        "Ratios count, not differences: 10 for 20 is as wrong as 100 for 200, and predictions stay above 0"
        if transform.kind == "log"
        else "The exponent is the one under which targets look most normal (scikit-learn's PowerTransformer)"
    )
    return Reason(
        f"MSE on {transform.told()} of the target",
        f"Targets run from {listed(scale.low)} to {listed(scale.high)}, with a mean of {listed(scale.center)}. "
        f"{means}.",
    )
