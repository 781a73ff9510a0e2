"""What the regression recipes do on real data: scikit-learn's diabetes and linnerud."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Final

import pytest
import torch
from tests.each import each
from tests.later import Later
from torch import Tensor, nn

from slopes.recipes.recipe import Recipe
from slopes.recipes.regression.heteroscedastic import GaussianRegression
from slopes.recipes.regression.intervals import conformal_width
from slopes.recipes.regression.plain import Regression
from slopes.recipes.regression.quantiles import QuantileRegression
from slopes.recipes.regression.robust import RobustRegression
from slopes.recipes.regression.tails import Tails
from slopes.recipes.regression.transformed import TransformedRegression

datasets = Later("sklearn.datasets")

TRAIN: Final = 222
SEEDS: Final = range(3)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run as many small steps as here are without handing each to other threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def diabetes() -> tuple[Tensor, Tensor]:
    data = datasets.load_diabetes()
    x = torch.tensor(data.data, dtype=torch.float32)
    return (x - x.mean(0)) / x.std(0), torch.tensor(data.target, dtype=torch.float32)


@torch.enable_grad()
def trained(recipe: Recipe, x: Tensor, y: Tensor, seed: int, steps: int = 150) -> nn.Module:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(x.shape[1], 16), nn.Tanh(), recipe.head(16))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        recipe.loss(model(x), y).backward()
        optimizer.step()
    return model


def halves(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    order = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    return order[:TRAIN], order[TRAIN:]


def corrupted(targets: Tensor, share: float, seed: int) -> Tensor:
    """Return targets of which a share was written down in another unit: ten times too large."""
    wrong = torch.randperm(len(targets), generator=torch.Generator().manual_seed(1000 + seed))[
        : round(share * len(targets))
    ]
    return targets.index_put((wrong,), 10 * targets[wrong])


def errors(make: Callable[[Tensor], Recipe], data: tuple[Tensor, Tensor], share: float) -> float:
    """Return the mean absolute error on clean rows after training with a share of wrong targets."""
    x, y = data
    found = []
    for seed in SEEDS:
        train, test = halves(len(y), seed)
        given = corrupted(y[train], share, seed)
        recipe = make(given)
        model = trained(recipe, x[train], given, seed)
        with torch.no_grad():
            found.append(recipe.score(model(x[test]), y[test])["mae"])
    return sum(found) / len(found)


def mae(targets: Tensor) -> Recipe:
    return RobustRegression.from_targets(targets, criterion="mae")


def test_huber_and_mae_beat_mse_with_five_per_cent_wrong_targets(diabetes: tuple[Tensor, Tensor]) -> None:
    squared = errors(Regression.from_targets, diabetes, 0.05)
    assert errors(RobustRegression.from_targets, diabetes, 0.05) < squared / 2
    assert errors(mae, diabetes, 0.05) < squared / 2


def test_on_clean_targets_mse_loses_nothing(diabetes: tuple[Tensor, Tensor]) -> None:
    squared = errors(Regression.from_targets, diabetes, 0.0)
    assert squared < 1.05 * errors(RobustRegression.from_targets, diabetes, 0.0)


def test_the_tails_of_the_residuals_tell_wrong_targets_from_clean_ones(diabetes: tuple[Tensor, Tensor]) -> None:
    x, y = diabetes
    for share, loss in ((0.0, "mse"), (0.05, "huber")):
        given = corrupted(y, share, 0)
        train, rest = halves(len(y), 0)
        recipe = RobustRegression.from_targets(given[train])
        with torch.no_grad():
            residuals = recipe.predict(trained(recipe, x[train], given[train], 0)(x[rest])).value - given[rest]
        assert Tails.of(residuals).loss == loss
        found = RobustRegression.from_residuals(given[train], residuals)
        assert found.delta < recipe.delta  # a model leaves less than a constant does


SPLITS: Final = 50


def covered(recipe: QuantileRegression | GaussianRegression, raw: Tensor, y: Tensor) -> tuple[float, float]:
    """Return coverage before and after calibration, the mean over splits of validation rows into halves."""
    before, after = 0.0, 0.0
    for seed in range(SPLITS):
        order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
        fit, test = order[: len(y) // 2], order[len(y) // 2 :]
        for calibrated in (recipe, recipe.calibrated(raw[fit], y[fit])):
            prediction = calibrated.predict(raw[test])
            inside = ((prediction.lower <= y[test]) & (y[test] <= prediction.upper)).double().mean().item()
            before, after = (before + inside, after) if calibrated is recipe else (before, after + inside)
    return before / SPLITS, after / SPLITS


@each("make", [QuantileRegression.from_targets, GaussianRegression.from_targets])
def test_intervals_cover_what_they_promise_after_the_conformal_correction(
    make: Callable[[Tensor], QuantileRegression | GaussianRegression], diabetes: tuple[Tensor, Tensor]
) -> None:
    """Assert it within 3 points, where the model alone is far off: it has learned its training rows by heart."""
    x, y = diabetes
    train, rest = halves(len(y), 0)
    recipe = make(y[train])
    with torch.no_grad():
        raw = trained(recipe, x[train], y[train], 0)(x[rest])
    before, after = covered(recipe, raw, y[rest])
    assert before < 0.8
    assert after == pytest.approx(0.9, abs=0.03)


def test_a_fixed_width_around_any_prediction_covers_too(diabetes: tuple[Tensor, Tensor]) -> None:
    x, y = diabetes
    train, rest = halves(len(y), 0)
    recipe = Regression.from_targets(y[train])
    with torch.no_grad():
        value = recipe.predict(trained(recipe, x[train], y[train], 0)(x[rest])).value
    found = []
    for seed in range(SPLITS):
        order = torch.randperm(len(rest), generator=torch.Generator().manual_seed(seed))
        fit, test = order[: len(rest) // 2], order[len(rest) // 2 :]
        width = conformal_width(value[fit], y[rest][fit], coverage=0.9)
        found.append(((value - y[rest]).abs()[test] <= width).double().mean().item())
    assert math.fsum(found) / SPLITS == pytest.approx(0.9, abs=0.03)


def test_standardised_targets_are_learned_where_raw_ones_are_not(diabetes: tuple[Tensor, Tensor]) -> None:
    x, y = diabetes
    train, test = halves(len(y), 0)
    recipe = Regression.from_targets(y[train])
    with torch.no_grad():
        good = recipe.score(trained(recipe, x[train], y[train], 0)(x[test]), y[test])
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(10, 16), nn.Tanh(), nn.Linear(16, 1), nn.Flatten(0))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        nn.functional.mse_loss(model(x[train]), y[train]).backward()
        optimizer.step()
    with torch.no_grad():
        bad = (model(x[test]) - y[test]).abs().mean().item()
    assert good["r2"] > 0
    assert bad > 1.5 * good["mae"]


def test_several_targets_of_different_units_are_learned_together() -> None:
    """Assert a fit of all three on linnerud's 20 rows, whose targets are weight, waist and pulse."""
    data = datasets.load_linnerud()
    x = torch.tensor(data.data, dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    y = torch.tensor(data.target, dtype=torch.float32)
    for make in (Regression.from_targets, TransformedRegression.from_targets, QuantileRegression.from_targets):
        recipe = make(y)
        with torch.no_grad():
            score = recipe.score(trained(recipe, x, y, 0, steps=300)(x), y)
        assert min(score["r2_0"], score["r2_1"], score["r2_2"]) > 0.1
