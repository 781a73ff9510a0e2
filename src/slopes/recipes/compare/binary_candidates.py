"""Candidates for one label of 0 and 1."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from slopes import losses
from slopes.activations import sigmoid
from slopes.recipes.classification.binary import Binary
from slopes.recipes.compare.candidate import Candidate, Made
from slopes.recipes.recipe import Recipe
from slopes.shown import palette

_SMOOTHING: Final = 0.1


def _smoothed(recipe: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return recipe.loss(raw, targets * (1 - _SMOOTHING) + _SMOOTHING / 2)


def _hinge(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.hinge(raw, 2 * targets - 1)


def _squares(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.mse(sigmoid(raw), targets)


_PLAIN: Final = Made(Binary, {"criterion": "binary_cross_entropy", "weighted": False})
_WEIGHTED: Final = Made(Binary, {"criterion": "binary_cross_entropy", "weighted": True})
_FOCAL: Final = Made(Binary, {"criterion": "focal"})
_WITH_WEIGHT: Final = "binary cross-entropy with pos_weight from the counts"
_ON_SMOOTHED: Final = f"binary cross-entropy on labels smoothed by {_SMOOTHING:g}"

CANDIDATES: Final = (
    Candidate("cross_entropy", "cross-entropy", "binary cross-entropy", palette.VERMILLION, _PLAIN),
    Candidate("weighted", "weighted", _WITH_WEIGHT, palette.BLUE, _WEIGHTED),
    Candidate("focal", "focal", "the focal loss with γ = 2", palette.PURPLE, _FOCAL),
    Candidate("smoothed", "smoothed", _ON_SMOOTHED, palette.ORANGE, _PLAIN, loss=_smoothed),
    Candidate("hinge", "hinge", "the hinge loss", palette.GREEN, _PLAIN, loss=_hinge),
    Candidate(
        "squares",
        "MSE on probability",
        "the squared error of the probability",
        palette.SKY,
        _PLAIN,
        loss=_squares,
        wrong="the sigmoid's slope multiplies the error, so that a row which is surely wrong teaches almost nothing",
    ),
)


def by_the_rules(targets: Tensor) -> str:
    """Return the name of the candidate that the counts of the targets ask for."""
    recipe = Binary.from_targets(targets)
    if recipe.criterion == "focal":
        return "focal"
    return "cross_entropy" if recipe.pos_weight == 1 else "weighted"
