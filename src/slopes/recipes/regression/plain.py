"""Regression: one linear output for each number, the MSE, targets standardised in training and restored in prediction.

No activation and the MSE are a matched pair: the gradient by the output is twice prediction - target, in standardised
units. The recipe for numbers whose errors are about normal; `robust`, `constrained`, `transformed`, `heteroscedastic`
and `quantiles` have those for the others.

Dimension names: N rows, D columns; `...` is any shape, the same for raw outputs and targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import torch
from torch import Tensor

from slopes import losses
from slopes._core import check
from slopes._core.reduce import Reduction
from slopes.recipes.recipe import Reason
from slopes.recipes.regression import judging
from slopes.recipes.regression.numbers import NEVER_ALONE, Standardization
from slopes.recipes.regression.outputs import Outputs

_MSE: Final = Reason(
    "mean squared error, one linear output a number",
    "It is the likelihood of normal noise, and its minimum the conditional mean. The gradient by the output is twice "
    "prediction - target: as large as the error, so that a few wild targets rule it. Look at the residuals' tails "
    "(`Tails.of`) once a first model is there; `RobustRegression.from_residuals` does it.",
)


class RegressionPrediction(NamedTuple):
    """What a regression says.

    Attributes:
        value: `[...]`, in the targets' unit.
    """

    value: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Regression:
    """The recipe for numbers with about normal errors.

    Attributes:
        scale: Mean and standard deviation of the training targets.
        reasons: Why it is as it is.

    Examples:
        >>> recipe = Regression.from_targets(torch.tensor([100.0, 300.0]))
        >>> recipe.loss(torch.tensor([0.0]), torch.tensor([300.0])).item()  # one standard deviation off
        1.0
        >>> recipe.predict(torch.tensor([0.5]))
        RegressionPrediction(value=tensor([250.]))
    """

    name = "regression"

    scale: Standardization
    reasons: tuple[Reason, ...] = ()

    @classmethod
    def from_targets(cls, targets: Tensor) -> Self:
        """Return the recipe for these training targets.

        Args:
            targets: `[N]` or `[N, D]`, floating and finite; at least two rows, no column constant.

        Raises:
            ShapeError: Not `[N]` or `[N, D]`, or fewer than two rows.
            DtypeError: Not a floating tensor.
            ValuesError: A target is NaN or infinite, or a column is constant.
        """
        scale = Standardization.from_targets(targets, "Regression")
        return cls(scale=scale, reasons=(_MSE, scale.why(), NEVER_ALONE))

    def head(self, features: int) -> Outputs:
        """Return a linear layer from `[..., features]` to `[...]`, or `[..., D]`; it starts at the targets' mean.

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
        """Return the MSE of raw outputs `[...]` and targets `[...]`, in squared standard deviations of the targets.

        Args:
            raw: `[...]`, floating: standardised outputs, as `head` makes them.
            targets: `[...]`, floating, in their own unit.
            mask: `[...]` boolean, True where an element counts.
            weight: `[...]`, weight of each element, at least 0; see `recency_weight` and `noise_weight`.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[...]` for `"none"`; 1 is what the mean of the training targets would get.

        Raises:
            SlopesError: As `slopes.losses.mse` does.
        """
        check.alike("Regression.loss", raw=raw, targets=targets)
        wanted = self.scale.forward("Regression.loss", targets)
        return losses.mse(raw, wanted, mask=mask, weight=weight, reduction=reduction, denominator=denominator)

    def predict(self, raw: Tensor) -> RegressionPrediction:
        """Return the prediction `[...]` in the targets' unit; float32 for 16-bit outputs.

        Raises:
            ShapeError: `raw` does not have the targets' columns.
            DtypeError: `raw` is not floating.
        """
        self.scale.fits("Regression.predict", "raw", raw)
        return RegressionPrediction(self.scale.inverse(raw))

    metrics = judging.metrics
    observe = judging.observe
    score = judging.score
    calibrated = judging.unchanged
