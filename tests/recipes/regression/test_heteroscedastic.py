from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from slopes import OptionError, ShapeError, ValuesError
from slopes.recipes.regression.heteroscedastic import GaussianRegression


def noisy(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return raw outputs that say half of the true deviation, and targets whose deviation differs from row to row."""
    generator = torch.Generator().manual_seed(seed)
    log_deviation = torch.randn(rows, dtype=torch.float64, generator=generator) / 2
    noise = torch.randn(rows, dtype=torch.float64, generator=generator)
    raw = torch.stack([torch.zeros(rows, dtype=torch.float64), 2 * (log_deviation - math.log(2))], -1)
    return raw, noise * log_deviation.exp()


def unit_recipe() -> GaussianRegression:
    return GaussianRegression.from_targets(torch.tensor([-1.0, 1.0]))  # mean 0, deviation 1


def test_the_likelihood_by_hand() -> None:
    recipe = GaussianRegression.from_targets(torch.tensor([10.0, 30.0], dtype=torch.float64))  # 20 and 10
    raw = torch.tensor([[0.5, math.log(4.0)]], dtype=torch.float64)
    target = torch.tensor([5.0], dtype=torch.float64)
    assert recipe.loss(raw, target).item() == pytest.approx(0.5 * (math.log(4) + (0.5 + 1.5) ** 2 / 4))
    mean, deviation, lower, upper = (part.item() for part in recipe.predict(raw))
    assert (mean, deviation) == (25.0, 20.0)
    assert upper - mean == pytest.approx(1.6448536269514722 * 20)
    assert mean - lower == pytest.approx(1.6448536269514722 * 20)
    nll = recipe.score(raw.expand(2, 2), torch.tensor([5.0, 45.0]).double())["nll"]
    assert nll == pytest.approx(0.5 * math.log(2 * math.pi) + math.log(20) + 0.5)


def test_calibration_finds_the_factor_and_keeps_the_promise() -> None:
    recipe = unit_recipe()
    before = recipe.score(*noisy(20_000, 1))
    calibrated = recipe.calibrated(*noisy(2000, 0))
    after = calibrated.score(*noisy(20_000, 1))
    assert calibrated.spread == pytest.approx(2.0, rel=0.05)
    assert calibrated.multiple == pytest.approx(2 * normal_90, rel=0.05)
    assert before["coverage"] < 0.65
    assert after["coverage"] == pytest.approx(0.9, abs=0.02)
    assert after["nll"] < before["nll"]
    assert calibrated.calibrated(*noisy(2000, 0)).spread == calibrated.spread  # it starts from the plain one


normal_90 = 1.6448536269514722


def test_noisy_rows_pull_less() -> None:
    recipe = unit_recipe()
    raw = torch.tensor([[0.0, 0.0], [0.0, math.log(100.0)]], dtype=torch.float64, requires_grad=True)
    loss = recipe.loss(raw, torch.ones(2, dtype=torch.float64), reduction="sum")
    (slope,) = torch.autograd.grad(loss, raw)
    assert slope[:, 0].tolist() == pytest.approx([-1.0, -0.01])


def test_what_does_not_fit_is_refused() -> None:
    recipe = unit_recipe()
    with pytest.raises(OptionError, match="coverage"):
        GaussianRegression.from_targets(torch.tensor([0.0, 1.0]), coverage=90.0)
    with pytest.raises(ShapeError, match="then mean and log-variance"):
        recipe.predict(torch.zeros(5, 3))
    with pytest.raises(ShapeError, match="expected at least 9"):
        recipe.calibrated(torch.zeros(5, 2), torch.arange(5.0))
    with pytest.raises(ValuesError, match="infinite"):
        recipe.calibrated(torch.full((20, 2), torch.inf), torch.arange(20.0))
