"""Metrics of the classification recipes: torchmetrics', and what it leaves to others or gets wrong.

It imports torchmetrics; recipes import it when metrics are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import MeanMetric, MeanSquaredError, Metric, MetricCollection
from torchmetrics.classification import (
    BinaryF1Score,
    MulticlassAccuracy,
    MulticlassF1Score,
    MultilabelF1Score,
)
from torchmetrics.functional.classification import binary_auroc, binary_average_precision
from torchmetrics.utilities import dim_zero_cat

TOP: int = 5
BINS: int = 15


class CalibrationError(Metric):
    """Expected calibration error: how far probabilities are from the shares that come true, over 15 bins of [0, 1].

    The mean over rows of |mean of what was said - mean of what came| of the row's bin. What is said is the probability
    of the positive class of one label, and that of the likeliest of several classes, where what comes is whether it was
    right.

    Notes:
        Bin m holds ((m - 1) / 15, m / 15], and the first one 0 too: certainty is no bin of its own, as it is to
        torchmetrics' metrics of this name. Source: Guo et al. 2017, On Calibration of Modern Neural Networks, eq. 3.
    """

    full_state_update = False
    gaps: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("gaps", torch.zeros(BINS, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, probability: Tensor, targets: Tensor) -> None:
        """Take a batch: `[N]` and labels of 0 and 1, or `[N, C]` and class indices `[N]`."""
        came = targets.double()
        if probability.dim() > 1:
            probability, likeliest = probability.max(-1)
            came = (likeliest == targets).double()
        said = probability.double()
        edges = torch.arange(1, BINS, dtype=torch.float64, device=said.device) / BINS
        self.gaps = self.gaps.index_add(0, torch.bucketize(said, edges), said - came)
        self.count = self.count + said.numel()

    def compute(self) -> Tensor:
        """Return the error, in [0, 1]; NaN before any row."""
        return self.gaps.abs().sum() / self.count


class Ranking(Metric):
    """Area under the ROC curve and average precision, of one binary label or the mean over several.

    NaN where a label does not have both values, and such a label is left out of the means; torchmetrics' own say 0.
    It keeps every probability that it has seen.

    Args:
        labels: Names; with them each label's area is told too. None for one binary label, `[N]`.
    """

    full_state_update = False
    probabilities: list[Tensor]
    targets: list[Tensor]

    def __init__(self, labels: Sequence[str] | None = None) -> None:
        super().__init__()
        self.labels = labels
        self.add_state("probabilities", [], dist_reduce_fx="cat")
        self.add_state("targets", [], dist_reduce_fx="cat")

    def update(self, probability: Tensor, targets: Tensor) -> None:
        """Take a batch: `[N]`, or `[N, K]` for K labels."""
        columns = 1 if self.labels is None else len(self.labels)
        self.probabilities.append(probability.reshape(-1, columns))
        self.targets.append(targets.reshape(-1, columns))

    def compute(self) -> dict[str, Tensor]:
        """Return the areas by name."""
        probability, targets = dim_zero_cat(self.probabilities), dim_zero_cat(self.targets)
        pairs = [_ranking(p, t) for p, t in zip(probability.unbind(1), targets.unbind(1), strict=True)]
        area, precision = torch.tensor(pairs, device=probability.device).unbind(1)
        if self.labels is None:
            return {"auroc": area[0], "average_precision": precision[0]}
        by_label = {f"auroc_{name}": value for name, value in zip(self.labels, area.unbind(), strict=True)}
        return {"mean_average_precision": precision.nanmean(), "auroc": area.nanmean(), **by_label}


def _ranking(probability: Tensor, targets: Tensor) -> tuple[float, float]:
    positives = int(targets.sum())
    if positives in {0, len(targets)}:
        return math.nan, math.nan
    return float(binary_auroc(probability, targets)), float(binary_average_precision(probability, targets))


def binary() -> MetricCollection:
    """Return the metrics of one binary label."""
    return MetricCollection(
        {
            "ranking": Ranking(),
            "f1": BinaryF1Score(),
            "balanced_accuracy": MulticlassAccuracy(num_classes=2, average="macro"),
            "log_loss": MeanMetric(),
            "brier": MeanSquaredError(),
            "calibration_error": CalibrationError(),
        },
        compute_groups=False,  # each is updated with what it is about: a decision, a probability, a loss
    )


def multiclass(classes: int) -> MetricCollection:
    """Return the metrics of exclusive classes; top-5 where there are more than five."""
    top = {f"top_{TOP}": MulticlassAccuracy(num_classes=classes, average="micro", top_k=TOP)} if classes > TOP else {}
    return MetricCollection(
        {
            "top_1": MulticlassAccuracy(num_classes=classes, average="micro"),
            **top,
            "macro_f1": MulticlassF1Score(num_classes=classes, average="macro"),
            "log_loss": MeanMetric(),
            "calibration_error": CalibrationError(),
        },
        compute_groups=False,
    )


def multilabel(labels: Sequence[str]) -> MetricCollection:
    """Return the metrics of several labels; never plain accuracy, which no-to-everything makes high."""
    return MetricCollection(
        {
            "macro_f1": MultilabelF1Score(num_labels=len(labels), average="macro"),
            "micro_f1": MultilabelF1Score(num_labels=len(labels), average="micro"),
            "ranking": Ranking(tuple(labels)),
            "brier": MeanSquaredError(),
        },
        compute_groups=False,
    )
