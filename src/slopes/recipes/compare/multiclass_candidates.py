"""Candidates for one class out of three or more."""

from __future__ import annotations

from typing import Final

import torch.nn.functional as F  # noqa: N812  as torch calls it
from torch import Tensor

from slopes import losses
from slopes.activations import softmax
from slopes.recipes.classification.multiclass import MultiClass
from slopes.recipes.compare import inks
from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.recipe import Recipe

_SMOOTHING: Final = 0.1


def _plain(targets: Tensor) -> Recipe:
    return MultiClass.from_targets(targets, criterion="cross_entropy", weighted=False)


def _smoothed(targets: Tensor) -> Recipe:
    return MultiClass.from_targets(targets, criterion="cross_entropy", weighted=False, label_smoothing=_SMOOTHING)


def _weighted(targets: Tensor) -> Recipe:
    return MultiClass.from_targets(targets, criterion="cross_entropy", weighted=True)


def _focal(targets: Tensor) -> Recipe:
    return MultiClass.from_targets(targets, criterion="softmax_focal")


def _hinge(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.multiclass_hinge(raw, targets)


def _squares(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.mse(softmax(raw, dim=-1), F.one_hot(targets, raw.shape[-1]).to(raw.dtype))


CANDIDATES: Final = (
    Candidate(
        name="cross_entropy",
        label="cross-entropy",
        said="cross-entropy",
        hue=inks.VERMILLION,
        recipe=_plain,
        code='MultiClass.from_targets(targets, criterion="cross_entropy", weighted=False)',
    ),
    Candidate(
        name="smoothed",
        label="smoothed",
        said=f"cross-entropy with label smoothing {_SMOOTHING:g}",
        hue=inks.ORANGE,
        recipe=_smoothed,
        code='MultiClass.from_targets(targets, criterion="cross_entropy", weighted=False, label_smoothing=0.1)',
    ),
    Candidate(
        name="weighted",
        label="weighted",
        said="cross-entropy with class weights from the counts",
        hue=inks.BLUE,
        recipe=_weighted,
        code='MultiClass.from_targets(targets, criterion="cross_entropy", weighted=True)',
    ),
    Candidate(
        name="focal",
        label="focal",
        said="the softmax focal loss with γ = 2",
        hue=inks.PURPLE,
        recipe=_focal,
        code='MultiClass.from_targets(targets, criterion="softmax_focal")',
    ),
    Candidate(
        name="hinge",
        label="hinge",
        said="the multi-class hinge loss",
        hue=inks.GREEN,
        recipe=_plain,
        code='MultiClass.from_targets(targets, criterion="cross_entropy", weighted=False)',
        loss=_hinge,
    ),
    Candidate(
        name="squares",
        label="MSE on softmax",
        said="the squared error of the softmax's probabilities",
        hue=inks.SKY,
        recipe=_plain,
        code='MultiClass.from_targets(targets, criterion="cross_entropy", weighted=False)',
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
