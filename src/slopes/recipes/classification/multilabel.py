"""Multi-label: any number of K labels per row, a logit, a sigmoid and a threshold for each.

Labels do not exclude each other, so each is a question of its own: sigmoid and binary cross-entropy, whose gradient by
the logit is probability - target, label by label. A softmax would make labels compete for a share of 1.

Dimension names: N rows; K labels, the last dimension; `...` is any shape.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

from torch import Tensor, nn

from slopes import losses
from slopes._core import check
from slopes._core.errors import OptionError, ShapeError
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, FINITE_POSITIVE, UNIT, Domain
from slopes._core.tensors import wide
from slopes.activations import sigmoid
from slopes.recipes.classification import label_counts, posterior
from slopes.recipes.classification.calibration import Cost, Metric, tempered, tune_threshold
from slopes.recipes.classification.heads import linear_head, log_odds
from slopes.recipes.classification.labels import MILD, SEVERE, hard, like_logits, listed, per_entry, pos_weight, rarity
from slopes.recipes.recipe import Reason, needs, refuse_nan

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

Criterion = Literal["binary_cross_entropy", "focal", "asymmetric"]
CRITERIA: Final = ("binary_cross_entropy", "focal", "asymmetric")

_SHARE: Final = Domain(0.0, 1.0, low_open=True, high_open=True)
_SIGMOIDS: Final = Reason(
    "a sigmoid for each label",
    "Labels do not exclude each other; a softmax would share 1 between them, so that two could never both be likely. "
    "Under binary cross-entropy the gradient by each logit is probability - target.",
)


class MultiLabelPrediction(NamedTuple):
    """What a multi-label classifier says.

    Attributes:
        probability: `[..., K]`, of each label, in [0, 1]; they need not sum to anything.
        decision: `[..., K]` int64, 1 where the probability is above the label's threshold.
    """

    probability: Tensor
    decision: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiLabel:
    """The recipe for several labels of 0 and 1 per row.

    Attributes:
        prior: Share of the rows that have each label, K numbers in (0, 1); the head starts there.
        criterion: The loss: `"binary_cross_entropy"`, `"focal"` or `"asymmetric"`.
        pos_weight: Weight of each label's positives under binary cross-entropy, K numbers above 0; None for 1 each.
        gamma: How much `"focal"` turns easy entries down, at least 0.
        gamma_negative: How much `"asymmetric"` turns easy negatives down, at least 0.
        gamma_positive: How much `"asymmetric"` turns easy positives down, at least 0.
        clip: Probability below which negatives cost nothing under `"asymmetric"`, in [0, 1).
        temperature: Divides the log-odds in `predict`, above 0; found by `calibrated`.
        thresholds: A label is decided on where its probability is above, K numbers in [0, 1]; found by `calibrated`.
            None for those that belong to `pos_weight`.
        labels: Names of the labels, for metrics and reasons; None for their numbers.
        reasons: Why it is as it is.

    Raises:
        OptionError: A field is outside its domain, or the fields do not have K entries each.

    Examples:
        >>> recipe = MultiLabel.from_targets(torch.tensor([[1, 1], [0, 0], [0, 1], [0, 0]]))
        >>> recipe.pos_weight
        (3.0, 1.0)
        >>> recipe.predict(torch.tensor([[0.0, 0.0]])).probability  # odds of 1 to 3, and even ones
        tensor([[0.2500, 0.5000]])
    """

    name = "multi-label classification"

    prior: tuple[float, ...]
    criterion: Criterion = "binary_cross_entropy"
    pos_weight: tuple[float, ...] | None = None
    gamma: float = 2.0
    gamma_negative: float = 4.0
    gamma_positive: float = 1.0
    clip: float = 0.05
    temperature: float = 1.0
    thresholds: tuple[float, ...] | None = None
    labels: tuple[str, ...] | None = None
    reasons: tuple[Reason, ...] = (_SIGMOIDS,)

    def __post_init__(self) -> None:
        check.choice("MultiLabel", "criterion", self.criterion, CRITERIA)
        label_counts.each("prior", self.prior, len(self.prior), _SHARE)
        label_counts.each("pos_weight", self.pos_weight, len(self.prior), FINITE_POSITIVE)
        label_counts.each("thresholds", self.thresholds, len(self.prior), UNIT)
        label_counts.names(self.labels, len(self.prior))
        for option in ("gamma", "gamma_negative", "gamma_positive"):
            check.option("MultiLabel", option, getattr(self, option), FINITE_NON_NEGATIVE)
        check.option("MultiLabel", "clip", self.clip, Domain(0.0, 1.0, high_open=True))
        check.option("MultiLabel", "temperature", self.temperature, FINITE_POSITIVE)
        if self.pos_weight is not None and self.criterion != "binary_cross_entropy":
            message = (
                f"MultiLabel: `pos_weight` is given beside criterion={self.criterion!r}, expected None: only "
                f"binary_cross_entropy weighs positives; leave it out, or change the criterion."
            )
            raise OptionError(message)

    @classmethod
    def from_targets(
        cls,
        targets: Tensor,
        *,
        labels: Sequence[str] | None = None,
        criterion: Criterion | None = None,
        weighted: bool | None = None,
    ) -> Self:
        """Return the recipe that these training targets ask for.

        Args:
            targets: `[N, K]`, 0 and 1: boolean, integers or floating numbers. Each label has both.
            labels: K names, for metrics and reasons; their numbers where None.
            criterion: The loss; by the counts where None: focal where most labels are rarer than 100 to 1.
            weighted: Whether binary cross-entropy weighs each label's positives with negatives / positives, at most
                100 and at least 1 / 100; by the counts where None: for labels from 3 to 1 on.

        Returns:
            The recipe, not yet calibrated.

        Raises:
            ShapeError: `targets` is not `[N, K]`.
            DtypeError: `targets` is not a tensor of real numbers.
            OptionError: `criterion` is none of the three, or `labels` are not K different names.
            ValuesError: No rows, NaN, a value that is neither 0 nor 1, or a label that no row has, or every row.
        """
        positives, rows = label_counts.counted("MultiLabel", targets, labels)
        ratios = [max(p, rows - p) / min(p, rows - p) for p in positives]
        if criterion is None:
            criterion = "focal" if median(ratios) > SEVERE else "binary_cross_entropy"
        weights = None
        if criterion == "binary_cross_entropy":
            weights = tuple(pos_weight(p, rows - p, weighted=weighted) for p in positives)
        names = None if labels is None else tuple(labels)
        shown = names or tuple(f"label {k}" for k in range(len(positives)))
        rare = list(zip(shown, (min(p, rows - p) for p in positives), strict=True))
        return cls(
            prior=tuple(p / rows for p in positives),
            criterion=criterion,
            pos_weight=None if weights is None or set(weights) == {1.0} else weights,
            labels=names,
            reasons=(_SIGMOIDS, _why_loss(criterion, weights, positives, rows), *rarity(rare)),
        )

    def head(self, features: int) -> nn.Linear:
        """Return a linear layer from `[..., features]` to K logits.

        Its bias starts at the best constant logits under binary cross-entropy, weights included, and at the prior's
        log-odds under focal and asymmetric: the first steps do not go into the base rates.
        """
        weights = self.pos_weight or (1.0,) * len(self.prior)
        bias = [log_odds(p) + math.log(w) for p, w in zip(self.prior, weights, strict=True)]
        return linear_head("MultiLabel.head", features, bias)

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
        """Return the training loss of logits `[..., K]` and labels `[..., K]`, a mean over rows and labels.

        Args:
            raw: `[..., K]`, floating: logits, as `head` makes them.
            targets: `[..., K]`, 0 and 1 in any dtype; binary cross-entropy takes floating ones in [0, 1] too.
            mask: `[..., K]` boolean, True where an entry counts: for labels that are not known.
            weight: `[..., K]`, weight of each entry, at least 0.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean.

        Returns:
            A number, or `[..., K]` for `"none"`; nats. Without weights the gradient is probability - target.

        Raises:
            SlopesError: As `slopes.losses.binary_cross_entropy`, `focal` and `asymmetric` do.
        """
        check.floating("MultiLabel.loss", raw=raw)
        _fits("MultiLabel.loss", raw, len(self.prior))
        given = like_logits(targets, raw)
        if self.criterion == "focal":
            return losses.focal(
                raw, given, gamma=self.gamma, mask=mask, weight=weight, reduction=reduction, denominator=denominator
            )
        if self.criterion == "asymmetric":
            return losses.asymmetric(
                raw,
                given,
                gamma_negative=self.gamma_negative,
                gamma_positive=self.gamma_positive,
                clip=self.clip,
                mask=mask,
                weight=weight,
                reduction=reduction,
                denominator=denominator,
            )
        return losses.binary_cross_entropy(
            raw,
            given,
            pos_weight=None if self.pos_weight is None else per_entry(self.pos_weight, raw),
            mask=mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
        )

    def log_odds(self, raw: Tensor) -> Tensor:
        """Return the log-odds of the data `[..., K]` that logits `[..., K]` stand for, weights or focus undone.

        The asymmetric loss has no inverse, since negatives below `clip` cost nothing: its logits come as they are, and
        rank the rows rather than say how likely a label is.
        """
        check.floating("MultiLabel", raw=raw)
        _fits("MultiLabel", raw, len(self.prior))
        logits = raw.to(wide(raw.dtype))
        if self.criterion == "focal":
            logits = posterior.from_focal(logits, self.gamma)
        elif self.pos_weight is not None:
            logits = logits - per_entry(self.pos_weight, logits).log()
        return logits / self.temperature

    def predict(self, raw: Tensor) -> MultiLabelPrediction:
        """Return probabilities and decisions of logits `[..., K]`; float32 for 16-bit logits.

        Raises:
            DtypeError: `raw` is not floating.
            ShapeError: The last dimension of `raw` is not K.
        """
        probability = sigmoid(self.log_odds(raw))
        return MultiLabelPrediction(probability, (probability > per_entry(self._cuts, probability)).long())

    def metrics(self) -> MetricCollection:
        """Return torchmetrics for `observe`: macro and micro F1, mean average precision, AUROC per label, Brier.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
        """
        needs("MultiLabel.metrics", "torchmetrics")
        from slopes.recipes.classification import measures  # noqa: PLC0415  an optional package

        return measures.multilabel(self.labels or tuple(str(k) for k in range(len(self.prior))))

    def observe(self, metrics: MetricCollection, raw: Tensor, targets: Tensor) -> None:
        """Update the metrics with a batch of logits `[..., K]` and labels `[..., K]` of 0 and 1.

        Metrics that were added to the collection are given probabilities and labels, both `[rows, K]`.

        Raises:
            ShapeError: Shapes differ, or the last dimension is not K.
            DtypeError: `raw` is not floating.
            ValuesError: A target is neither 0 nor 1, or a prediction is NaN.
        """
        truth = hard("MultiLabel.observe", raw, targets).reshape(-1, len(self.prior))
        probability, decision = self.predict(raw.detach().double().reshape(-1, len(self.prior)))
        refuse_nan("MultiLabel.observe", probability.isnan())
        given = {
            "macro_f1": (decision, truth),
            "micro_f1": (decision, truth),
            "brier": (probability.flatten(), truth.double().flatten()),
        }
        for name, metric in metrics.items(keep_base=True):
            metric.update(*given.get(name, (probability, truth)))

    def score(self, raw: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the metrics of all the data: logits `[..., K]` and labels `[..., K]` of 0 and 1.

        The area of a label without both values is NaN, and the means of areas leave it out. F1 counts a label that
        neither occurs nor is decided on as 0, as torchmetrics and scikit-learn do.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
            SlopesError: As `observe` does.
        """
        metrics = self.metrics().to(raw.device)
        self.observe(metrics, raw, targets)
        return {name: float(value) for name, value in metrics.compute().items()}

    def calibrated(self, raw: Tensor, targets: Tensor, *, metric: Metric | Cost = "f1") -> Self:
        """Return this recipe with one temperature and a threshold for each label, found on validation data.

        Args:
            raw: `[N, K]`, validation logits, floating and finite.
            targets: `[N, K]`, labels of 0 and 1.
            metric: What each threshold is best for: `"f1"`, `"balanced_accuracy"`, `"accuracy"`, `"matthews"` or a
                `Cost` of wrong decisions.

        Returns:
            A new recipe, whose reasons say what was found. A label that lacks one of the values among the validation
            rows keeps its threshold; where there is no best temperature it stays 1.

        Raises:
            ShapeError: Shapes differ, or are not `[N, K]`.
            DtypeError: `raw` is not floating.
            OptionError: `metric` is none of these.
            ValuesError: A logit is not finite, or a target is neither 0 nor 1.
        """
        label_counts.two_dimensions("MultiLabel.calibrated", targets)
        truth = hard("MultiLabel.calibrated", raw, targets)
        plain = dataclasses.replace(self, temperature=1.0)
        temperature, why_temperature = tempered(plain.log_odds(raw).detach().flatten(), truth.flatten(), items="labels")
        recipe = dataclasses.replace(plain, temperature=temperature)
        thresholds, kept = list(self._cuts), []
        probability = recipe.predict(raw).probability.detach()
        for k, (column, label) in enumerate(zip(probability.unbind(1), truth.unbind(1), strict=True)):
            if bool((label == label[0]).all()):
                kept.append(self._name(k))
            else:
                thresholds[k] = tune_threshold(column, label, metric=metric).threshold
        why = (why_temperature, *_why_thresholds(metric, thresholds, kept, len(truth)))
        return dataclasses.replace(recipe, thresholds=tuple(thresholds), reasons=(*self.reasons, *why))

    @property
    def _cuts(self) -> tuple[float, ...]:
        """The thresholds; until they are tuned those at which the weighted odds are even."""
        if self.thresholds is not None:
            return self.thresholds
        if self.pos_weight is not None:
            return tuple(1 / (1 + w) for w in self.pos_weight)
        return (0.5,) * len(self.prior)

    def _name(self, label: int) -> str:
        return f"label {label}" if self.labels is None else self.labels[label]


