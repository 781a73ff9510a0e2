"""Regression of quantiles that cannot cross: the pinball loss, and intervals that are corrected on validation rows.

The raw outputs of a row are one number for the median and a gap for each other level. Gaps go through a softplus and
are added up outwards from the median, so that a higher level never has a lower quantile.

Dimension names: N rows, D columns, Q levels; `...` is any shape, that of the targets. Raw outputs are `[..., Q]`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import torch
from torch import Tensor

from slopes import losses
from slopes._core import check
from slopes._core.errors import OptionError
from slopes._core.reduce import Reduction
from slopes._core.spec import Domain
from slopes._core.tensors import wide
from slopes.activations import softplus
from slopes.recipes.recipe import Reason
from slopes.recipes.regression import intervals, judging
from slopes.recipes.regression.numbers import (
    NEVER_ALONE,
    Numbers,
    Standardization,
    beside,
    check_validation,
    counted,
    listed,
    read,
    truth_of_several,
)
from slopes.recipes.regression.outputs import Outputs
from slopes.recipes.regression.seen import Seen

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

MEDIAN: Final = 0.5
_LEVEL: Final = Domain(0.0, 1.0, low_open=True, high_open=True)
_SMALLEST_GAP: Final = 1e-3  # to start at, in standard deviations: equal quantiles of discrete targets have none


class QuantilePrediction(NamedTuple):
    """What a regression of quantiles says, in the targets' unit.

    Attributes:
        value: `[...]`, the median.
        lower: `[...]`, lower end of the interval: the lowest quantile, corrected by `calibrated`.
        upper: `[...]`, its upper end.
        quantiles: `[..., Q]`, all of them, rising, as the model has them.
    """

    value: Tensor
    lower: Tensor
    upper: Tensor
    quantiles: Tensor


def rising(raw: Tensor, middle: int) -> Tensor:
    """Return quantiles that cannot cross: raw[middle], and softplus gaps added up from there to both sides.

    Args:
        raw: `[..., Q]`, floating, any numbers.
        middle: Index of the level that is the output itself.

    Returns:
        `[..., Q]`, never falling along the last dimension; float32 for 16-bit input. Two neighbours are equal only
        where the gap rounds to nothing.

    Raises:
        ShapeError: `raw` has no dimension.
        DtypeError: `raw` is not floating.
        OptionError: `middle` is no index of the last dimension.

    Examples:
        >>> rising(torch.tensor([0.0, 5.0, 0.0]), middle=1)
        tensor([4.3069, 5.0000, 5.6931])
    """
    check.floating("rising", raw=raw)
    check.dimensions("rising", "raw", raw, "[..., Q]", 1)
    check.index("rising", "middle", middle)
    if not 0 <= middle < raw.shape[-1]:
        message = f"rising: `middle` is {middle}, expected an index in [0, {raw.shape[-1]}); pass the median's."
        raise OptionError(message)
    wider = raw.to(wide(raw.dtype))
    start = wider[..., middle : middle + 1]
    below, above = softplus(wider[..., :middle]), softplus(wider[..., middle + 1 :])
    return torch.cat([start - below.flip(-1).cumsum(-1).flip(-1), start, start + above.cumsum(-1)], -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileRegression:
    """The recipe for intervals: stock levels, delivery times, risk.

    Attributes:
        scale: Mean and standard deviation of the training targets.
        levels: Q levels in (0, 1), rising, 0.5 among them; the interval runs from the first to the last.
        start: The training targets' own quantiles, standardised, by level (and by column in each).
        widening: What both ends of the interval are moved outwards by, by column, in standardised units; found by
            `calibrated`, 0 before.
        reasons: Why it is as it is.

    Raises:
        OptionError: `levels` do not rise within (0, 1), or 0.5 is not among them, or not between two others.

    Examples:
        >>> recipe = QuantileRegression.from_targets(torch.arange(101.0), levels=(0.1, 0.5, 0.9))
        >>> recipe.head(4)(torch.zeros(4)).shape
        torch.Size([3])
        >>> recipe.predict(recipe.head(4)(torch.zeros(4)).detach()).quantiles  # it starts at the targets' own
        tensor([10., 50., 90.])
    """

    name = "quantile regression"

    scale: Standardization
    levels: tuple[float, ...] = (0.05, 0.5, 0.95)
    start: tuple[Numbers, ...] = ()
    widening: Numbers = 0.0
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        _check_levels(self.levels)

    @classmethod
    def from_targets(cls, targets: Tensor, *, levels: Sequence[float] = (0.05, 0.5, 0.95)) -> Self:
        """Return the recipe for these training targets.

        Args:
            targets: `[N]` or `[N, D]`, floating and finite; at least two rows, no column constant.
            levels: In (0, 1), rising, 0.5 among them and between two others.

        Raises:
            ShapeError: Not `[N]` or `[N, D]`, or fewer than two rows.
            DtypeError: Not a floating tensor.
            OptionError: `levels` are not as they must be.
            ValuesError: A target is NaN or infinite, or a column is constant.
        """
        _check_levels(levels)
        scale = Standardization.from_targets(targets, "QuantileRegression")
        ordered = scale.forward("QuantileRegression", read("QuantileRegression", targets)).sort(0).values
        start = tuple(_quantile(ordered, level) for level in levels)
        recipe = cls(scale=scale, levels=tuple(float(level) for level in levels), start=start)
        return dataclasses.replace(recipe, reasons=(_pinball(recipe), _CROSSING, scale.why(), NEVER_ALONE))

    @property
    def middle(self) -> int:
        """Index of the median among the levels."""
        return self.levels.index(MEDIAN)

    @property
    def coverage(self) -> float:
        """The share that the interval promises: the last level less the first."""
        return self.levels[-1] - self.levels[0]

    def head(self, features: int) -> Outputs:
        """Return a linear layer from `[..., features]` to `[..., Q]`, or `[..., D, Q]`.

        It starts at the training targets' own quantiles.

        Raises:
            OptionError: `features` is not an integer of at least 1.
        """
        columns = torch.tensor(self.scale.center).shape
        if not self.start:
            return Outputs(features, bias=torch.zeros(*columns, len(self.levels)))
        quantiles = torch.tensor(self.start, dtype=torch.float64).movedim(0, -1)
        gaps = quantiles.diff(dim=-1).clamp_min(_SMALLEST_GAP)
        before = gaps.expm1().log()  # the inverse of softplus
        median = quantiles[..., self.middle : self.middle + 1]
        return Outputs(features, bias=torch.cat([before[..., : self.middle], median, before[..., self.middle :]], -1))

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
        """Return the pinball loss of raw outputs `[..., Q]` and targets `[...]`, the mean over the levels.

        Args:
            raw: `[..., Q]`, floating: the median and the gaps before their softplus, as `head` makes them.
            targets: `[...]`, floating, in their own unit.
            mask: `[...]` boolean, True where an element counts.
            weight: `[...]`, weight of each element, at least 0; see `recency_weight` and `noise_weight`.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[...]` for `"none"`; standard deviations of the targets.

        Raises:
            SlopesError: As `slopes.losses.quantile` does.
        """
        function = "QuantileRegression.loss"
        self._fits(function, raw)
        check.floating(function, targets=targets)
        check.has_shape(function, "targets", targets, raw.shape[:-1], "`raw` without its last dimension")
        wanted = self.scale.forward(function, targets)
        counted(function, targets, mask, weight)
        count = len(self.levels)
        total = losses.quantile(
            rising(raw, self.middle),
            wanted,
            self.levels,
            mask=None if mask is None else mask.unsqueeze(-1).expand(raw.shape),
            weight=None if weight is None else weight.unsqueeze(-1).expand(raw.shape),
            reduction=reduction,
            denominator=None if denominator is None else denominator * count,
        )
        if reduction == "none":
            return total.mean(-1)
        return total / count if reduction == "sum" else total

    def _fits(self, function: str, raw: Tensor) -> None:
        check.floating(function, raw=raw)
        check.dimensions(function, "raw", raw, "[..., Q]", 1)
        expected = [*raw.shape[:-1], len(self.levels)]
        check.has_shape(function, "raw", raw, expected, "the shape of `targets`, then one for each level")
        self.scale.fits(function, "raw[..., 0]", raw[..., 0])

    def predict(self, raw: Tensor) -> QuantilePrediction:
        """Return median, interval and quantiles of raw outputs `[..., Q]`; float32 for 16-bit ones.

        An interval that its correction would turn inside out is the point half-way.

        Raises:
            ShapeError: `raw` is not `[..., Q]`, or does not have the targets' columns.
            DtypeError: `raw` is not floating.
        """
        self._fits("QuantileRegression.predict", raw)
        standard = rising(raw, self.middle)
        value, low, high = standard[..., self.middle], standard[..., 0], standard[..., -1]
        half_way, widening = low + (high - low) / 2, beside(self.widening, standard)
        lower, upper = (low - widening).minimum(half_way), (high + widening).maximum(half_way)
        if self.scale.columns is None:
            restored = self.scale.inverse(standard)
        else:
            restored = self.scale.inverse(standard.movedim(-1, 0)).movedim(0, -1)
        return QuantilePrediction(
            self.scale.inverse(value), self.scale.inverse(lower), self.scale.inverse(upper), restored
        )

    def metrics(self) -> MetricCollection:
        """Return torchmetrics for `observe`: MAE, RMSE, R², MAPE, coverage and width of the interval, pinball loss.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
        """
        return judging.collection("QuantileRegression.metrics", self.scale, intervals=True, means=("pinball",))

    def observe(self, metrics: MetricCollection, raw: Tensor, targets: Tensor) -> None:
        """Update the metrics with a batch of raw outputs `[..., Q]` and targets `[...]`.

        Raises:
            ShapeError: Shapes do not fit.
            DtypeError: One of them is not floating.
            ValuesError: A target is NaN or infinite, or a prediction is NaN.
        """
        function = "QuantileRegression.observe"
        self._fits(function, raw)
        outputs, given = truth_of_several(function, raw, targets)
        value, lower, upper, quantiles = self.predict(outputs)
        pinball = losses.quantile(quantiles, given, self.levels, reduction="none").mean(-1)
        seen = Seen(value, given, lower=lower, upper=upper, surprise={"pinball": pinball})
        judging.update(function, metrics, self.scale, seen)

    score = judging.score

    def calibrated(self, raw: Tensor, targets: Tensor) -> Self:
        """Return this recipe with the conformal correction of its interval.

        Args:
            raw: `[M, Q]` or `[M, D, Q]`, validation outputs, floating and finite; enough rows for the coverage.
            targets: `[M]` or `[M, D]`.

        Raises:
            ShapeError: Shapes do not fit, or there are fewer rows than coverage / (1 - coverage).
            DtypeError: One of them is not floating.
            ValuesError: An output or a target is NaN or infinite.
        """
        function = "QuantileRegression.calibrated"
        self._fits(function, raw)
        outputs, given = truth_of_several(function, raw, targets)
        check_validation(function, outputs, given)
        standard = rising(outputs, self.middle)
        wanted = self.scale.forward(function, given)
        misses = intervals.outside(standard[..., 0], standard[..., -1], wanted)
        widening = intervals.conformal_quantile(misses, coverage=self.coverage)
        moved = f"moved by {listed(widening)} standard deviations at each end"
        why = intervals.why(self.coverage, float((misses <= 0).double().mean()), len(given), moved)
        return dataclasses.replace(self, widening=widening, reasons=(*self.reasons, why))


_CROSSING: Final = Reason(
    "gaps through a softplus, added up from the median",
    "Separate heads can say a 95 % quantile below the median. Gaps that cannot be negative cannot.",
)


def _pinball(recipe: QuantileRegression) -> Reason:
    names = ", ".join(f"{level:g}" for level in recipe.levels)
    return Reason(
        f"pinball loss at {names}",
        f"Its minimum at level q is the number that a share q of the targets lies below, with no assumption on the "
        f"noise. The first and the last enclose {recipe.coverage:.0%} if they are right, which is to be measured: "
        f"`calibrated` corrects it on validation rows.",
    )


def _check_levels(levels: Sequence[float]) -> None:
    if isinstance(levels, str) or not isinstance(levels, Sequence) or len(levels) == 0:
        message = f"QuantileRegression: `levels` is {levels!r}, expected a sequence in (0, 1); try (0.05, 0.5, 0.95)."
        raise OptionError(message)
    for level in levels:
        check.option("QuantileRegression", "levels", level, _LEVEL)
    risen = all(low < high for low, high in pairwise(levels))
    if not risen or MEDIAN not in levels[1:-1]:
        message = (
            f"QuantileRegression: `levels` is {tuple(levels)}, expected rising levels with 0.5 between two others, the "
            f"median for a prediction and the others for an interval; try (0.05, 0.5, 0.95)."
        )
        raise OptionError(message)


def _quantile(ordered: Tensor, level: float) -> Numbers:
    place = level * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    found = torch.lerp(ordered[below], ordered[above], place - below)
    return tuple(found.tolist()) if found.dim() else float(found)
