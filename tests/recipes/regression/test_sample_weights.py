from __future__ import annotations

import pytest
import torch
from tests.accuracy import assert_close

from slopes import DtypeError, OptionError, ValuesError
from slopes.recipes.regression.plain import Regression
from slopes.recipes.regression.sample_weights import noise_weight, recency_weight


def test_a_half_life_halves() -> None:
    age = torch.tensor([0.0, 7.0, 14.0, 21.0], dtype=torch.float64)
    assert_close(recency_weight(age, half_life=7.0), [1.0, 0.5, 0.25, 0.125])


def test_noise_weights_are_inverse_variances_and_never_overflow() -> None:
    deviation = torch.tensor([1e-300, 2e-300, 1e-299], dtype=torch.float64)
    assert_close(noise_weight(deviation), [1.0, 0.25, 0.01])
    assert noise_weight(torch.zeros(0)).shape == (0,)


def test_the_weighted_mse_finds_the_best_linear_unbiased_mean() -> None:
    targets, sigma = torch.tensor([1.0, 4.0, 10.0]).double(), torch.tensor([0.5, 1.0, 2.0]).double()
    recipe = Regression.from_targets(targets)
    constant = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(recipe.loss(constant.expand(3), targets, weight=noise_weight(sigma)), constant)
    best = recipe.predict(-slope.detach() / 2).value  # the minimum of a parabola whose second derivative is 2
    assert best.item() == pytest.approx((1 / 0.25 + 4 / 1 + 10 / 4) / (1 / 0.25 + 1 + 1 / 4))


def test_bad_ages_and_deviations_are_refused() -> None:
    with pytest.raises(ValuesError, match=r"`age` holds -1, expected values in \[0, ∞\)"):
        recency_weight(torch.tensor([-1.0]), half_life=1.0)
    with pytest.raises(ValuesError, match="nan"):
        recency_weight(torch.tensor([torch.nan]), half_life=1.0)
    with pytest.raises(OptionError, match="half_life"):
        recency_weight(torch.tensor([1.0]), half_life=0.0)
    with pytest.raises(DtypeError, match="int64"):
        recency_weight(torch.tensor([1]), half_life=1.0)
    with pytest.raises(ValuesError, match=r"`deviation` holds 0"):
        noise_weight(torch.tensor([1.0, 0.0]))
