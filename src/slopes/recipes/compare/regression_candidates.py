"""Candidates for numbers."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes import losses
from slopes.recipes.choosing.kinds_of_numbers import of_quantity
from slopes.recipes.compare.candidate import Candidate, Made
from slopes.recipes.recipe import Recipe
from slopes.recipes.regression.bounded import BoundedRegression
from slopes.recipes.regression.heteroscedastic import GaussianRegression
from slopes.recipes.regression.plain import Regression
from slopes.recipes.regression.positive import PositiveRegression
from slopes.recipes.regression.quantiles import QuantileRegression
from slopes.recipes.regression.robust import RobustRegression
from slopes.recipes.regression.tails import Tails
from slopes.recipes.regression.transformed import TransformedRegression
from slopes.shown import palette

_QUANTILES: Final = "the pinball loss of the median and of the ends of a 90 % interval"
_GAUSSIAN: Final = "the Gaussian likelihood of mean and variance"
_TRANSFORMED: Final = "the squared error on transformed targets"
_POSITIVE: Final = "a positive output under the squared error"


def _unstandardised(recipe: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    del recipe
    return losses.mse(raw, targets)


def _rescaled(recipe: Recipe, raw: Tensor) -> Tensor:
    """Return outputs in the targets' unit as the recipe reads them, in standard deviations."""
    ends: Tensor = recipe.predict(torch.tensor([0.0, 1.0], dtype=raw.dtype))[0]
    return (raw - ends[0]) / (ends[1] - ends[0])


CANDIDATES: Final = (
    Candidate("mse", "MSE", "the squared error on standardised targets", palette.BLUE, Made(Regression)),
    Candidate("huber", "Huber", "the Huber loss", palette.GREEN, Made(RobustRegression, {"criterion": "huber"})),
    Candidate("mae", "MAE", "the absolute error", palette.ORANGE, Made(RobustRegression, {"criterion": "mae"})),
    Candidate("quantiles", "quantiles", _QUANTILES, palette.PURPLE, Made(QuantileRegression)),
    Candidate("gaussian", "Gaussian", _GAUSSIAN, palette.VERMILLION, Made(GaussianRegression)),
    Candidate("transformed", "transformed", _TRANSFORMED, palette.YELLOW, Made(TransformedRegression), optional=True),
    Candidate("positive", "positive", _POSITIVE, palette.YELLOW, Made(PositiveRegression), optional=True),
    Candidate("bounded", "bounded", "an output held in [0, 1]", palette.YELLOW, Made(BoundedRegression), optional=True),
    Candidate(
        "unstandardised",
        "MSE, raw targets",
        "the squared error on targets that are not standardised",
        palette.SKY,
        Made(Regression),
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
