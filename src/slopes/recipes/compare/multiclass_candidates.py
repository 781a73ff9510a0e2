"""Candidates for one class out of three or more."""

from __future__ import annotations

from typing import Final

import torch.nn.functional as F  # noqa: N812  as torch calls it
from torch import Tensor

from slopes import losses
from slopes.activations import softmax
from slopes.recipes.classification.multiclass import MultiClass
from slopes.recipes.compare.candidate import Candidate, Made
from slopes.recipes.recipe import Recipe
from slopes.shown import palette

_SMOOTHING: Final = 0.1


def _hinge(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.multiclass_hinge(raw, targets)


def _squares(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.mse(softmax(raw, dim=-1), F.one_hot(targets, raw.shape[-1]).to(raw.dtype))


_PLAIN: Final = Made(MultiClass, {"criterion": "cross_entropy", "weighted": False})
_SMOOTHED: Final = Made(MultiClass, {**_PLAIN.options, "label_smoothing": _SMOOTHING})
_WEIGHTED: Final = Made(MultiClass, {"criterion": "cross_entropy", "weighted": True})
_FOCAL: Final = Made(MultiClass, {"criterion": "softmax_focal"})
_WITH_SMOOTHING: Final = f"cross-entropy with label smoothing {_SMOOTHING:g}"

CANDIDATES: Final = (
    Candidate("cross_entropy", "cross-entropy", "cross-entropy", palette.VERMILLION, _PLAIN),
    Candidate("smoothed", "smoothed", _WITH_SMOOTHING, palette.ORANGE, _SMOOTHED),
    Candidate("weighted", "weighted", "cross-entropy with class weights from the counts", palette.BLUE, _WEIGHTED),
    Candidate("focal", "focal", "the softmax focal loss with γ = 2", palette.PURPLE, _FOCAL),
    Candidate("hinge", "hinge", "the multi-class hinge loss", palette.GREEN, _PLAIN, loss=_hinge),
    Candidate(
        "squares",
        "MSE on softmax",
        "the squared error of the softmax's probabilities",
        palette.SKY,
        _PLAIN,
        loss=_squares,
        wrong="the softmax's slopes multiply the error, so that a row which is surely wrong teaches almost nothing",
    ),
)


def by_the_rules(targets: Tensor) -> str:
    """Return the name of the candidate that the counts of the targets ask for."""
    recipe = MultiClass.from_targets(targets)
    if recipe.criterion == "softmax_focal":
        return "focal"
    return "cross_entropy" if recipe.class_weight is None else "weighted"
