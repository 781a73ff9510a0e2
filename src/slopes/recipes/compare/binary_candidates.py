"""Candidates for one label of 0 and 1."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from slopes import losses
from slopes.activations import sigmoid
from slopes.recipes.classification.binary import Binary
from slopes.recipes.compare import inks
from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.recipe import Recipe

_SMOOTHING: Final = 0.1


def _plain(targets: Tensor) -> Recipe:
    return Binary.from_targets(targets, criterion="binary_cross_entropy", weighted=False)


def _weighted(targets: Tensor) -> Recipe:
    return Binary.from_targets(targets, criterion="binary_cross_entropy", weighted=True)


def _focal(targets: Tensor) -> Recipe:
    return Binary.from_targets(targets, criterion="focal")


def _smoothed(recipe: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return recipe.loss(raw, targets * (1 - _SMOOTHING) + _SMOOTHING / 2)


def _hinge(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.hinge(raw, 2 * targets - 1)


def _squares(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.mse(sigmoid(raw), targets)


CANDIDATES: Final = (
    Candidate(
        name="cross_entropy",
        label="cross-entropy",
        said="binary cross-entropy",
        hue=inks.VERMILLION,
        recipe=_plain,
        code='Binary.from_targets(targets, criterion="binary_cross_entropy", weighted=False)',
    ),
    Candidate(
        name="weighted",
        label="weighted",
        said="binary cross-entropy with pos_weight from the counts",
        hue=inks.BLUE,
        recipe=_weighted,
        code='Binary.from_targets(targets, criterion="binary_cross_entropy", weighted=True)',
    ),
    Candidate(
        name="focal",
        label="focal",
        said="the focal loss with γ = 2",
        hue=inks.PURPLE,
        recipe=_focal,
        code='Binary.from_targets(targets, criterion="focal")',
    ),
    Candidate(
        name="smoothed",
        label="smoothed",
        said=f"binary cross-entropy on labels smoothed by {_SMOOTHING:g}",
        hue=inks.ORANGE,
        recipe=_plain,
        code='Binary.from_targets(targets, criterion="binary_cross_entropy", weighted=False)',
        loss=_smoothed,
    ),
    Candidate(
        name="hinge",
        label="hinge",
        said="the hinge loss",
        hue=inks.GREEN,
        recipe=_plain,
        code='Binary.from_targets(targets, criterion="binary_cross_entropy", weighted=False)',
        loss=_hinge,
    ),
    Candidate(
        name="squares",
        label="MSE on probability",
        said="the squared error of the probability",
        hue=inks.SKY,
        recipe=_plain,
        code='Binary.from_targets(targets, criterion="binary_cross_entropy", weighted=False)',
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
