"""Regression that a few wild targets cannot drag: Huber or MAE, by the residuals' tails.

Targets are standardised by median and median absolute deviation (MAD), which wild targets do not move either. Huber's
delta starts at the MAD of the residuals: nearer ones are squared, farther ones count by their distance.

Dimension names: N rows, D columns; `...` is any shape, the same for raw outputs and targets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Self

import torch
from torch import Tensor

from slopes import losses
from slopes._core import check
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_POSITIVE
from slopes.recipes.recipe import Reason
from slopes.recipes.regression import judging
from slopes.recipes.regression.numbers import (
    NEVER_ALONE,
    NORMAL_MAD,
    Standardization,
    finite,
    listed,
    median_absolute_deviation,
)
from slopes.recipes.regression.outputs import Outputs
from slopes.recipes.regression.plain import RegressionPrediction
from slopes.recipes.regression.tails import Tails

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

Criterion = Literal["huber", "mae"]
CRITERIA: Final = ("huber", "mae")
NORMAL_DELTA: Final = 1 / NORMAL_MAD  # the MAD of standard normal residuals, 0.6745


@dataclass(frozen=True, slots=True, kw_only=True)
class RobustRegression:
    """The recipe for numbers with outliers: wrong units, failed sensors, heavy tails.

    Attributes:
        scale: Median and 1.4826 · MAD of the training targets.
        criterion: The loss: `"huber"`, or `"mae"` where far residuals are the rule.
        delta: Where Huber's parabola turns into a line, above 0, in units of `scale.unit`.
        reasons: Why it is as it is.

    Raises:
        OptionError: A field is outside its domain.

    Examples:
        >>> recipe = RobustRegression.from_targets(torch.tensor([1.0, 2.0, 3.0, 4.0, 5000.0]))
        >>> recipe.scale.center, round(recipe.scale.unit, 4), round(recipe.delta, 4)
        (3.0, 1.4826, 0.6745)
    """

    name = "robust regression"

    scale: Standardization
    criterion: Criterion = "huber"
    delta: float = NORMAL_DELTA
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        check.choice("RobustRegression", "criterion", self.criterion, CRITERIA)
        check.option("RobustRegression", "delta", self.delta, FINITE_POSITIVE)

    @classmethod
    def from_targets(cls, targets: Tensor, *, criterion: Criterion = "huber") -> Self:
        """Return the recipe for these training targets, while no residuals are known.

        Args:
            targets: `[N]` or `[N, D]`, floating and finite; at least two rows, no column constant.
            criterion: `"huber"` or `"mae"`.

        Returns:
            The recipe; its delta is the MAD of the targets around their median, which are the residuals of the best
            constant. A model's are smaller: see `from_residuals`.

        Raises:
            ShapeError: Not `[N]` or `[N, D]`, or fewer than two rows.
            DtypeError: Not a floating tensor.
            OptionError: `criterion` is none of the two.
            ValuesError: A target is NaN or infinite, or a column is constant.
        """
        scale = Standardization.robust(targets, "RobustRegression")
        start = Reason(
            f"delta {NORMAL_DELTA:.4g} to start with",
            "No residuals are known yet: it is the median absolute deviation of the targets around their median, in "
            "units of 1.4826 of it. A model's residuals are smaller: train, then take `from_residuals`.",
        )
        reasons = (_ROBUST[criterion], start) if criterion == "huber" else (_ROBUST.get(criterion, _ROBUST["mae"]),)
        return cls(scale=scale, criterion=criterion, reasons=(*reasons, _why(scale), NEVER_ALONE))

    @classmethod
    def from_residuals(
        cls, targets: Tensor, residuals: Tensor, *, criterion: Criterion | None = None, deviations: float = 1.0
    ) -> Self:
        """Return the recipe that the residuals of a first model ask for.

        Args:
            targets: `[N]` or `[N, D]`, training targets as `from_targets` takes them.
            residuals: `[M]` or `[M, D]`, prediction - target of any first model, best on validation rows, in the
                targets' unit; floating and finite, at least 20.
            criterion: The loss; by the residuals' tails where None: MAE where more than a tenth of them lie beyond 3
                robust standard deviations, else Huber.
            deviations: Delta in median absolute deviations of the residuals, above 0. At 2 (Huber's own 1.345 robust
                standard deviations) it keeps 95 % of the MSE's efficiency under normal noise.

        Raises:
            ShapeError: Shapes do not fit, or there are fewer than 20 residuals.
            DtypeError: One of them is not a floating tensor.
            OptionError: `criterion` is none of the two, or `deviations` is not above 0.
            ValuesError: A number is NaN or infinite, or more than half of the residuals are equal.
        """
        check.option("RobustRegression", "deviations", deviations, FINITE_POSITIVE)
        scale = Standardization.robust(targets, "RobustRegression")
        scale.fits("RobustRegression", "residuals", residuals)
        finite("RobustRegression", "residuals", residuals)
        standard = (residuals.detach().double() / torch.tensor(scale.unit, dtype=torch.float64)).flatten()
        tails = Tails.of(standard if scale.columns is not None else residuals)
        found: Criterion = "mae" if tails.loss == "mae" else "huber"
        chosen = found if criterion is None else criterion
        spread = float(median_absolute_deviation(standard))
        recipe = cls(scale=scale, criterion=chosen, delta=deviations * spread)
        why = (_by_tails(tails, chosen, asked=criterion is not None), *_delta(recipe, deviations))
        return cls(scale=scale, criterion=chosen, delta=recipe.delta, reasons=(*why, _why(scale), NEVER_ALONE))

    def head(self, features: int) -> Outputs:
        """Return a linear layer from `[..., features]` to `[...]`, or `[..., D]`; it starts at the targets' median.

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
        """Return Huber or MAE of raw outputs `[...]` and targets `[...]`, in standardised units.

        Args:
            raw: `[...]`, floating: standardised outputs, as `head` makes them.
            targets: `[...]`, floating, in their own unit.
            mask: `[...]` boolean, True where an element counts.
            weight: `[...]`, weight of each element, at least 0; see `recency_weight` and `noise_weight`.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[...]` for `"none"`. No element's gradient is larger than delta (Huber) or 1 (MAE).

        Raises:
            SlopesError: As `slopes.losses.huber` and `slopes.losses.mae` do.
        """
        check.alike("RobustRegression.loss", raw=raw, targets=targets)
        wanted = self.scale.forward("RobustRegression.loss", targets)
        if self.criterion == "mae":
            return losses.mae(raw, wanted, mask=mask, weight=weight, reduction=reduction, denominator=denominator)
        return losses.huber(
            raw, wanted, delta=self.delta, mask=mask, weight=weight, reduction=reduction, denominator=denominator
        )

    def predict(self, raw: Tensor) -> RegressionPrediction:
        """Return the prediction `[...]` in the targets' unit, near the conditional median; float32 for 16-bit outputs.

        Raises:
            ShapeError: `raw` does not have the targets' columns.
            DtypeError: `raw` is not floating.
        """
        self.scale.fits("RobustRegression.predict", "raw", raw)
        return RegressionPrediction(self.scale.inverse(raw))

    def metrics(self) -> MetricCollection:
        """Return torchmetrics for `observe`: MAE, the fair one with outliers, RMSE, R², and MAPE on one side of 0.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
        """
        return judging.collection("RobustRegression.metrics", self.scale)

    observe = judging.observe
    score = judging.score

    def calibrated(self, raw: Tensor, targets: Tensor) -> Self:
        """Return this recipe: nothing of its prediction is found on validation data.

        What they tell of the loss is for the next training: `from_residuals(train_targets, prediction - target)`.

        Raises:
            ShapeError: Shapes differ.
            DtypeError: One of them is not floating.
            ValuesError: A target is NaN or infinite.
        """
        return judging.unchanged(self, raw, targets)


