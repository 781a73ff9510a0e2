"""What is found on validation data: a temperature for honest probabilities, a threshold for good decisions.

Dimension names: N rows, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError, ShapeError, ValuesError
from slopes._core.spec import FINITE_NON_NEGATIVE, Domain
from slopes.recipes.classification.labels import hard
from slopes.recipes.recipe import Reason, refuse_nan

Metric = Literal["f1", "balanced_accuracy", "accuracy", "matthews"]
METRICS: Final = ("f1", "balanced_accuracy", "accuracy", "matthews")

_STEPS: Final = 200
# Of the size of the terms that cancel at the minimum: far above the rounding of float64, whatever the number of rows.
_FLAT: Final = 1e-10


class TemperatureFit(NamedTuple):
    """What temperature scaling found.

    Attributes:
        temperature: Divides the logits; above 1 where the model was too sure.
        before: Cross-entropy of the validation rows at temperature 1, in nats.
        after: The same at `temperature`; never more.
        steps: How many times the slope was evaluated.
    """

    temperature: float
    before: float
    after: float
    steps: int


def fit_temperature(logits: Tensor, targets: Tensor) -> TemperatureFit:
    """Return the temperature that makes the cross-entropy of validation logits least.

    Args:
        logits: `[N, C]` of exclusive classes, or `[N]` of one binary label; floating, finite.
        targets: `[N]` int64 class indices; for `[N]` logits labels of 0 and 1 in any dtype.

    Returns:
        The temperature, the cross-entropy before and after in nats, and the steps it took.

    Raises:
        ShapeError: `logits` is neither `[N, C]` nor `[N]`, or `targets` not `[N]`.
        DtypeError: `logits` is not floating, or class indices are not int64.
        ValuesError: A logit is not finite, a target is out of range, there are no rows, or there is no best
            temperature: every row is right (it goes to 0), or the logits tell nothing (it goes to infinity).

    Notes:
        The cross-entropy is convex in 1 / temperature, so that its slope has one zero: Newton's steps, kept inside
        the bracket of its sign, until the slope is 1e-10 of the terms that cancel in it, and one more. That is the
        convergence check; whether there is a zero at all is decided from the data beforehand. In float64, on the
        logits' device.
        Source: Guo et al. 2017, On Calibration of Modern Neural Networks.

    Examples:
        >>> logits = torch.tensor([[8.0, 0.0], [8.0, 0.0], [8.0, 0.0], [8.0, 0.0]])
        >>> fit = fit_temperature(logits, torch.tensor([0, 0, 0, 1]))  # right in three of four: log 3 = 8 / T
        >>> f"{fit.temperature:.4f}"
        '7.2819'
    """
    gaps = _gaps("fit_temperature", logits, targets)
    why = _no_temperature(gaps)
    if why is not None:
        message = f"fit_temperature: {why}"
        raise ValuesError(message)
    return _fit(gaps)


def tempered(logits: Tensor, targets: Tensor, *, items: str = "rows") -> tuple[float, Reason]:
    """Return the temperature of validation logits and the reason; 1 where there is no best one, and why.

    Args:
        logits: As of `fit_temperature`.
        targets: As of `fit_temperature`.
        items: What the reason calls a target.

    Raises:
        SlopesError: As of `fit_temperature`, but for logits that have no best temperature.
    """
    gaps = _gaps("calibrated", logits, targets)
    why = _no_temperature(gaps, items)
    if why is not None:
        return 1.0, Reason("temperature 1, not fitted", f"{why[0].upper()}{why[1:]}")
    fit = _fit(gaps)
    sure = "too sure" if fit.temperature > 1 else "not sure enough"
    return fit.temperature, Reason(
        f"temperature {fit.temperature:.3g}",
        f"The model was {sure}: dividing its logits by {fit.temperature:.3g} takes the cross-entropy of {len(gaps)} "
        f"validation {items} from {fit.before:.4g} to {fit.after:.4g} nats, the least there is.",
    )


def _gaps(function: str, logits: Tensor, targets: Tensor) -> Tensor:
    """Return `[N, C]` float64: how far each class is above the target's; all that the cross-entropy depends on."""
    check.floating(function, logits=logits)
    check.tensor(function, targets=targets)
    if logits.dim() == 1:
        labels = hard(function, logits, targets)
        logits = torch.stack((torch.zeros_like(logits), logits), -1)
    elif logits.dim() == 2:  # noqa: PLR2004  rows and classes
        check.integers(function, "targets", targets, logits.shape[:1], "one class index for each row")
        check.same_device(function, logits=logits, targets=targets)
        check.in_range(function, "targets", targets, logits.shape[1])
        labels = targets
    else:
        message = (
            f"{function}: `logits` has shape {check.shape_of(logits)}, expected [N, C] or, for a binary label, [N]; "
            f"flatten what stands before the classes."
        )
        raise ShapeError(message)
    if len(labels) == 0 or not bool(logits.isfinite().all()):
        came = "no rows" if len(labels) == 0 else "a logit that is not finite"
        message = f"{function}: `logits` has {came}, expected finite validation logits; check the model's output."
        raise ValuesError(message)
    wide = logits.detach().double()
    return wide - wide.gather(1, labels.unsqueeze(1))


