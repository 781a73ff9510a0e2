"""What the metrics of the recipes are called, which way they are better, and which one decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from slopes.recipes.data.target import Task


@dataclass(frozen=True)
class Measure:
    """A metric of a recipe.

    Attributes:
        name: What recipes call it.
        label: What a report calls it.
        better: `+1` where higher is better, `-1` where lower is, 0 where a value in between is right.
        said: What it says, in few words.
        unit: Whether it lies in [0, 1].
    """

    name: str
    label: str
    better: int
    said: str
    unit: bool = False


_ALL: Final = (
    Measure("auroc", "AUROC", 1, "how often a positive ranks above a negative", unit=True),
    Measure("average_precision", "average precision", 1, "precision over all recalls, of the positives", unit=True),
    Measure(
        "mean_average_precision", "mean average precision", 1, "average precision, the mean over labels", unit=True
    ),
    Measure("f1", "F1", 1, "precision and recall of the positives, at the tuned threshold", unit=True),
    Measure("macro_f1", "macro F1", 1, "F1 of each class or label, all counted alike", unit=True),
    Measure("micro_f1", "micro F1", 1, "F1 over all decisions together", unit=True),
    Measure("balanced_accuracy", "balanced accuracy", 1, "mean recall of the classes", unit=True),
    Measure("top_1", "accuracy", 1, "share of rows that are right", unit=True),
    Measure("top_5", "top-5 accuracy", 1, "share of rows whose class is among the five likeliest", unit=True),
    Measure("log_loss", "log-loss", -1, "nats per row: how surprised the probabilities are"),
    Measure("brier", "Brier score", -1, "mean squared error of the probabilities", unit=True),
    Measure(
        "calibration_error",
        "calibration error",
        -1,
        "how far probabilities are from the shares that come true",
        unit=True,
    ),
    Measure("mae", "MAE", -1, "mean absolute error, in the target's unit"),
    Measure("rmse", "RMSE", -1, "root mean squared error, in the target's unit"),
    Measure("mape", "MAPE", -1, "mean absolute error as a share of the target"),
    Measure("r2", "R²", 1, "share of the variance explained; below 0 it is worse than the mean"),
    Measure("coverage", "coverage", 0, "share of targets inside the 90 % interval", unit=True),
    Measure("width", "interval width", -1, "mean width of the 90 % interval, in the target's unit"),
)
MEASURES: Final = {measure.name: measure for measure in _ALL}
"""Every measure that a report shows, by name, in its order."""

DECIDES: Final[dict[Task, str]] = {
    "binary": "average_precision",
    "multiclass": "macro_f1",
    "multilabel": "macro_f1",
    "regression": "mae",
}
"""The measure that decides where nobody names one."""
