"""Candidates for numbers."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes import losses
from slopes.recipes.choosing.kinds_of_numbers import of_quantity
from slopes.recipes.compare import inks
from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.recipe import Recipe
from slopes.recipes.regression.bounded import BoundedRegression
from slopes.recipes.regression.heteroscedastic import GaussianRegression
from slopes.recipes.regression.plain import Regression
from slopes.recipes.regression.positive import PositiveRegression
from slopes.recipes.regression.quantiles import QuantileRegression
from slopes.recipes.regression.robust import RobustRegression
from slopes.recipes.regression.tails import Tails
from slopes.recipes.regression.transformed import TransformedRegression


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
        name="quantiles",
        label="quantiles",
        said="the pinball loss of the median and of the ends of a 90 % interval",
        hue=inks.PURPLE,
        recipe=QuantileRegression.from_targets,
        code="QuantileRegression.from_targets(targets)",
    ),
    Candidate(
        name="gaussian",
        label="Gaussian",
        said="the Gaussian likelihood of mean and variance",
        hue=inks.VERMILLION,
        recipe=GaussianRegression.from_targets,
        code="GaussianRegression.from_targets(targets)",
    ),
    Candidate(
        name="transformed",
        label="transformed",
        said="the squared error on transformed targets",
        hue=inks.YELLOW,
        recipe=TransformedRegression.from_targets,
        code="TransformedRegression.from_targets(targets)",
        optional=True,
    ),
    Candidate(
        name="positive",
        label="positive",
        said="a positive output under the squared error",
        hue=inks.YELLOW,
        recipe=PositiveRegression.from_targets,
        code="PositiveRegression.from_targets(targets)",
        optional=True,
    ),
    Candidate(
        name="bounded",
        label="bounded",
        said="an output held in [0, 1]",
        hue=inks.YELLOW,
        recipe=BoundedRegression.from_targets,
        code="BoundedRegression.from_targets(targets)",
        optional=True,
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
    task = of_quantity(targets).task
    if task == "robust":
        return str(Tails.of(targets).loss)
    return {"transformed": "transformed", "positive": "positive"}.get(task or "", "mse")