def _no_temperature(gaps: Tensor, items: str = "rows") -> str | None:
    if not bool((gaps > 0).any()):
        return (
            f"every one of the {len(gaps)} validation {items} is right, so that the loss falls for ever as the "
            f"temperature goes to 0, expected some that are wrong; use more validation {items}, or leave the "
            f"temperature at 1."
        )
    if float(gaps.mean()) >= 0:
        return (
            f"over the {len(gaps)} validation {items} the target's logit is on average no higher than the others', so "
            f"that the loss is least as the temperature goes to infinity, expected logits that tell something about "
            f"the targets; check that rows and targets belong together, or train longer."
        )
    return None


def _fit(gaps: Tensor) -> TemperatureFit:
    # In the inverse temperature b: the slope rises from below 0 at b = 0 to above 0, and is least curved far out.
    b, low, high = 1.0, 0.0, math.inf
    before = float(torch.logsumexp(gaps, 1).mean())
    for step in range(1, _STEPS + 1):
        shares = torch.softmax(b * gaps, 1)
        slopes = (shares * gaps).sum(1)
        slope = float(slopes.mean())
        curvature = float((shares * (gaps - slopes.unsqueeze(1)).square()).sum(1).mean())
        flat = abs(slope) <= _FLAT * float((shares * gaps.abs()).sum(1).mean())
        low, high = (low, b) if slope > 0 else (b, high)
        b = _next(b, slope, curvature, low, high)
        if flat:  # so near that the step just made doubles the digits
            return TemperatureFit(1 / b, before, float(torch.logsumexp(b * gaps, 1).mean()), step)
    message = (
        f"fit_temperature: no temperature after {_STEPS} steps, the last one {1 / b:.6g}, expected a slope of 0; the "
        f"logits span too many orders of magnitude, so look at the largest ones."
    )
    raise ValuesError(message)


def _next(b: float, slope: float, curvature: float, low: float, high: float) -> float:
    """Return Newton's step where it stays inside the bracket, and else the middle, in orders of magnitude."""
    step = b - slope / curvature if curvature > 0 else math.nan
    if low <= step <= high and step > 0:
        return step
    if math.isinf(high):
        return low * 8
    return math.sqrt(low * high) if low else high / 8


@dataclass(frozen=True, slots=True)
class Cost:
    """What wrong decisions cost, in any unit; right ones cost nothing.

    Attributes:
        false_positive: Cost of a yes where no is right, at least 0.
        false_negative: Cost of a no where yes is right, at least 0.
    """

    false_positive: float
    false_negative: float

    def __post_init__(self) -> None:
        check.option("Cost", "false_positive", self.false_positive, FINITE_NON_NEGATIVE)
        check.option("Cost", "false_negative", self.false_negative, FINITE_NON_NEGATIVE)
        if self.false_positive + self.false_negative == 0:
            message = "Cost: both costs are 0, expected at least one above 0; say what a wrong decision costs."
            raise OptionError(message)

    @property
    def threshold(self) -> float:
        """The probability above which yes is cheaper, where probabilities are honest."""
        return self.false_positive / (self.false_positive + self.false_negative)


class TunedThreshold(NamedTuple):
    """The best threshold on validation data.

    Attributes:
        threshold: The decision is yes where the probability is above it; in [0, 1].
        value: The metric there, or the mean cost of a row.
    """

    threshold: float
    value: float


