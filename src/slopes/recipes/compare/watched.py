"""The error that is followed along a training: cheap, the same for all candidates, and named for pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from torch import Tensor

from slopes.recipes.compare.model import Part
from slopes.recipes.data.target import Target
from slopes.recipes.recipe import Recipe

NAMES: Final = {
    "binary": "share of wrong answers, the mean of both classes",
    "multiclass": "share of wrong answers, the mean of all classes",
    "multilabel": "1 − macro F1, every threshold at 0.5",
    "regression": "mean absolute error, in the target's unit",
}


def watched(target: Target, recipe: Recipe, held: Part) -> Callable[[Callable[[Tensor], Tensor]], float]:
    """Return the function from a model, features to raw outputs, to its error on validation rows, not calibrated.

    The error is NaN where a prediction is.
    """
    error = _error(target, recipe, held.targets)

    def watch(model: Callable[[Tensor], Tensor]) -> float:
        raw = model(held.features)
        # The likeliest of numbers that are none would be a class all the same.
        return math.nan if bool(recipe.predict(raw)[0].isnan().any()) else error(raw)

    return watch


def _error(target: Target, recipe: Recipe, truth: Tensor) -> Callable[[Tensor], float]:
    if target.task == "regression":
        return lambda raw: float((recipe.predict(raw)[0] - truth).abs().mean())
    from torchmetrics.functional.classification import (  # noqa: PLC0415  seconds to import
        multiclass_recall,
        multilabel_f1_score,
    )

    if target.task == "multilabel":
        labels = truth.long()
        return lambda raw: 1 - float(multilabel_f1_score(recipe.predict(raw)[0], labels, truth.shape[1]))
    classes, labels = max(2, len(target.classes)), truth.long()
    return lambda raw: 1 - float(multiclass_recall(_answer(recipe, raw), labels, classes, average="macro"))


def _answer(recipe: Recipe, raw: Tensor) -> Tensor:
    probability = recipe.predict(raw)[0]
    return probability.argmax(-1) if probability.dim() > 1 else (probability > 0.5).long()  # noqa: PLR2004  even odds