_ROBUST: Final = {
    "huber": Reason(
        "Huber loss",
        "Squared near the target, for smooth steps; linear beyond delta, so that no element pulls with more than "
        "delta, however wrong its target is.",
    ),
    "mae": Reason(
        "mean absolute error",
        "Every element pulls with the same force, however wrong its target is. Its minimum is the conditional median.",
    ),
}


def _why(scale: Standardization) -> Reason:
    return Reason(
        f"standardised by median {listed(scale.center)} and deviation {listed(scale.unit)}",
        f"Targets run from {listed(scale.low)} to {listed(scale.high)}. Median and 1.4826 times the median absolute "
        f"deviation take the places of mean and standard deviation, which outliers inflate. Prediction restores the "
        f"unit.",
    )


def _by_tails(tails: Tails, chosen: Criterion, *, asked: bool) -> Reason:
    if asked:
        return Reason(f"{_ROBUST[chosen].choice}, as asked for", f"{tails.told()} {_ROBUST[chosen].because}")
    means = {
        "mse": "That is what normal noise looks like: the MSE (`Regression`) would do as well.",
        "huber": "Normal noise has fewer, or none so far out; they are few enough to be exceptions.",
        "mae": "That is more than a tenth: they are no exceptions, and the median is what can be learned.",
    }[tails.loss]
    return Reason(_ROBUST[chosen].choice, f"{tails.told()} {means} {_ROBUST[chosen].because}")


def _delta(recipe: RobustRegression, deviations: float) -> tuple[Reason, ...]:
    if recipe.criterion != "huber":
        return ()
    share = "the" if deviations == 1 else f"{deviations:.3g} times the"
    return (
        Reason(
            f"delta {recipe.delta:.4g}",
            f"It is {share} median absolute deviation of the residuals, in units of {listed(recipe.scale.unit)}. Twice "
            f"that deviation keeps 95 % of the MSE's efficiency under normal noise; less resists more.",
        ),
    )
