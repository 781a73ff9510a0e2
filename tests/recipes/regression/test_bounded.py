from __future__ import annotations

import pytest
import torch
from tests.accuracy import assert_close

from slopes import OptionError, ValuesError
from slopes.recipes.regression.bounded import BoundedRegression


def test_the_matched_pair_has_the_gradient_prediction_minus_target() -> None:
    """Assert it where the sigmoid is flat too: nothing dies there, as it would under the MSE."""
    targets = torch.tensor([0.0, 0.2, 1.0], dtype=torch.float64)
    recipe = BoundedRegression.from_targets(targets)
    raw = torch.tensor([8.0, 0.3, -8.0], dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(recipe.loss(raw, targets, reduction="sum"), raw)
    assert_close(slope, (recipe.predict(raw).value - targets).detach())
    assert slope.abs()[[0, 2]].min().item() > 0.999
    (mse,) = torch.autograd.grad((recipe.predict(raw).value - targets).square().sum(), raw)
    assert mse.abs()[[0, 2]].max().item() < 1e-3


def test_the_best_constant_is_the_mean() -> None:
    targets = torch.tensor([0.0, 0.1, 1.0, 0.4], dtype=torch.float64)
    recipe = BoundedRegression.from_targets(targets)
    start = recipe.head(2).linear.bias.double().detach().requires_grad_()
    (slope,) = torch.autograd.grad(recipe.loss(start.expand(4), targets), start)
    assert abs(slope.item()) < 1e-7
    assert recipe.predict(start).value.item() == pytest.approx(0.375)


def test_other_bounds() -> None:
    targets = torch.tensor([10.0, 20.0, 100.0])
    recipe = BoundedRegression.from_targets(targets, low=0.0, high=100.0)
    low, middle, high = recipe.predict(torch.tensor([-1000.0, 0.0, 1000.0])).value.tolist()
    assert (low, middle, high) == (0.0, 50.0, 100.0)
    share = BoundedRegression.from_targets(targets / 100)
    raw = torch.tensor([0.3, -0.2, 1.0])
    assert_close(recipe.loss(raw, targets), share.loss(raw, targets / 100).double(), size=3)
    float32_end = torch.tensor([0.1, 0.3, 0.7])
    assert BoundedRegression.from_targets(float32_end, low=0.1, high=0.7).loss(raw, float32_end).isfinite()


def test_predictions_never_leave_the_bounds() -> None:
    recipe = BoundedRegression.from_targets(torch.tensor([0.1, 0.3, 0.7]), low=0.1, high=0.7)
    value = recipe.predict(torch.linspace(-50, 50, 10_001)).value
    assert value.min().item() == torch.tensor(0.1).item()
    assert value.max().item() == torch.tensor(0.7).item()
    assert bool((value.diff() >= 0).all())


def test_what_is_not_bounded_is_refused() -> None:
    with pytest.raises(ValuesError, match=r"`targets` holds 1.5, expected values in \[0, 1\]; give BoundedRegression"):
        BoundedRegression.from_targets(torch.tensor([0.5, 1.5]))
    with pytest.raises(ValuesError, match=r"all 4 `targets` are 0 or 1.*use Binary"):
        BoundedRegression.from_targets(torch.tensor([0.0, 1.0, 1.0, 0.0]))
    with pytest.raises(OptionError, match="expected low below high"):
        BoundedRegression.from_targets(torch.tensor([0.5, 0.6]), low=1.0, high=0.0)
    with pytest.raises(OptionError, match="`high` is inf"):
        BoundedRegression.from_targets(torch.tensor([0.5, 0.6]), high=torch.inf)
    recipe = BoundedRegression.from_targets(torch.tensor([0.5, 0.6]))
    with pytest.raises(ValuesError, match=r"BoundedRegression.loss: `targets` holds 2"):
        recipe.loss(torch.zeros(1), torch.tensor([2.0]))
