"""Regression between two bounds: a sigmoid head and binary cross-entropy.

The activation belongs to the loss: binary cross-entropy takes any target in [0, 1], and its gradient by the raw output
is prediction - target. Under the MSE it would be multiplied by p (1 - p), and die at both ends.

Dimension names: N rows, D columns; `...` is any shape, the same for raw outputs and targets.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

import torch
from torch import Tensor

from slopes import losses
from slopes._core import check
from slopes._core.errors import OptionError, ValuesError
from slopes._core.reduce import Reduction
from slopes._core.spec import Domain
from slopes._core.tensors import wide
from slopes.activations import sigmoid
from slopes.recipes.recipe import Reason
from slopes.recipes.regression import judging
from slopes.recipes.regression.numbers import NEVER_ALONE, Standardization, beside, counted, read
from slopes.recipes.regression.outputs import Outputs
from slopes.recipes.regression.plain import RegressionPrediction

_FINITE: Final = Domain(low=-math.inf, high=math.inf, low_open=True, high_open=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundedRegression:
    """The recipe for proportions, rates, fillings: numbers that cannot leave [low, high].

    Attributes:
        scale: Mean and standard deviation of the training targets; the head starts at the mean.
        low: The lowest value there can be, in the targets' unit.
        high: The highest one, above `low`.
        reasons: Why it is as it is.

    Raises:
        OptionError: `low` is not below `high`.

    Examples:
        >>> recipe = BoundedRegression.from_targets(torch.tensor([0.2, 0.6, 1.0]))
        >>> recipe.predict(torch.tensor([0.0, 100.0]))
        RegressionPrediction(value=tensor([0.5000, 1.0000]))
        >>> raw = torch.tensor([0.0], requires_grad=True)
        >>> torch.autograd.grad(recipe.loss(raw, torch.tensor([0.2])), raw)[0]  # 0.5 - 0.2
        tensor([0.3000])
    """

    name = "bounded regression"

    scale: Standardization
    low: float = 0.0
    high: float = 1.0
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        check.option("BoundedRegression", "low", self.low, _FINITE)
        check.option("BoundedRegression", "high", self.high, _FINITE)
        if not self.low < self.high:
            message = (
                f"BoundedRegression: `low` is {self.low!r} and `high` is {self.high!r}, expected low below high; "
                f"exchange them, or give the bounds that the quantity has."
            )
            raise OptionError(message)

    @classmethod
    def from_targets(cls, targets: Tensor, *, low: float = 0.0, high: float = 1.0) -> Self:
        """Return the recipe for these training targets.

        Args:
            targets: `[N]` or `[N, D]`, floating, in [low, high], not all at the ends; no column constant.
            low: The lowest value there can be: of the quantity, not of these targets.
            high: The highest one.

        Raises:
            ShapeError: Not `[N]` or `[N, D]`, or fewer than two rows.
            DtypeError: Not a floating tensor.
            OptionError: `low` is not below `high`.
            ValuesError: A target is outside, NaN or infinite, a column is constant, or all targets are at the ends.
        """
        scale = Standardization.from_targets(targets, "BoundedRegression")
        recipe = cls(scale=scale, low=low, high=high)
        values = read("BoundedRegression", targets)
        check.within("BoundedRegression", "targets", values, Domain(low, high), _outside(low, high))
        ends = int(((values == low) | (values == high)).sum())
        if ends == values.numel():
            message = (
                f"BoundedRegression: all {ends} `targets` are {low:g} or {high:g}, expected numbers between; these are "
                f"labels, use Binary for one a row and MultiLabel for several."
            )
            raise ValuesError(message)
        reasons = (_bounded(recipe, ends, values.numel()), NEVER_ALONE)
        return cls(scale=scale, low=low, high=high, reasons=reasons)

    def head(self, features: int) -> Outputs:
        """Return a linear layer from `[..., features]` to `[...]`, or `[..., D]`; it starts at the targets' mean.

        Raises:
            OptionError: `features` is not an integer of at least 1.
        """
        mean = torch.tensor(self.scale.center, dtype=torch.float64)
        return Outputs(features, bias=torch.logit((mean - self.low) / (self.high - self.low)))

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
        """Return the binary cross-entropy of logits `[...]` and targets `[...]` scaled to [0, 1].

        Args:
            raw: `[...]`, floating: logits, as `head` makes them.
            targets: `[...]`, floating, in [low, high].
            mask: `[...]` boolean, True where an element counts.
            weight: `[...]`, weight of each element, at least 0; see `recency_weight` and `noise_weight`.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[...]` for `"none"`; nats. At its least it is the targets' own entropy, not 0. The gradient
            by the logit is prediction - target, both scaled.

        Raises:
            ValuesError: A target that counts is outside [low, high].
            SlopesError: As `slopes.losses.binary_cross_entropy` does.
        """
        function = "BoundedRegression.loss"
        check.alike(function, raw=raw, targets=targets)
        self.scale.fits(function, "targets", targets)
        keep = counted(function, targets, mask, weight)
        check.within(function, "targets", targets, Domain(self.low, self.high), _outside(self.low, self.high), keep)
        low, high = beside(self.low, targets), beside(self.high, targets)
        share = (targets.to(wide(targets.dtype)) - low) / (high - low)
        return losses.binary_cross_entropy(
            raw, share, mask=mask, weight=weight, reduction=reduction, denominator=denominator
        )

    def predict(self, raw: Tensor) -> RegressionPrediction:
        """Return the prediction `[...]` in [low, high], the conditional mean; float32 for 16-bit outputs.

        Raises:
            ShapeError: `raw` does not have the targets' columns.
            DtypeError: `raw` is not floating.
        """
        self.scale.fits("BoundedRegression.predict", "raw", raw)
        share = sigmoid(raw.to(wide(raw.dtype)))
        return RegressionPrediction(torch.lerp(beside(self.low, share), beside(self.high, share), share))

    metrics = judging.metrics
    observe = judging.observe
    score = judging.score
    calibrated = judging.unchanged


def _outside(low: float, high: float) -> str:
    return (
        f"give BoundedRegression the bounds of the quantity, low and high, where they are not {low:g} and {high:g}, "
        f"or use Regression where there are none"
    )


def _bounded(recipe: BoundedRegression, ends: int, count: int) -> Reason:
    return Reason(
        "a sigmoid, binary cross-entropy",
        f"Targets lie in [{recipe.low:g}, {recipe.high:g}], {ends} of {count} at an end. The gradient by the logit is "
        f"prediction - target, as large as the error; under the MSE it would be multiplied by p (1 - p) and die where "
        f"the sigmoid is flat. Targets at the ends are taken, and its minimum is the conditional mean. Source: Papke, "
        f"Wooldridge 1996.",
    )
