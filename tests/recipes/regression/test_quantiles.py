from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.each import each
from tests.later import Later
from torch import Tensor

from slopes import DtypeError, OptionError, ShapeError
from slopes.recipes.regression.quantiles import QuantileRegression, rising

sklearn_metrics = Later("sklearn.metrics")

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@each("scale", [1e-3, 1.0, 100.0, 1e6])
@each("middle", [0, 2, 4])
def test_quantiles_never_cross(scale: float, middle: int) -> None:
    raw = scale * torch.randn(2000, 5, generator=torch.Generator().manual_seed(0))
    found = rising(raw, middle)
    assert bool((found.diff(dim=-1) >= 0).all())
    assert torch.equal(found[:, middle], raw[:, middle])
    assert bool((rising(raw.bfloat16(), middle).diff(dim=-1) >= 0).all())


def test_predictions_in_the_targets_unit_never_cross_either() -> None:
    recipe = QuantileRegression.from_targets(torch.randn(100, 2) * 1e4 + 1e5, levels=LEVELS)
    quantiles = recipe.predict(30 * torch.randn(500, 2, 5)).quantiles
    assert bool((quantiles.diff(dim=-1) >= 0).all())


def test_the_head_starts_at_the_quantiles_of_the_training_targets() -> None:
    targets = torch.randn(1000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).exp()
    recipe = QuantileRegression.from_targets(targets, levels=LEVELS)
    found = recipe.predict(recipe.head(3)(torch.zeros(3)).detach()).quantiles
    np.testing.assert_allclose(found.numpy().T, np.quantile(targets.numpy(), LEVELS, axis=0), rtol=1e-5)


def test_targets_with_equal_quantiles_can_be_started_at_too() -> None:
    recipe = QuantileRegression.from_targets(torch.tensor([0.0] * 90 + [1.0] * 10))
    assert bool(recipe.head(3)(torch.zeros(3)).isfinite().all())


def test_the_loss_is_the_pinball_loss_of_standardised_targets() -> None:
    targets = torch.randn(50, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 7
    recipe = QuantileRegression.from_targets(targets, levels=LEVELS)
    raw = torch.randn(50, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    quantiles = recipe.predict(raw).quantiles.numpy()
    wanted = np.mean(
        [sklearn_metrics.mean_pinball_loss(targets, quantiles[:, k], alpha=q) for k, q in enumerate(LEVELS)]
    )
    assert recipe.loss(raw, targets).item() == pytest.approx(wanted / recipe.scale.unit)
    assert recipe.score(raw, targets)["pinball"] == pytest.approx(wanted)
    assert recipe.loss(raw, targets, denominator=25.0).item() == pytest.approx(2 * wanted / recipe.scale.unit)


def test_the_best_constants_are_the_quantiles() -> None:
    targets = torch.arange(1001.0, dtype=torch.float64)
    recipe = QuantileRegression.from_targets(targets, levels=(0.1, 0.5, 0.9))
    raw = recipe.head(1).linear.bias.double().detach().requires_grad_()
    (slope,) = torch.autograd.grad(recipe.loss(raw.expand(1001, 3), targets), raw)
    assert slope.abs().max().item() < 1e-3


def skewed(rows: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return raw outputs whose interval is far too narrow, and skewed targets."""
    generator = torch.Generator().manual_seed(seed)
    raw = torch.tensor([-3.0, 0.0, -3.0]).double() + torch.zeros(rows, 3, dtype=torch.float64)
    return raw, torch.randn(rows, dtype=torch.float64, generator=generator).exp()


def test_the_conformal_correction_covers_what_was_promised() -> None:
    recipe = QuantileRegression.from_targets(skewed(500, 0)[1])
    before = recipe.score(*skewed(20_000, 2))
    calibrated = recipe.calibrated(*skewed(1000, 1))
    after = calibrated.score(*skewed(20_000, 2))
    assert before["coverage"] < 0.2
    assert after["coverage"] == pytest.approx(0.9, abs=0.02)
    assert after["pinball"] == before["pinball"]  # the quantiles stay the model's own
    assert calibrated.calibrated(*skewed(1000, 1)).widening == calibrated.widening


def test_an_interval_that_is_too_wide_is_narrowed() -> None:
    _, targets = skewed(1000, 1)
    raw = torch.tensor([20.0, 0.0, 20.0]).double().expand(1000, 3)
    recipe = QuantileRegression.from_targets(targets).calibrated(raw, targets)
    assert isinstance(recipe.widening, float)
    assert recipe.widening < 0
    assert recipe.score(raw, targets)["coverage"] == pytest.approx(0.9, abs=0.01)


def test_an_interval_is_never_inside_out() -> None:
    recipe = QuantileRegression.from_targets(torch.arange(100.0))
    narrowed = QuantileRegression(scale=recipe.scale, widening=-1e3)
    _, lower, upper, _ = narrowed.predict(torch.randn(50, 3))
    assert torch.equal(lower, upper)


@each("levels", [(0.5,), (0.1, 0.9), (0.5, 0.9), (0.9, 0.5, 0.1), (0.1, 0.5, 0.5, 0.9), (0.0, 0.5, 1.0), "0.5", ()])
def test_levels_that_cannot_be_are_refused(levels: tuple[float, ...]) -> None:
    with pytest.raises(OptionError, match="levels"):
        QuantileRegression.from_targets(torch.arange(10.0), levels=levels)


def test_what_does_not_fit_is_refused() -> None:
    recipe = QuantileRegression.from_targets(torch.arange(10.0))
    with pytest.raises(ShapeError, match="then one for each level"):
        recipe.predict(torch.zeros(4, 5))
    with pytest.raises(ShapeError, match="expected at least 9"):
        recipe.calibrated(torch.zeros(5, 3), torch.arange(5.0))
    with pytest.raises(OptionError, match="middle"):
        rising(torch.zeros(3), 3)
    with pytest.raises(DtypeError, match="int64"):
        rising(torch.zeros(3, dtype=torch.int64), 1)
