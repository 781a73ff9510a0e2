from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.accuracy import assert_close
from tests.each import each
from tests.later import Later
from torch import Tensor

from slopes import ValuesError
from slopes.recipes.recipe import Recipe
from slopes.recipes.regression.plain import Regression
from slopes.recipes.regression.robust import RobustRegression

sklearn_metrics = Later("sklearn.metrics")


def test_the_loss_is_one_for_the_mean_of_the_training_targets() -> None:
    targets = torch.tensor([3.0, 7.0, 8.0, 20.0], dtype=torch.float64)
    recipe = Regression.from_targets(targets)
    assert_close(recipe.loss(torch.zeros(4, dtype=torch.float64), targets), 1.0, size=4)


def test_the_matched_pair_has_twice_the_error_as_gradient() -> None:
    targets = torch.tensor([3.0, 7.0, 8.0], dtype=torch.float64)
    recipe = Regression.from_targets(targets)
    raw = torch.tensor([0.5, -2.0, 1.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(recipe.loss(raw, targets, reduction="sum"), raw)
    error = (recipe.predict(raw).value - targets) / np.std([3.0, 7.0, 8.0])
    assert_close(slope, (2 * error).detach(), size=4)


def test_training_does_not_depend_on_the_unit_of_the_targets() -> None:
    """Assert that cents and thousands take the same steps."""
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    y = (x @ torch.tensor([1.0, -2.0, 0.5])).double()
    found = []
    for unit in (1.0, 1e6):
        torch.manual_seed(1)
        recipe = Regression.from_targets(y * unit)
        head = recipe.head(3)
        optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
        for _ in range(30):
            optimizer.zero_grad()
            recipe.loss(head(x).double(), y * unit).backward()
            optimizer.step()
        found.append(recipe.predict(head(x).double().detach()).value / unit)
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)


@each("offset", [0.0, 1e6])
def test_metrics_are_those_of_scikit_learn_wherever_the_targets_lie(offset: float) -> None:
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(200, dtype=torch.float64, generator=generator) + 1e-3 + offset
    recipe = Regression.from_targets(targets)
    raw = torch.randn(200, dtype=torch.float64, generator=generator)
    value = recipe.predict(raw).value.numpy()
    score = recipe.score(raw, targets)
    y = targets.numpy()
    assert score["mae"] == pytest.approx(sklearn_metrics.mean_absolute_error(y, value), rel=1e-9)
    assert score["rmse"] == pytest.approx(sklearn_metrics.root_mean_squared_error(y, value), rel=1e-9)
    assert score["r2"] == pytest.approx(sklearn_metrics.r2_score(y, value), rel=1e-6)
    assert score["r2"] < 0  # noise for a prediction does worse than the mean
    assert score["mape"] == pytest.approx(sklearn_metrics.mean_absolute_percentage_error(y, value), rel=1e-9)


def test_targets_far_below_one_have_errors_in_per_cent_too() -> None:
    targets = torch.tensor([1e-9, 2e-9, 4e-9], dtype=torch.float64)
    recipe = Regression.from_targets(targets)
    score = recipe.score(torch.zeros(3, dtype=torch.float64), targets)
    mean = 7e-9 / 3
    assert score["mape"] == pytest.approx(sum(abs(mean - y) / y for y in (1e-9, 2e-9, 4e-9)) / 3)


def test_targets_of_both_signs_have_no_errors_in_per_cent() -> None:
    targets = torch.tensor([-1.0, 2.0, 3.0])
    assert set(Regression.from_targets(targets).metrics()) == {"mae", "rmse", "r2"}


def test_each_column_has_its_own_metrics() -> None:
    targets = torch.tensor([[1.0, 1000.0], [3.0, 3000.0]], dtype=torch.float64)
    recipe = Regression.from_targets(targets)
    score = recipe.score(torch.zeros(2, 2, dtype=torch.float64), targets)
    assert (score["mae_0"], score["mae_1"]) == (1.0, 1000.0)
    assert score["r2_0"] == pytest.approx(0.0)


@each("make", [Regression.from_targets, RobustRegression.from_targets])
def test_the_mean_over_columns_is_that_of_scikit_learn(make: Callable[[Tensor], Recipe]) -> None:
    generator = torch.Generator().manual_seed(4)
    unit = torch.tensor([1.0, 10.0, 1000.0], dtype=torch.float64)
    targets = unit * (3 + torch.rand(30, 3, generator=generator, dtype=torch.float64))
    recipe = make(targets)
    raw = torch.randn(30, 3, generator=generator, dtype=torch.float64)
    metrics = recipe.metrics()
    for rows in (slice(0, 1), slice(1, 12), slice(12, 30)):
        recipe.observe(metrics, raw[rows], targets[rows])
    y, value = targets.numpy(), recipe.predict(raw)[0].numpy()
    for name, function in {
        "mae": sklearn_metrics.mean_absolute_error,
        "rmse": sklearn_metrics.root_mean_squared_error,
        "r2": sklearn_metrics.r2_score,
        "mape": sklearn_metrics.mean_absolute_percentage_error,
    }.items():
        assert float(metrics.compute()[name]) == pytest.approx(function(y, value), rel=1e-6), name
        each = function(y, value, multioutput="raw_values")
        for column in range(3):
            assert float(metrics.compute()[f"{name}_{column}"]) == pytest.approx(each[column], rel=1e-6), name


def test_metrics_stay_exact_when_they_are_moved() -> None:
    targets = torch.tensor([1e8, 1e8 + 1, 1e8 + 2], dtype=torch.float64)
    recipe = Regression.from_targets(targets)
    metrics = recipe.metrics().to("cpu")
    recipe.observe(metrics, torch.zeros(3, dtype=torch.float64), targets)
    assert metrics.compute()["rmse"].item() == pytest.approx((2 / 3) ** 0.5)


def test_metrics_of_missing_targets_are_refused() -> None:
    recipe = Regression.from_targets(torch.tensor([1.0, 2.0]))
    with pytest.raises(ValuesError, match=r"Regression.observe: `targets` holds 1 NaN"):
        recipe.observe(recipe.metrics(), torch.zeros(2), torch.tensor([1.0, torch.nan]))


def test_nothing_is_calibrated() -> None:
    targets = torch.tensor([1.0, 2.0])
    recipe = Regression.from_targets(targets)
    assert recipe.calibrated(torch.zeros(2), targets) is recipe