def _fits(function: str, raw: Tensor, count: int) -> None:
    if raw.dim() < 1 or raw.shape[-1] != count:
        message = (
            f"{function}: `raw` has shape {check.shape_of(raw)}, expected [..., {count}], a logit for each label; "
            f"use the recipe's head."
        )
        raise ShapeError(message)


def _why_loss(criterion: Criterion, weights: tuple[float, ...] | None, positives: list[int], rows: int) -> Reason:
    rarest, most = min(positives), max(positives)
    seen = f"Of {rows} rows the rarest label has {rarest}, the most frequent {most}"
    if criterion == "asymmetric":
        return Reason(
            "asymmetric loss",
            f"{seen}. Nearly all entries are easy negatives: they are turned down more than positives, and cost "
            f"nothing below `clip`. What comes out ranks rows; it is no probability, so tune a threshold per label.",
        )
    if criterion == "focal":
        return Reason(
            "focal loss",
            f"{seen}. Where labels are rarer than {SEVERE:.0f} to 1 many easy entries outweigh the few that matter; "
            f"focal turns an entry down by how sure and right the model is. `predict` undoes what that does to the "
            f"probabilities.",
        )
    if weights is None or set(weights) == {1.0}:
        balanced = all(max(p, rows - p) < MILD * min(p, rows - p) for p in positives)
        enough = "balanced enough for each entry to count the same" if balanced else "left as it is, as was asked for"
        return Reason("no weights", f"{seen}: {enough}.")
    held = sum(max(p, rows - p) > SEVERE * min(p, rows - p) for p in positives)
    bound = f" {held} label{'s are' if held > 1 else ' is'} beyond 100 to 1 and held there." if held else ""
    even = sum(w == 1.0 for w in weights)
    whose = f"each label that is rarer than {MILD:.0f} to 1" if even else "each label"
    rest = f" {even} label{'s' * (even > 1)} nearer to balance: a weight of 1." if even else ""
    return Reason(
        f"pos_weight from {min(weights):.3g} to {max(weights):.3g}",
        f"{seen}: a weight for {whose} makes its yes and no count the same.{rest}{bound} It adds its logarithm to the "
        f"logit, which `predict` takes off again; criterion='asymmetric' is the other way to turn negatives down.",
    )


def _why_thresholds(metric: Metric | Cost, thresholds: list[float], kept: list[str], rows: int) -> tuple[Reason, ...]:
    aim = "costs least" if isinstance(metric, Cost) else f"has its highest {metric}"
    low, high = min(thresholds), max(thresholds)
    tuned = Reason(
        f"a threshold per label, from {low:.3g} to {high:.3g}",
        f"Each label {aim} there on {rows} validation rows; one threshold of 0.5 for all is rarely best where labels "
        f"differ in how often they occur.",
    )
    if not kept:
        return (tuned,)
    because = f"The validation rows have them always or never, so that no threshold can be tuned: {listed(kept)}."
    return (tuned, Reason(f"{len(kept)} thresholds kept", because))
