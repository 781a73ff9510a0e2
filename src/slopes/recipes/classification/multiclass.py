"""Multi-class: one class out of C, C logits, their softmax, cross-entropy.

Softmax and cross-entropy are a matched pair: the gradient by the logits is probabilities - target, for every class at
once. Rare classes are weighted by the counts, from 100 to 1 on focused instead. What weights or focus do to the logits
is undone in `predict`, so that probabilities are those of the data.

Dimension names: N rows; C classes; `...` is any shape.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self

import torch
from torch import Tensor, nn

from slopes import losses
from slopes._core import check
from slopes._core.errors import OptionError, ShapeError
from slopes._core.linear_logits import Logits
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, FINITE_POSITIVE, UNIT, Domain
from slopes._core.tensors import wide
from slopes.recipes.classification import class_counts, labels, posterior
from slopes.recipes.classification.calibration import tempered
from slopes.recipes.classification.heads import linear_head
from slopes.recipes.classification.labels import MILD, SEVERE
from slopes.recipes.recipe import Reason, needs, refuse_nan

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

Criterion = Literal["cross_entropy", "softmax_focal"]
CRITERIA: Final = ("cross_entropy", "softmax_focal")


class MultiClassPrediction(NamedTuple):
    """What a classifier of exclusive classes says.

    Attributes:
        probability: `[..., C]`, each row summing to 1.
        decision: `[...]` int64, the class with the highest logit: the likeliest one, or under class weights the one
            whose probability is highest for its weight.
    """

    probability: Tensor
    decision: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiClass:
    """The recipe for one class out of three or more.

    Attributes:
        prior: Share of each class among the training targets, C numbers that sum to 1; the head starts there.
        criterion: The loss: `"cross_entropy"`, or `"softmax_focal"` where a class is very rare.
        class_weight: Weight of each class under cross-entropy, C numbers above 0; None where all weigh 1.
        label_smoothing: Share of the target that is spread over all classes under cross-entropy, in [0, 1).
        gamma: How much `"softmax_focal"` turns easy rows down, at least 0.
        temperature: Divides the logits in `predict`, above 0; found by `calibrated`.
        reasons: Why it is as it is.

    Raises:
        OptionError: A field is outside its domain, there are two classes, or smoothing or weights meet focal.

    Examples:
        >>> recipe = MultiClass.from_targets(torch.tensor([0] * 80 + [1] * 10 + [2] * 10))
        >>> [round(weight, 3) for weight in recipe.class_weight]
        [0.417, 3.333, 3.333]
        >>> recipe.predict(torch.zeros(3))  # weighted shares that are even are the shares of the data
        MultiClassPrediction(probability=tensor([0.8000, 0.1000, 0.1000]), decision=tensor(0))
    """

    name = "multi-class classification"

    prior: tuple[float, ...]
    criterion: Criterion = "cross_entropy"
    class_weight: tuple[float, ...] | None = None
    label_smoothing: float = 0.0
    gamma: float = 2.0
    temperature: float = 1.0
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        check.choice("MultiClass", "criterion", self.criterion, CRITERIA)
        class_counts.enough("MultiClass", len(self.prior))
        for share in self.prior:
            check.option("MultiClass", "prior", share, UNIT)
        for weight in self.class_weight or ():
            check.option("MultiClass", "class_weight", weight, FINITE_POSITIVE)
        if self.class_weight is not None and len(self.class_weight) != len(self.prior):
            message = (
                f"MultiClass: `class_weight` has {len(self.class_weight)} entries beside {len(self.prior)} in `prior`, "
                f"expected one for each class; leave it out where all weigh the same."
            )
            raise OptionError(message)
        check.option("MultiClass", "label_smoothing", self.label_smoothing, Domain(0.0, 1.0, high_open=True))
        check.option("MultiClass", "gamma", self.gamma, FINITE_NON_NEGATIVE)
        check.option("MultiClass", "temperature", self.temperature, FINITE_POSITIVE)
        if self.criterion == "softmax_focal" and (self.label_smoothing or self.class_weight is not None):
            message = (
                f"MultiClass: `label_smoothing` is {self.label_smoothing} and `class_weight` {self.class_weight} "
                f"beside criterion='softmax_focal', expected 0 and None: focal turns the easy rows of hard labels down "
                f"instead; choose criterion='cross_entropy' to smooth or weigh."
            )
            raise OptionError(message)

    @property
    def classes(self) -> int:
        """C, the number of classes."""
        return len(self.prior)

    @classmethod
    def from_targets(
        cls,
        targets: Tensor,
        *,
        classes: int | None = None,
        criterion: Criterion | None = None,
        weighted: bool | None = None,
        label_smoothing: float = 0.0,
    ) -> Self:
        """Return the recipe that these training targets ask for.

        Args:
            targets: `[N]` int64 class indices, or `[N, C]` floating distributions, each row summing to 1.
            classes: C; the highest index plus 1 where None. Say it where the data may lack a class.
            criterion: The loss; by the counts where None: softmax focal above 100 to 1, for indices without smoothing.
            weighted: Whether cross-entropy weighs class k with N / (C · count of k), held to 100 to 1 between classes;
                by the counts where None: from 3 to 1 on.
            label_smoothing: Share of the target that is spread over all classes; 0.1 is usual.

        Returns:
            The recipe, not yet calibrated.

        Raises:
            ShapeError: `targets` is neither `[N]` nor `[N, C]`.
            DtypeError: `[N]` targets that are not int64, or `[N, C]` ones that are not floating.
            OptionError: An option is outside its domain.
            ValuesError: No rows, one or two classes only, a class below the highest that does not occur, an index out
                of range, NaN, or a row that does not sum to 1.
        """
        counts = class_counts.counted("MultiClass", targets, classes)
        seen = [count for count in counts if count > 0]
        severe = max(seen) > SEVERE * min(seen)
        if criterion is None:
            focal = severe and not label_smoothing and targets.dim() == 1
            criterion = "softmax_focal" if focal else "cross_entropy"
        if weighted is None:
            weighted = max(seen) >= MILD * min(seen)
        class_weight = class_counts.balancing(counts) if weighted and criterion == "cross_entropy" else None
        rare = [(f"class {k}", round(count)) for k, count in enumerate(counts) if count > 0]
        return cls(
            prior=tuple(count / sum(counts) for count in counts),
            criterion=criterion,
            class_weight=class_weight,
            label_smoothing=label_smoothing,
            reasons=(
                _why_loss(criterion, class_weight, counts),
                *_why_smoothed(label_smoothing),
                _SOFTMAX,
                *_why_absent(counts),
                *(labels.rarity(rare) if targets.dim() == 1 else ()),
            ),
        )

    def head(self, features: int) -> nn.Linear:
        """Return a linear layer from `[..., features]` to C logits.

        Its bias starts at the best constant logits: log of the prior, plus log of the weights where classes are
        weighted. A class that the training targets lack starts as if it had been seen half a time.
        """
        least = min(share for share in self.prior if share > 0) / 2
        weights = self.class_weight or (1.0,) * self.classes
        return linear_head(
            "MultiClass.head", features, [math.log(max(p, least) * w) for p, w in zip(self.prior, weights, strict=True)]
        )

    def loss(
        self,
        raw: Logits,
        targets: Tensor,
        *,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return the training loss of logits `[..., C]` and targets.

        Args:
            raw: `[..., C]`, floating: logits, as `head` makes them; or `slopes.LinearLogits`.
            targets: `[...]` int64 class indices; under cross-entropy also `[..., C]` distributions, as `mixup` makes.
            mask: `[...]` boolean, True where a row counts.
            weight: `[...]`, weight of each row, at least 0.
            reduction: `"mean"`, `"sum"` or `"none"`.
            denominator: Replaces the divisor of the mean, which is the sum of the targets' class weights.

        Returns:
            A number, or `[...]` for `"none"`; nats. Without weights the gradient is probabilities - target.

        Raises:
            OptionError: Distributions meet `"softmax_focal"`.
            SlopesError: As `slopes.losses.cross_entropy` and `slopes.losses.softmax_focal` do.
        """
        check.logits("MultiClass.loss", raw=raw)
        _fits("MultiClass.loss", raw, self.classes)
        if self.criterion == "softmax_focal":
            check.tensor("MultiClass.loss", targets=targets)
            if targets.is_floating_point():
                message = (
                    "MultiClass.loss: `targets` are distributions beside criterion='softmax_focal', expected class "
                    "indices: focal is about hard labels; use criterion='cross_entropy' with mixup or CutMix."
                )
                raise OptionError(message)
            return losses.softmax_focal(
                raw, targets, gamma=self.gamma, mask=mask, weight=weight, reduction=reduction, denominator=denominator
            )
        return losses.cross_entropy(
            raw,
            targets,
            class_weight=None if self.class_weight is None else labels.per_entry(self.class_weight, raw),
            label_smoothing=self.label_smoothing,
            mask=mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
        )

    def log_probability(self, raw: Tensor) -> Tensor:
        """Return the log-probabilities of the data `[..., C]` of logits `[..., C]`, weights or focus undone."""
        check.floating("MultiClass", raw=raw)
        _fits("MultiClass", raw, self.classes)
        logits = raw.to(wide(raw.dtype))
        if self.criterion == "softmax_focal":
            logits = posterior.from_softmax_focal(logits, self.gamma)
        elif self.class_weight is not None:
            logits = logits - labels.per_entry(self.class_weight, logits).log()
        return torch.log_softmax(logits / self.temperature, -1)

    def predict(self, raw: Tensor) -> MultiClassPrediction:
        """Return probabilities and decision of logits `[..., C]`; float32 for 16-bit logits.

        Raises:
            DtypeError: `raw` is not floating.
            ShapeError: The last dimension of `raw` is not C.
        """
        probability = self.log_probability(raw).exp()
        return MultiClassPrediction(probability, raw.argmax(-1))

    def metrics(self) -> MetricCollection:
        """Return torchmetrics for `observe`: top-1, top-5 (above five classes), macro F1, log-loss, ECE.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
        """
        needs("MultiClass.metrics", "torchmetrics")
        from slopes.recipes.classification import measures  # noqa: PLC0415  an optional package

        return measures.multiclass(self.classes)

    def observe(self, metrics: MetricCollection, raw: Tensor, targets: Tensor) -> None:
        """Update the metrics with a batch of logits `[..., C]` and class indices `[...]`.

        Metrics that were added to the collection are given probabilities and class indices.

        Raises:
            ShapeError: `targets` does not have the leading shape of `raw`, or the last dimension is not C.
            DtypeError: `raw` is not floating, or `targets` is not int64.
            ValuesError: A class index is out of range, or a prediction is NaN.
        """
        log_p = self.log_probability(raw.detach().double()).reshape(-1, self.classes)
        check.integers("MultiClass.observe", "targets", targets, raw.shape[:-1], "one class index for each row")
        refuse_nan("MultiClass.observe", log_p.isnan().any(-1))
        truth = targets.flatten()
        probability, logits = log_p.exp(), raw.detach().reshape(-1, self.classes)
        given = {
            "top_1": (logits, truth),
            "top_5": (logits, truth),
            "macro_f1": (logits.argmax(-1), truth),
            "log_loss": (losses.cross_entropy(log_p, truth, reduction="none"),),
        }
        for name, metric in metrics.items(keep_base=True):
            metric.update(*given.get(name, (probability, truth)))

    def score(self, raw: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the metrics of all the data: logits `[..., C]` and class indices `[...]`.

        Raises:
            MissingDependencyError: torchmetrics is not installed.
            SlopesError: As `observe` does.
        """
        metrics = self.metrics().to(raw.device)
        self.observe(metrics, raw, targets)
        return {name: float(value) for name, value in metrics.compute().items()}

    def calibrated(self, raw: Tensor, targets: Tensor) -> Self:
        """Return this recipe with the temperature found on validation logits `[N, C]` and class indices `[N]`.

        Returns:
            A new recipe, whose reasons say what was found. Where there is no best temperature (every row is right, or
            the logits tell nothing) it stays 1, and the reasons say so.

        Raises:
            ShapeError: `raw` is not `[N, C]`, or `targets` not `[N]`.
            DtypeError: `raw` is not floating, or `targets` is not int64.
            ValuesError: A logit is not finite, or a class index is out of range.
        """
        check.floating("MultiClass.calibrated", raw=raw)
        if raw.dim() != 2:  # noqa: PLR2004  rows and classes; one row would pass for many of one binary label
            message = (
                f"MultiClass.calibrated: `raw` has shape {check.shape_of(raw)}, expected [N, {self.classes}]; flatten "
                f"what stands before the classes."
            )
            raise ShapeError(message)
        plain = dataclasses.replace(self, temperature=1.0)
        temperature, why = tempered(plain.log_probability(raw), targets)
        return dataclasses.replace(plain, temperature=temperature, reasons=(*self.reasons, why))


_SOFTMAX: Final = Reason(
    "C logits, a softmax",
    "One class excludes the others, so their probabilities share 1 between them. Under cross-entropy the gradient by "
    "the logits is probabilities - target, for every class at once.",
)


def _fits(function: str, raw: Logits, classes: int) -> None:
    if raw.dim() < 1 or raw.shape[-1] != classes:
        message = (
            f"{function}: `raw` has shape {check.shape_of(raw)}, expected [..., {classes}], a logit for each class; "
            f"use the recipe's head, or give `classes` to from_targets."
        )
        raise ShapeError(message)


def _why_loss(criterion: Criterion, class_weight: tuple[float, ...] | None, counts: list[float]) -> Reason:
    seen = [count for count in counts if count > 0]
    ratio = labels.to_one(max(seen), min(seen))
    spread = f"The most frequent class has {max(seen):g} rows, the rarest {min(seen):g}: {ratio}"
    if criterion == "softmax_focal":
        return Reason(
            "focal loss",
            f"{spread}. Above {SEVERE:.0f} to 1 many easy rows outweigh the few that matter; focal turns a row down by "
            f"how sure and right the model is. Its probabilities are too mild by a known function, which `predict` "
            f"undoes.",
        )
    if class_weight is None:
        enough = (
            "balanced enough for each row to count the same"
            if max(seen) < MILD * min(seen)
            else "left as it is, as was asked for"
        )
        return Reason("no class weights", f"{spread}, {enough}.")
    present = [weight for weight, count in zip(class_weight, counts, strict=True) if count > 0]
    bound = f", held at {SEVERE:.0f} to 1" if max(seen) > SEVERE * min(seen) else ""
    return Reason(
        f"class weights from {min(present):.3g} to {max(present):.3g}",
        f"{spread}{bound}: with N / (C · count) each class counts the same. A weight adds its logarithm to the logit, "
        f"which `predict` takes off for the probabilities; the decision is the class with the highest logit, "
        f"weight included.",
    )


def _why_smoothed(label_smoothing: float) -> tuple[Reason, ...]:
    if not label_smoothing:
        return ()
    because = (
        "The loss is least at certainty otherwise, which drives logits apart without end. Smoothed, the best "
        "probability of the target is below 1; usual is 0.1. Top-1 may lose a little; the temperature is fitted "
        "afterwards, since smoothing leaves a model less sure than right."
    )
    return (Reason(f"label smoothing {label_smoothing:g}", because),)


def _why_absent(counts: list[float]) -> tuple[Reason, ...]:
    absent = [f"class {k}" for k, count in enumerate(counts) if not count]
    if not absent:
        return ()
    because = "The training targets lack it: the model can only learn never to say it."
    return (Reason(f"{labels.listed(absent)}: not seen", because),)
