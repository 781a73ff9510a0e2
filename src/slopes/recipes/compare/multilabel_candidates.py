"""Candidates for several labels of 0 and 1."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes import losses
from slopes._core.numerics import log1mexp
from slopes.activations import log_softmax, sigmoid
from slopes.recipes.classification.multilabel import MultiLabel
from slopes.recipes.compare.candidate import Candidate, Made
from slopes.recipes.recipe import Recipe
from slopes.shown import palette


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


_PLAIN: Final = Made(MultiLabel, {"criterion": "binary_cross_entropy", "weighted": False})
_WEIGHTED: Final = Made(MultiLabel, {"criterion": "binary_cross_entropy", "weighted": True})
_FOCAL: Final = Made(MultiLabel, {"criterion": "focal"})
_ASYMMETRIC: Final = Made(MultiLabel, {"criterion": "asymmetric"})
_PER_LABEL: Final = "a sigmoid per label under binary cross-entropy"

CANDIDATES: Final = (
    Candidate("cross_entropy", "cross-entropy", _PER_LABEL, palette.VERMILLION, _PLAIN),
    Candidate("weighted", "weighted", "binary cross-entropy with a pos_weight per label", palette.BLUE, _WEIGHTED),
    Candidate("focal", "focal", "the focal loss with γ = 2", palette.PURPLE, _FOCAL),
    Candidate("asymmetric", "asymmetric", "the asymmetric loss", palette.ORANGE, _ASYMMETRIC),
    Candidate(
        "softmax",
        "softmax",
        "one softmax over all labels",
        palette.GREEN,
        _PLAIN,
        loss=_softmax,
        raw=_as_odds,
        wrong="a softmax shares 1 between the labels, so that no two can be likely at once and none can be absent",
    ),
    Candidate(
        "squares",
        "MSE on probability",
        "the squared error of the probabilities",
        palette.SKY,
        _PLAIN,
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
