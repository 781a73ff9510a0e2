"""Candidates for several labels of 0 and 1."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes import losses
from slopes._core.numerics import log1mexp
from slopes.activations import log_softmax, sigmoid
from slopes.recipes.classification.multilabel import MultiLabel
from slopes.recipes.compare import inks
from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.recipe import Recipe


def _plain(targets: Tensor) -> Recipe:
    return MultiLabel.from_targets(targets, criterion="binary_cross_entropy", weighted=False)


def _weighted(targets: Tensor) -> Recipe:
    return MultiLabel.from_targets(targets, criterion="binary_cross_entropy", weighted=True)


def _focal(targets: Tensor) -> Recipe:
    return MultiLabel.from_targets(targets, criterion="focal")


def _asymmetric(targets: Tensor) -> Recipe:
    return MultiLabel.from_targets(targets, criterion="asymmetric")


def _softmax(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    having = targets.sum(-1)
    shares = targets / having.clamp(min=1).unsqueeze(-1)
    spread = torch.where(having.unsqueeze(-1) > 0, shares, torch.full_like(shares, 1 / shares.shape[-1]))
    return losses.cross_entropy(raw, spread, mask=having > 0)


def _as_odds(_: Recipe, raw: Tensor) -> Tensor:
    """Return the log-odds of the softmax's probabilities, which the recipe's sigmoids turn into them again."""
    log_p = log_softmax(raw, dim=-1).clamp(max=-torch.finfo(raw.dtype).eps)
    return log_p - log1mexp(log_p)


def _squares(_: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    return losses.mse(sigmoid(raw), targets)


CANDIDATES: Final = (
    Candidate(
        name="cross_entropy",
        label="cross-entropy",
        said="a sigmoid per label under binary cross-entropy",
        hue=inks.VERMILLION,
        recipe=_plain,
        code='MultiLabel.from_targets(targets, criterion="binary_cross_entropy", weighted=False)',
    ),
    Candidate(
        name="weighted",
        label="weighted",
        said="binary cross-entropy with a pos_weight per label",
        hue=inks.BLUE,
        recipe=_weighted,
        code='MultiLabel.from_targets(targets, criterion="binary_cross_entropy", weighted=True)',
    ),
    Candidate(
        name="focal",
        label="focal",
        said="the focal loss with γ = 2",
        hue=inks.PURPLE,
        recipe=_focal,
        code='MultiLabel.from_targets(targets, criterion="focal")',
    ),
    Candidate(
        name="asymmetric",
        label="asymmetric",
        said="the asymmetric loss",
        hue=inks.ORANGE,
        recipe=_asymmetric,
        code='MultiLabel.from_targets(targets, criterion="asymmetric")',
    ),
    Candidate(
        name="softmax",
        label="softmax",
        said="one softmax over all labels",
        hue=inks.GREEN,
        recipe=_plain,
        code='MultiLabel.from_targets(targets, criterion="binary_cross_entropy", weighted=False)',
        loss=_softmax,
        raw=_as_odds,
        wrong="a softmax shares 1 between the labels, so that no two can be likely at once and none can be absent",
    ),
    Candidate(
        name="squares",
        label="MSE on probability",
        said="the squared error of the probabilities",
        hue=inks.SKY,
        recipe=_plain,
        code='MultiLabel.from_targets(targets, criterion="binary_cross_entropy", weighted=False)',
        loss=_squares,
        wrong="the sigmoid's slope multiplies the error, so that an entry which is surely wrong teaches almost nothing",
    ),
)


def by_the_rules(targets: Tensor) -> str:
    """Return the name of the candidate that the counts of the targets ask for."""
    recipe = MultiLabel.from_targets(targets)
    if recipe.criterion != "binary_cross_entropy":
        return recipe.criterion
    return "cross_entropy" if recipe.pos_weight is None else "weighted"