def tune_threshold(probability: Tensor, targets: Tensor, *, metric: Metric | Cost = "f1") -> TunedThreshold:
    """Return the threshold on validation probabilities under which a metric is best, or a cost least.

    Args:
        probability: `[N]`, floating, in [0, 1].
        targets: `[N]`, labels of 0 and 1 in any dtype; both occur.
        metric: `"f1"`, `"balanced_accuracy"`, `"accuracy"`, `"matthews"`, or a `Cost`.

    Returns:
        The threshold, half-way between two probabilities that occur (0 for always yes, 1 for always no), and the
        metric or the mean cost. Of several that are equally good the highest.

    Raises:
        ShapeError: Shapes differ, or are not `[N]`.
        DtypeError: `probability` is not floating.
        OptionError: `metric` is none of these.
        ValuesError: A probability is outside [0, 1], a target neither 0 nor 1, or all targets are the same.

    Notes:
        Every cut between the sorted probabilities is tried: N log N. With few positives the best cut is luck; for a
        cost, `Cost.threshold` needs none of them where the probabilities are honest.

    Examples:
        >>> tune_threshold(torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0, 0, 1, 1])).threshold
        0.25
        >>> tune_threshold(torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1, 0, 1]), metric=Cost(1.0, 10.0))
        TunedThreshold(threshold=0.0, value=0.333...)
    """
    if not isinstance(metric, Cost):
        check.choice("tune_threshold", "metric", metric, METRICS)
    labels = _checked_probabilities("tune_threshold", probability, targets)
    ranked, order = probability.detach().sort(descending=True)
    last = torch.ones_like(labels, dtype=torch.bool)  # of those with the same probability: no cut parts them
    last[:-1] = ranked[1:] < ranked[:-1]
    hits = labels[order].cumsum(0)[last].double()
    yes = last.nonzero()[:, 0].double() + 1
    none = hits.new_zeros(1)
    tp, fp = torch.cat((none, hits)), torch.cat((none, yes - hits))
    positives = float(labels.sum())
    value = _value(metric, tp, fp, positives, len(labels) - positives)
    if ranked[-1] == 0:  # no threshold in [0, 1] has a probability of 0 above it
        value = value[:-1]
    best = int(value.argmin() if isinstance(metric, Cost) else value.argmax())
    return TunedThreshold(_cut(ranked[last], best), float(value[best]))


def _checked_probabilities(function: str, probability: Tensor, targets: Tensor) -> Tensor:
    check.floating(function, probability=probability)
    if probability.dim() != 1:
        message = (
            f"{function}: `probability` has shape {check.shape_of(probability)}, expected [N]; "
            f"tune one label at a time."
        )
        raise ShapeError(message)
    labels = hard(function, probability, targets)
    refuse_nan(function, probability.isnan())
    check.within(function, "probability", probability, Domain(0.0, 1.0), "apply the sigmoid first")
    if len(labels) == 0 or bool((labels == labels[0]).all()):
        came = f"only {int(labels[0])} in {len(labels)} rows" if len(labels) else "no rows"
        message = f"{function}: `targets` holds {came}, expected both 0 and 1; use more validation rows."
        raise ValuesError(message)
    return labels


def _value(metric: Metric | Cost, tp: Tensor, fp: Tensor, positives: float, negatives: float) -> Tensor:
    fn, tn = positives - tp, negatives - fp
    if isinstance(metric, Cost):
        return (fp * metric.false_positive + fn * metric.false_negative) / (positives + negatives)
    values: dict[str, Callable[[], Tensor]] = {
        "f1": lambda: 2 * tp / (2 * tp + fp + fn),
        "balanced_accuracy": lambda: (tp / positives + tn / negatives) / 2,
        "accuracy": lambda: (tp + tn) / (positives + negatives),
        "matthews": lambda: _matthews(tp, fp, fn, tn),
    }
    return values[metric]()


def _matthews(tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return torch.where(product > 0, (tp * tn - fp * fn) / product.clamp_min(1).sqrt(), 0.0)


def _cut(ranked: Tensor, at: int) -> float:
    """Return the threshold with `at` of the distinct, falling probabilities above it."""
    if at == 0:
        return 1.0
    if at == len(ranked):
        return 0.0
    above, below = ranked[at - 1], ranked[at]
    middle = (above + below) / 2
    return float(middle if middle < above else below)  # of neighbours the middle rounds to one of them
