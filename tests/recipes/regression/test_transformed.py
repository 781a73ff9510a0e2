from __future__ import annotations

import math

import pytest
import torch

from slopes import ShapeError, ValuesError
from slopes.recipes.regression.transformed import TransformedRegression


def lognormal(deviation: float, rows: int = 1000) -> torch.Tensor:
    shares = (torch.arange(rows, dtype=torch.float64) + 0.5) / rows
    return (deviation * torch.distributions.Normal(torch.tensor(0.0).double(), 1.0).icdf(shares) + 2).exp()


def test_the_inverse_is_the_median_and_the_calibrated_mean_is_the_mean() -> None:
    """Assert the bias of the mean after a logarithm: exp(variance / 2), which validation residuals give back."""
    targets = lognormal(0.8)
    recipe = TransformedRegression.from_targets(targets)
    raw = torch.zeros_like(targets)  # the best constant
    value, mean = recipe.predict(raw)
    assert value[0].item() == pytest.approx(math.exp(2), rel=1e-6)
    assert torch.equal(value, mean)
    calibrated = recipe.calibrated(raw, targets)
    assert calibrated.predict(raw).mean[0].item() == pytest.approx(math.exp(2 + 0.32), rel=1e-2)
    assert torch.equal(calibrated.predict(raw).value, value)
    before, after = recipe.score(raw, targets), calibrated.score(raw, targets)
    assert after["rmse"] < before["rmse"]
    assert after["mae"] == before["mae"]
    assert calibrated.score(raw, targets)["r2"] == pytest.approx(0.0, abs=1e-3)


def test_of_few_rows_every_residual_is_kept_and_the_mean_exact() -> None:
    targets = torch.tensor([1.0, 2.0, 4.0, 32.0], dtype=torch.float64)
    recipe = TransformedRegression.from_targets(targets).calibrated(torch.zeros(4, dtype=torch.float64), targets)
    assert recipe.predict(torch.zeros(1, dtype=torch.float64)).mean.item() == pytest.approx(39 / 4)
    assert "9.75 in the mean" in recipe.reasons[-1].because


def test_the_logarithm_for_positive_targets_and_yeo_johnson_for_the_others() -> None:
    assert TransformedRegression.from_targets(lognormal(1.0)).transform.kind == "log"
    assert TransformedRegression.from_targets(lognormal(1.0) - 3).transform.kind == "yeo-johnson"
    with pytest.raises(ValuesError, match="'yeo-johnson'"):
        TransformedRegression.from_targets(lognormal(1.0) - 3, kind="box-cox")


def test_ratios_count_the_same_wherever_they_are() -> None:
    recipe = TransformedRegression.from_targets(lognormal(1.0))
    targets = torch.tensor([1.0, 100.0], dtype=torch.float64)
    raw = recipe.transform.forward("test", 2 * targets)
    first, second = recipe.loss(raw, targets, reduction="none").tolist()
    assert first == pytest.approx(second)


def test_a_target_that_has_no_logarithm_is_refused_where_it_counts() -> None:
    recipe = TransformedRegression.from_targets(lognormal(1.0))
    raw, targets = torch.zeros(2, dtype=torch.float64), torch.tensor([1.0, 0.0], dtype=torch.float64)
    with pytest.raises(ValuesError, match=r"TransformedRegression.loss: `targets` holds 0"):
        recipe.loss(raw, targets)
    assert recipe.loss(raw, targets, mask=torch.tensor([True, False])).isfinite()


def test_calibration_needs_rows() -> None:
    recipe = TransformedRegression.from_targets(lognormal(1.0))
    with pytest.raises(ShapeError, match="at least one validation row"):
        recipe.calibrated(torch.zeros(0), torch.zeros(0))
    with pytest.raises(ValuesError, match="`raw` holds 1 NaN"):
        recipe.calibrated(torch.tensor([torch.nan]), torch.ones(1))
