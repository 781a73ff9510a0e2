"""Regression with its own error bar: mean and log-variance of each row, by the Gaussian likelihood.

For noise that differs from row to row. The network says how sure it is; where it is unsure, errors cost less, so that
clean rows lead. `calibrated` makes the intervals keep their promise on validation rows.

Dimension names: N rows, D columns; `...` is any shape, that of the targets. Raw outputs are `[..., 2]`: mean and
log-variance, both in standardised units.
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
from slopes._core.tensors import wide
from slopes.recipes.recipe import Reason
from slopes.recipes.regression import intervals, judging
from slopes.recipes.regression.numbers import (
    NEVER_ALONE,
    Numbers,
    Standardization,
    beside,
    check_validation,
    listed,
    numbers,
    truth_of_several,
)
from slopes.recipes.regression.outputs import Outputs
from slopes.recipes.regression.seen import Seen

if TYPE_CHECKING:
    from torchmetrics import MetricCollection


class GaussianPrediction(NamedTuple):
    """What a regression with error bars says, each `[...]` in the targets' unit.

    Attributes:
        mean: The conditional mean.
        deviation: Standard deviation of the target around it.
        lower: Lower end of the prediction interval.
        upper: Its upper end.
    """

    mean: Tensor
    deviation: Tensor
    lower: Tensor
    upper: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class GaussianRegression:
    """The recipe for numbers whose noise differs from row to row.

    Attributes:
        scale: Mean and standard deviation of the training targets.
        coverage: The share of new targets that intervals are to cover, in (0, 1).
        spread: Multiplies every standard deviation, by column; found by `calibrated`, 1 before.
        multiple: Half the interval in standard deviations before `spread`, by column; None for that of the normal
            distribution; found by `calibrated`.
        reasons: Why it is as it is.

    Raises:
        OptionError: `coverage` is outside its domain.

    Examples:
        >>> recipe = GaussianRegression.from_targets(torch.tensor([100.0, 300.0]), coverage=0.95)
        >>> recipe.predict(torch.tensor([[0.0, 0.0]]))
        GaussianPrediction(mean=tensor([200.]), deviation=tensor([100.]),
        lower=tensor([4.0036]), upper=tensor([395.9964]))
    """

    name = "heteroscedastic regression"

    scale: Standardization
    coverage: float = 0.9
    spread: Numbers = 1.0
    multiple: Numbers | None = None
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        check.option("GaussianRegression", "coverage", self.coverage, intervals.COVERAGE)

    @classmethod
    def from_targets(cls, targets: Tensor, *, coverage: float = 0.9) -> Self:
        """Return the recipe for these training targets.

        Args:
            targets: `[N]` or `[N, D]`, floating and finite; at least two rows, no column constant.
            coverage: The share of new targets that intervals are to cover, in (0, 1).

        Raises:
            ShapeError: Not `[N]` or `[N, D]`, or fewer than two rows.
            DtypeError: Not a floating tensor.
            OptionError: `coverage` is outside its domain.
            ValuesError: A target is NaN or infinite, or a column is constant.
        """
        scale = Standardization.from_targets(targets, "GaussianRegression")
        return cls(scale=scale, coverage=coverage, reasons=(_NLL, scale.why(), NEVER_ALONE))

    def head(self, features: int) -> Outputs:
        """Return a linear layer from `[..., features]` to `[..., 2]`, or `[..., D, 2]`.

        It starts at the targets' own mean and variance.

        Raises:
            OptionError: `features` is not an integer of at least 1.
        """
        return Outputs(features, bias=torch.zeros(*torch.tensor(self.scale.center).shape, 2))

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
        """Return the Gaussian negative log-likelihood of raw outputs `[..., 2]` and targets `[...]`.

        Args:
            raw: `[..., 2]`, floating: mean and log-variance, standardised, as `head` makes them.
            targets: `[...]`, floating, in their own unit.
            mask: `[...]` boolean, True where an element counts.
            weight: `[...]`, weight of each element, at least 0; see `recency_weight` and `noise_weight`.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[...]` for `"none"`; nats of standardised targets, without ½ log 2π. It may be below 0.

        Raises:
            SlopesError: As `slopes.losses.gaussian_nll` does.
        """
        function = "GaussianRegression.loss"
        mean, log_variance = self._parts(function, raw)
        check.alike(function, mean=mean, targets=targets)
        wanted = self.scale.forward(function, targets)
        return losses.gaussian_nll(
            mean, log_variance, wanted, mask=mask, weight=weight, reduction=reduction, denominator=denominator
        )

    def _parts(self, function: str, raw: Tensor) -> tuple[Tensor, Tensor]:
        check.floating(function, raw=raw)
        check.dimensions(function, "raw", raw, "[..., 2]", 1)
        expected = [*raw.shape[:-1], 2]
        check.has_shape(function, "raw", raw, expected, "the shape of `targets`, then mean and log-variance")
        mean, log_variance = raw.unbind(-1)
        self.scale.fits(function, "raw[..., 0]", mean)
        return mean, log_variance

    def predict(self, raw: Tensor) -> GaussianPrediction:
        """Return mean, standard deviation and interval `[...]` of raw outputs `[..., 2]`; float32 for 16-bit ones.

        Raises:
            ShapeError: `raw` is not `[..., 2]`, or does not have the targets' columns.
            DtypeError: `raw` is not floating.
        """
        mean, log_variance = self._parts("GaussianRegression.predict", raw)
        center = self.scale.inverse(mean)
        own = torch.exp(log_variance.to(wide(raw.dtype)) / 2) * beside(self.scale.unit, mean)
        multiple = intervals.normal_multiple(self.coverage) if self.multiple is None else self.multiple
        half = own * beside(multiple, mean)
        return GaussianPrediction(center, own * beside(self.spread, mean), center - half, center + half)

    def metrics(self) -> MetricCollection:
        """Return torchmetrics for `observe`: MAE, RMSE, R², MAPE, coverage and width of the intervals, and NLL.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
        """
        return judging.collection("GaussianRegression.metrics", self.scale, intervals=True, means=("nll",))

    def observe(self, metrics: MetricCollection, raw: Tensor, targets: Tensor) -> None:
        """Update the metrics with a batch of raw outputs `[..., 2]` and targets `[...]`.

        Raises:
            ShapeError: Shapes do not fit.
            DtypeError: One of them is not floating.
            ValuesError: A target is NaN or infinite, or a prediction is NaN.
        """
        function = "GaussianRegression.observe"
        self._parts(function, raw)
        outputs, given = truth_of_several(function, raw, targets)
        mean, deviation, lower, upper = self.predict(outputs)
        nll = losses.gaussian_nll(mean, 2 * deviation.log(), given, full=True, reduction="none")
        seen = Seen(mean, given, lower=lower, upper=upper, surprise={"nll": nll})
        judging.update(function, metrics, self.scale, seen)

    score = judging.score

    def calibrated(self, raw: Tensor, targets: Tensor) -> Self:
        """Return this recipe with standard deviations and intervals that fit validation rows.

        Args:
            raw: `[M, 2]` or `[M, D, 2]`, validation outputs, floating and finite; enough rows for the coverage.
            targets: `[M]` or `[M, D]`.

        Returns:
            A new recipe: `spread` makes the validation likelihood greatest, `multiple` is the conformal one.

        Raises:
            ShapeError: Shapes do not fit, or there are fewer rows than coverage / (1 - coverage).
            DtypeError: One of them is not floating.
            ValuesError: An output or a target is NaN or infinite.
        """
        function = "GaussianRegression.calibrated"
        self._parts(function, raw)
        outputs, given = truth_of_several(function, raw, targets)
        check_validation(function, outputs, given)
        plain = dataclasses.replace(self, spread=1.0, multiple=None)
        mean, deviation, lower, upper = plain.predict(outputs)
        away = (given - mean) / deviation
        spread = away.square().mean(0).sqrt()  # where the slope of the likelihood by the spread is 0
        multiple = intervals.conformal_quantile(away.abs(), coverage=self.coverage)
        before = intervals.covered(lower, upper, given)
        moved = f"of {listed(multiple)} standard deviations to each side"
        reasons = (
            *self.reasons,
            Reason(f"deviations times {listed(numbers(spread))}", "That makes the validation likelihood greatest."),
            intervals.why(self.coverage, before, len(given), moved),
        )
        return dataclasses.replace(self, spread=numbers(spread), multiple=multiple, reasons=reasons)


_NLL: Final = Reason(
    "Gaussian negative log-likelihood, mean and log-variance",
    "The network says how far off it may be. The logarithm needs no clamp, and keeps the variance above 0. Errors are "
    "divided by the variance that was said, so that noisy rows pull less; early on this can stall on hard rows, where "
    "a few epochs of the MSE on the mean help.",
)
