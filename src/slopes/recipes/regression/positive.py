"""Regression on numbers that cannot be negative: a softplus or exponential head and the MSE.

Dimension names: N rows, D columns; `...` is any shape, the same for raw outputs and targets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, Self

import torch
from torch import Tensor

from slopes import losses
from slopes._core import check
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE
from slopes._core.tensors import wide
from slopes.activations import softplus
from slopes.recipes.recipe import Reason
from slopes.recipes.regression import judging
from slopes.recipes.regression.numbers import NEVER_ALONE, Standardization, beside, counted, listed
from slopes.recipes.regression.outputs import Outputs
from slopes.recipes.regression.plain import RegressionPrediction

Link = Literal["softplus", "exp"]
LINKS: Final = ("softplus", "exp")


@dataclass(frozen=True, slots=True, kw_only=True)
class PositiveRegression:
    """The recipe for amounts, counts, durations: numbers that cannot be negative, and may be 0.

    Attributes:
        scale: Mean and standard deviation of the training targets; targets are divided by the mean.
        link: What makes the output positive: `"softplus"` or `"exp"`.
        reasons: Why it is as it is.

    Raises:
        OptionError: `link` is none of the two.

    Examples:
        >>> recipe = PositiveRegression.from_targets(torch.tensor([0.0, 5.0, 10.0]), link="exp")
        >>> recipe.predict(torch.tensor([-200.0, 0.0]))
        RegressionPrediction(value=tensor([0., 5.]))
    """

    name = "positive regression"

    scale: Standardization
    link: Link = "softplus"
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        check.choice("PositiveRegression", "link", self.link, LINKS)

    @classmethod
    def from_targets(cls, targets: Tensor, *, link: Link = "softplus") -> Self:
        """Return the recipe for these training targets.

        Args:
            targets: `[N]` or `[N, D]`, floating and finite, at least 0; at least two rows, no column constant.
            link: `"softplus"`, or `"exp"` where effects multiply.

        Raises:
            ShapeError: Not `[N]` or `[N, D]`, or fewer than two rows.
            DtypeError: Not a floating tensor.
            OptionError: `link` is none of the two.
            ValuesError: A target is negative, NaN or infinite, or a column is constant.
        """
        check.choice("PositiveRegression", "link", link, LINKS)
        scale = Standardization.from_targets(targets, "PositiveRegression")
        check.within("PositiveRegression", "targets", targets, FINITE_NON_NEGATIVE, _NEGATIVE)
        return cls(scale=scale, link=link, reasons=(_LINK[link], _divided(scale), NEVER_ALONE))

    def head(self, features: int) -> Outputs:
        """Return a linear layer from `[..., features]` to `[...]`, or `[..., D]`; it starts at the targets' mean.

        Raises:
            OptionError: `features` is not an integer of at least 1.
        """
        start = math.log(math.expm1(1.0)) if self.link == "softplus" else 0.0  # where the link is 1
        return Outputs(features, bias=torch.full_like(torch.tensor(self.scale.center), start))

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
        """Return the MSE of the link of raw outputs `[...]` and targets `[...]`, in squares of the targets' mean.

        Args:
            raw: `[...]`, floating: outputs before the link, as `head` makes them.
            targets: `[...]`, floating, at least 0.
            mask: `[...]` boolean, True where an element counts.
            weight: `[...]`, weight of each element, at least 0; see `recency_weight` and `noise_weight`.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[...]` for `"none"`.

        Raises:
            ValuesError: A target that counts is negative.
            SlopesError: As `slopes.losses.mse` does.
        """
        function = "PositiveRegression.loss"
        check.alike(function, raw=raw, targets=targets)
        self.scale.fits(function, "targets", targets)
        keep = counted(function, targets, mask, weight)
        check.within(function, "targets", targets, FINITE_NON_NEGATIVE, _NEGATIVE, keep)
        wanted = targets.to(wide(targets.dtype)) / beside(self.scale.center, targets)
        given = raw if keep is None else torch.where(keep, raw, 0.0)  # an infinity there leaves no trace
        return losses.mse(
            self._linked(given), wanted, mask=mask, weight=weight, reduction=reduction, denominator=denominator
        )

    def _linked(self, raw: Tensor) -> Tensor:
        wider = raw.to(wide(raw.dtype))
        return softplus(wider) if self.link == "softplus" else wider.exp()

    def predict(self, raw: Tensor) -> RegressionPrediction:
        """Return the prediction `[...]`, at least 0, the conditional mean; float32 for 16-bit outputs.

        Raises:
            ShapeError: `raw` does not have the targets' columns.
            DtypeError: `raw` is not floating.
        """
        self.scale.fits("PositiveRegression.predict", "raw", raw)
        linked = self._linked(raw)
        return RegressionPrediction(linked * beside(self.scale.center, linked))

    metrics = judging.metrics
    observe = judging.observe
    score = judging.score
    calibrated = judging.unchanged


_NEGATIVE: Final = "use Regression for numbers of both signs, or check what a negative one stands for"
_LINK: Final = {
    "softplus": Reason(
        "softplus, MSE",
        "Softplus is above 0 everywhere and a straight line for large outputs: the gradient is prediction - target "
        "times a slope between 0 and 1. Targets of 0 are taken. Where all are above 0 and errors grow with the target, "
        "TransformedRegression on their logarithm fits better.",
    ),
    "exp": Reason(
        "exponential, MSE",
        "Effects multiply: one more unit of a feature is so many per cent. The slope of the exponential is the "
        "prediction itself, so that large predictions take large steps: keep the learning rate low.",
    ),
}


def _divided(scale: Standardization) -> Reason:
    return Reason(
        f"divided by the mean, {listed(scale.center)}",
        f"Targets run from {listed(scale.low)} to {listed(scale.high)}. They are divided by their mean and not "
        f"shifted, since 0 has to stay 0. Prediction restores the unit.",
    )
