"""Binary classification: one logit, its sigmoid, binary cross-entropy, and a threshold that is tuned.

Sigmoid and binary cross-entropy are a matched pair: the gradient by the logit is probability - target. Rare positives
are weighted by the counts, from 100 to 1 on focused instead. What weight or focus do to the logits is undone in
`predict`, so that probabilities are those of the data.

Dimension names: N rows; `...` is any shape, the same for raw outputs and targets.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

from torch import Tensor

from slopes import losses
from slopes._core import check
from slopes._core.errors import OptionError, ValuesError
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, FINITE_POSITIVE, UNIT, Domain
from slopes._core.tensors import wide
from slopes.activations import sigmoid
from slopes.recipes.classification import labels, posterior
from slopes.recipes.classification.calibration import Cost, Metric, tempered, tune_threshold
from slopes.recipes.classification.heads import OneLogit, log_odds
from slopes.recipes.classification.labels import MILD, SEVERE
from slopes.recipes.recipe import Reason, needs, refuse_nan

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

Criterion = Literal["binary_cross_entropy", "focal"]
CRITERIA: Final = ("binary_cross_entropy", "focal")

_SHARE: Final = Domain(0.0, 1.0, low_open=True, high_open=True)
_ONE_LOGIT: Final = Reason(
    "one logit, a sigmoid",
    "Two classes need one number: a softmax over two logits has twice the parameters and predicts the same. Under "
    "binary cross-entropy the gradient by the logit is probability - target, as large as the error.",
)


class BinaryPrediction(NamedTuple):
    """What a binary classifier says.

    Attributes:
        probability: `[...]`, of the positive class, in [0, 1].
        decision: `[...]` int64, 1 where the probability is above the threshold.
    """

    probability: Tensor
    decision: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary:
    """The recipe for one label of 0 and 1.

    Attributes:
        prior: Share of positives among the training targets, in (0, 1); the head starts there.
        criterion: The loss: `"binary_cross_entropy"`, or `"focal"` where one class is very rare.
        pos_weight: Weight of the positives under binary cross-entropy, above 0.
        gamma: How much `"focal"` turns easy rows down, at least 0.
        temperature: Divides the log-odds in `predict`, above 0; found by `calibrated`.
        threshold: The decision is 1 where the probability is above it, in [0, 1]; found by `calibrated`.
        reasons: Why it is as it is.

    Raises:
        OptionError: A field is outside its domain.

    Examples:
        >>> recipe = Binary.from_targets(torch.tensor([1] * 10 + [0] * 90))
        >>> recipe.criterion, recipe.pos_weight, recipe.threshold
        ('binary_cross_entropy', 9.0, 0.1)
        >>> recipe.loss(torch.tensor([0.0, 0.0]), torch.tensor([1, 0]), reduction="none")  # 9 log 2, and log 2
        tensor([6.2383, 0.6931])
        >>> recipe.predict(torch.tensor([0.0]))  # weighted odds of 1 to 1 are odds of 1 to 9
        BinaryPrediction(probability=tensor([0.1000]), decision=tensor([0]))
    """

    name = "binary classification"

    prior: float = 0.5
    criterion: Criterion = "binary_cross_entropy"
    pos_weight: float = 1.0
    gamma: float = 2.0
    temperature: float = 1.0
    threshold: float = 0.5
    reasons: tuple[Reason, ...] = (_ONE_LOGIT,)

    def __post_init__(self) -> None:
        check.choice("Binary", "criterion", self.criterion, CRITERIA)
        check.option("Binary", "prior", self.prior, _SHARE)
        check.option("Binary", "pos_weight", self.pos_weight, FINITE_POSITIVE)
        check.option("Binary", "gamma", self.gamma, FINITE_NON_NEGATIVE)
        check.option("Binary", "temperature", self.temperature, FINITE_POSITIVE)
        check.option("Binary", "threshold", self.threshold, UNIT)
        if self.pos_weight != 1 and self.criterion == "focal":
            message = (
                f"Binary: `pos_weight` is {self.pos_weight} beside criterion='focal', expected 1: focal turns the easy "
                f"rows down instead; leave it out, or choose criterion='binary_cross_entropy'."
            )
            raise OptionError(message)

    @classmethod
    def from_targets(cls, targets: Tensor, *, criterion: Criterion | None = None, weighted: bool | None = None) -> Self:
        """Return the recipe that these training targets ask for.

        Args:
            targets: `[N]`, labels of 0 and 1: boolean, integers or floating numbers. Both occur.
            criterion: The loss; by the counts where None: focal above 100 to 1.
            weighted: Whether binary cross-entropy weighs the positives with negatives / positives, at most 100 and at
                least 1 / 100; by the counts where None: from 3 to 1 on.

        Returns:
            The recipe, not yet calibrated.

        Raises:
            ShapeError: `targets` is not `[N]`.
            DtypeError: `targets` is not a tensor of real numbers.
            OptionError: `criterion` is none of the two.
            ValuesError: No rows, one class only, NaN, or a value that is neither 0 nor 1.
        """
        labels.one_dimension("Binary", targets)
        positive = labels.zero_one("Binary", targets, "[N]")
        positives = int(positive.sum())
        negatives = len(positive) - positives
        if not positives or not negatives:
            message = (
                f"Binary: all {len(positive)} `targets` are {int(positives > 0)}, expected both 0 and 1; a constant "
                f"label teaches nothing, so check the column, or how the data were split."
            )
            raise ValuesError(message)
        if criterion is None:
            severe = max(positives, negatives) > SEVERE * min(positives, negatives)
            criterion = "focal" if severe else "binary_cross_entropy"
        pos_weight = (
            labels.pos_weight(positives, negatives, weighted=weighted) if criterion == "binary_cross_entropy" else 1.0
        )
        rare = (("class 1", positives), ("class 0", negatives))
        return cls(
            prior=positives / len(positive),
            criterion=criterion,
            pos_weight=pos_weight,
            threshold=1 / (1 + pos_weight),
            reasons=(_why(criterion, pos_weight, positives, negatives), _ONE_LOGIT, *labels.rarity(rare)),
        )

    def head(self, features: int) -> OneLogit:
        """Return a linear layer from `[..., features]` to one logit `[...]`.

        Its bias starts at the best constant logit under binary cross-entropy, weight included, and at the prior's
        log-odds under focal (Lin et al. 2017): else the first steps would go into the base rate, and the flood of
        the common class would drown the rest.
        """
        return OneLogit(features, bias=log_odds(self.prior) + math.log(self.pos_weight))

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
        """Return the training loss of logits `[...]` and labels `[...]`.

        Args:
            raw: `[...]`, floating: logits, as `head` makes them.
            targets: `[...]`, labels of 0 and 1 in any dtype; binary cross-entropy takes floating ones in [0, 1] too.
            mask: `[...]` boolean, True where a row counts.
            weight: `[...]`, weight of each row, at least 0.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[...]` for `"none"`; nats. Without `pos_weight` the gradient is probability - target.

        Raises:
            SlopesError: As `slopes.losses.binary_cross_entropy` and `slopes.losses.focal` do.
        """
        check.floating("Binary.loss", raw=raw)
        given = labels.like_logits(targets, raw)
        if self.criterion == "focal":
            return losses.focal(
                raw, given, gamma=self.gamma, mask=mask, weight=weight, reduction=reduction, denominator=denominator
            )
        return losses.binary_cross_entropy(
            raw,
            given,
            pos_weight=self.pos_weight,
            mask=mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
        )

    def log_odds(self, raw: Tensor) -> Tensor:
        """Return the log-odds of the data `[...]` that logits `[...]` stand for, weight or focus undone."""
        check.floating("Binary", raw=raw)
        logits = raw.to(wide(raw.dtype))
        if self.criterion == "focal":
            return posterior.from_focal(logits, self.gamma) / self.temperature
        return (logits - math.log(self.pos_weight)) / self.temperature

    def predict(self, raw: Tensor) -> BinaryPrediction:
        """Return probability and decision of logits `[...]`; float32 for 16-bit logits.

        Raises:
            DtypeError: `raw` is not floating.
        """
        probability = sigmoid(self.log_odds(raw))
        return BinaryPrediction(probability, (probability > self.threshold).long())

    def metrics(self) -> MetricCollection:
        """Return torchmetrics for `observe`: AUROC, average precision, F1, balanced accuracy, log-loss, Brier, ECE.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
        """
        needs("Binary.metrics", "torchmetrics")
        from slopes.recipes.classification import measures  # noqa: PLC0415  an optional package

        return measures.binary()

    def observe(self, metrics: MetricCollection, raw: Tensor, targets: Tensor) -> None:
        """Update the metrics with a batch of logits `[...]` and labels `[...]` of 0 and 1.

        Metrics that were added to the collection are given probability and label.

        Raises:
            ShapeError: Shapes differ.
            DtypeError: `raw` is not floating.
            ValuesError: A target is neither 0 nor 1, or a prediction is NaN.
        """
        truth = labels.hard("Binary.observe", raw, targets).flatten()
        logits = raw.detach().double().flatten()  # the sigmoid ties what lies beyond 17 in float32
        probability, decision = self.predict(logits)
        refuse_nan("Binary.observe", probability.isnan())
        given = {
            "f1": (decision, truth),
            "balanced_accuracy": (decision, truth),
            "log_loss": (losses.binary_cross_entropy(self.log_odds(logits), truth.double(), reduction="none"),),
            "brier": (probability, truth.double()),
        }
        for name, metric in metrics.items(keep_base=True):
            metric.update(*given.get(name, (probability, truth)))

    def score(self, raw: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the metrics of all the data: logits `[...]` and labels `[...]` of 0 and 1.

        Areas are NaN where only one class occurs.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
            SlopesError: As `observe` does.
        """
        metrics = self.metrics().to(raw.device)
        self.observe(metrics, raw, targets)
        return {name: float(value) for name, value in metrics.compute().items()}

    def calibrated(self, raw: Tensor, targets: Tensor, *, metric: Metric | Cost = "f1") -> Self:
        """Return this recipe with temperature and threshold found on validation logits `[N]` and labels `[N]`.

        Args:
            raw: `[N]`, validation logits, floating and finite.
            targets: `[N]`, labels of 0 and 1; both occur.
            metric: What the threshold is best for: `"f1"`, `"balanced_accuracy"`, `"accuracy"`, `"matthews"` or a
                `Cost` of wrong decisions.

        Returns:
            A new recipe, whose reasons say what was found. Where there is no best temperature (every row is right, or
            the logits tell nothing) it stays 1, and the reasons say so.

        Raises:
            ShapeError: Shapes differ, or are not `[N]`.
            DtypeError: `raw` is not floating.
            OptionError: `metric` is none of these.
            ValuesError: A logit is not finite, a target is neither 0 nor 1, or one class is missing.
        """
        labels.one_dimension("Binary.calibrated", targets)
        labels.hard("Binary.calibrated", raw, targets)
        plain = dataclasses.replace(self, temperature=1.0)
        odds = plain.log_odds(raw).detach()
        warm, why_temperature = tempered(odds, targets)
        recipe = dataclasses.replace(plain, temperature=warm)
        tuned = tune_threshold(recipe.predict(raw).probability.detach(), targets, metric=metric)
        why_threshold = _why_threshold(metric, tuned.threshold, tuned.value, targets)
        return dataclasses.replace(
            recipe, threshold=tuned.threshold, reasons=(*self.reasons, why_temperature, why_threshold)
        )


def _why(criterion: Criterion, pos_weight: float, positives: int, negatives: int) -> Reason:
    seen = f"{negatives} negative{'s' * (negatives != 1)} to {positives} positive{'s' * (positives != 1)}"
    ratio = labels.to_one(max(positives, negatives), min(positives, negatives))
    if criterion == "focal":
        return Reason(
            "focal loss",
            f"{seen}, {ratio}. Above {SEVERE:.0f} to 1 many easy rows outweigh the few that matter; focal turns a row "
            f"down by how sure and right the model is, and the head starts at the base rate. Its probabilities are "
            f"too mild by a known function, which `predict` undoes.",
        )
    if pos_weight == 1:
        balanced = max(positives, negatives) < MILD * min(positives, negatives)
        enough = "balanced enough for each row to count the same" if balanced else "left as it is, as was asked for"
        return Reason("no weight", f"{seen}, {ratio}: {enough}.")
    effect = "the weight makes both classes count the same"
    if not math.isclose(pos_weight, negatives / positives):
        effect = f"the weight is held at {SEVERE:.0f} to 1, beyond which single rows would rule"
    return Reason(
        f"pos_weight {pos_weight:.3g}",
        f"{seen}, {ratio}: {effect}. It adds log {pos_weight:.3g} to every logit, which `predict` takes off again; the "
        f"decision is yes above {1 / (1 + pos_weight):.3g}, where the weighted odds are even, until a threshold is "
        f"tuned.",
    )


def _why_threshold(metric: Metric | Cost, threshold: float, value: float, targets: Tensor) -> Reason:
    positives = int((targets != 0).sum())
    seen = f"on {len(targets)} validation rows, {positives} of them positive"
    if isinstance(metric, Cost):
        return Reason(
            f"threshold {threshold:.3g}",
            f"It costs least {seen}: {value:.4g} a row. For honest probabilities theory says "
            f"{metric.threshold:.3g}: false positives cost {metric.false_positive:g}, false negatives "
            f"{metric.false_negative:g}.",
        )
    return Reason(f"threshold {threshold:.3g}", f"{metric} is highest there, {value:.3f}, {seen}.")
