"""Candidates for numbers."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes import losses
from slopes._core.errors import ValuesError
from slopes.recipes.compare import inks
from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.recipe import Recipe
from slopes.recipes.regression import Regression
from slopes.recipes.robust import RobustRegression
from slopes.recipes.tails import Tails


def _mse(targets: Tensor) -> Recipe:
    return Regression.from_targets(targets)


def _huber(targets: Tensor) -> Recipe:
    return RobustRegression.from_targets(targets, criterion="huber")


def _mae(targets: Tensor) -> Recipe:
    return RobustRegression.from_targets(targets, criterion="mae")


def _unstandardised(recipe: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    del recipe
    return losses.mse(raw, targets)


def _rescaled(recipe: Recipe, raw: Tensor) -> Tensor:
    """Return outputs in the targets' unit as the recipe reads them, in standard deviations."""
    ends: Tensor = recipe.predict(torch.tensor([0.0, 1.0], dtype=raw.dtype))[0]
    return (raw - ends[0]) / (ends[1] - ends[0])


CANDIDATES: Final = (
    Candidate(
        name="mse",
        label="MSE",
        said="the squared error on standardised targets",
        hue=inks.BLUE,
        recipe=_mse,
        code="Regression.from_targets(targets)",
    ),
    Candidate(
        name="huber",
        label="Huber",
        said="the Huber loss",
        hue=inks.GREEN,
        recipe=_huber,
        code='RobustRegression.from_targets(targets, criterion="huber")',
    ),
    Candidate(
        name="mae",
        label="MAE",
        said="the absolute error",
        hue=inks.ORANGE,
        recipe=_mae,
        code='RobustRegression.from_targets(targets, criterion="mae")',
    ),
    Candidate(
        name="unstandardised",
        label="MSE, raw targets",
        said="the squared error on targets that are not standardised",
        hue=inks.SKY,
        recipe=_mse,
        code="Regression.from_targets(targets)",
        loss=_unstandardised,
        raw=_rescaled,
        wrong="the model's first outputs are near 0 and its steps are small, so that it spends them on the target's "
        "mean and unit",
    ),
)


def by_the_rules(targets: Tensor) -> str:
    """Return the name of the candidate that the tails of the targets ask for."""
    try:
        return str(Tails.of(targets).loss)
    except ValuesError:  # more than half are equal: they have no scale that tails could be measured in
        return "mse"
