"""What the metrics of the recipes are called, which way they are better, and which one decides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from slopes.recipes.data.tasks import Task


@dataclass(frozen=True)
class Measure:
    """A metric of a recipe.

    Attributes:
        name: What recipes call it.
        label: What a report calls it.
        better: `+1` where higher is better, `-1` where lower is, 0 where a value in between is right.
        said: What it says, in few words.
        least: What it cannot be below.
        most: What it cannot be above.
    """

    name: str
    label: str
    better: int
    said: str
    least: float = -math.inf
    most: float = math.inf


def _share(name: str, label: str, better: int, said: str) -> Measure:
    return Measure(name, label, better, said, 0.0, 1.0)


def _size(name: str, label: str, said: str) -> Measure:
    return Measure(name, label, -1, said, 0.0)


_ALL: Final = (
    _share("auroc", "AUROC", 1, "how often a positive ranks above a negative"),
    _share("average_precision", "average precision", 1, "precision over all recalls, of the positives"),
    _share("mean_average_precision", "mean average precision", 1, "average precision, the mean over labels"),
    _share("f1", "F1", 1, "precision and recall of the positives, at the tuned threshold"),
    _share("macro_f1", "macro F1", 1, "F1 of each class or label, all counted alike"),
    _share("micro_f1", "micro F1", 1, "F1 over all decisions together"),
    _share("balanced_accuracy", "balanced accuracy", 1, "mean recall of the classes"),
    _share("top_1", "accuracy", 1, "share of rows that are right"),
    _share("top_5", "top-5 accuracy", 1, "share of rows whose class is among the five likeliest"),
    _size("log_loss", "log-loss", "nats per row: how surprised the probabilities are"),
    _share("brier", "Brier score", -1, "mean squared error of the probabilities"),
    _share("calibration_error", "calibration error", -1, "how far probabilities are from the shares that come true"),
    _size("mae", "MAE", "mean absolute error, in the target's unit"),
    _size("rmse", "RMSE", "root mean squared error, in the target's unit"),
    _size("mape", "MAPE", "mean absolute error as a share of the target"),
    Measure("r2", "R²", 1, "share of the variance explained; below 0 it is worse than the mean", most=1.0),
    _share("coverage", "coverage", 0, "share of targets inside the 90 % interval"),
    _size("width", "interval width", "mean width of the 90 % interval, in the target's unit"),
)
MEASURES: Final = {measure.name: measure for measure in _ALL}
"""Every measure that a report shows, by name, in its order."""


def ends(name: str) -> tuple[float, float]:
    """Return what a metric cannot be below and above; `auroc_price` is one of AUROC, and of others nothing is known."""
    known = MEASURES.get(name) or MEASURES.get(name.partition("_")[0])
    return (-math.inf, math.inf) if known is None else (known.least, known.most)


DECIDES: Final[dict[Task, str]] = {
    "binary": "average_precision",
    "multiclass": "macro_f1",
    "multilabel": "macro_f1",
    "regression": "mae",
}
"""The measure that decides where nobody names one."""
