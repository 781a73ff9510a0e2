"""Losses of counts beside torch, SciPy, scikit-learn; and where large counts or small dispersions cost them digits."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody gives it
from tests.each import each
from tests.later import Later
from tests.oracles.peers import assert_same, by_position
from torch import Tensor
from torch.distributions import NegativeBinomial

from slopes import losses as L  # noqa: N812  the name that users give it

stats = Later("scipy.stats")
sklearn_metrics = Later("sklearn.metrics")

GIVEN = {
    "log_rate": torch.tensor([-9.0, -1.5, 0.0, 0.5, 1.25, 3.0, 2.0], dtype=torch.float64),
    "log_dispersion": torch.tensor([-3.0, -0.5, 0.0, 1.5, -2.0, -1.0, 0.25], dtype=torch.float64),
    "targets": torch.tensor([0.0, 1.0, 2.0, 7.0, 0.0, 31.0, 8.0], dtype=torch.float64),
}
POISSON = {name: GIVEN[name] for name in ("log_rate", "targets")}


def test_poisson_is_torch_s() -> None:
    for reduction in ("none", "mean", "sum"):
        assert_same(
            by_position(lambda s, y, r=reduction: L.poisson_nll(s, y, reduction=r)),
            by_position(lambda s, y, r=reduction: F.poisson_nll_loss(s, y, log_input=True, reduction=r)),
            POISSON,
            ["log_rate"],
            scale=64.0,
            slope_scale=32.0,
        )


def test_torch_adds_stirling_s_formula_for_the_factorial() -> None:
    count = torch.tensor([0.0, 1.0, 2.0, 3.0])
    zero = torch.zeros(4)
    ours = L.poisson_nll(zero, count, full=True, reduction="none")
    theirs = F.poisson_nll_loss(zero, count, full=True, reduction="none")
    assert (ours - 1).tolist() == pytest.approx([0.0, 0.0, math.log(2), math.log(6)], abs=1e-6)
    assert (ours - theirs).tolist() == pytest.approx([0.0, 0.0, 0.0413, 0.0277], abs=1e-4)


def test_torch_overflows_in_16_bits() -> None:
    """Assert that nothing is left of y log y of 10,000 in float16, whose end is 65,504, and of a rate of e^11.5."""
    s, y = torch.tensor([9.0, 11.5], dtype=torch.float16), torch.tensor([1e4, 0.0], dtype=torch.float16)
    assert not F.poisson_nll_loss(s, y, full=True, reduction="none").isfinite().any()
    assert L.poisson_nll(s, y, full=True, reduction="none").isfinite().all()


def test_torch_s_whole_likelihood_of_a_million_is_rounding_error() -> None:
    s, y = torch.tensor([13.8125]), torch.tensor([1e6])
    exactly = -stats.poisson.logpmf(1e6, math.exp(13.8125))
    assert abs(L.poisson_nll(s, y, full=True).item() - exactly) < 1e-4
    assert abs(F.poisson_nll_loss(s, y, full=True).item() - exactly) > 0.1


def negative_binomial(s: Tensor, a: Tensor, y: Tensor) -> Tensor:
    return -NegativeBinomial((-a).exp(), logits=s + a).log_prob(y)


def test_negative_binomial_is_torch_s() -> None:
    ours = by_position(lambda s, a, y: L.negative_binomial_nll(s, a, y, full=True, reduction="none"))
    assert_same(
        ours, by_position(negative_binomial), GIVEN, ["log_rate", "log_dispersion"], scale=256.0, slope_scale=64.0
    )


def test_a_small_dispersion_leaves_torch_without_digits() -> None:
    s, y = torch.tensor([1.0]), torch.tensor([3.0])
    wanted = L.poisson_nll(s, y, full=True).item()
    a = torch.tensor([-20.0])
    assert L.negative_binomial_nll(s, a, y, full=True).item() == pytest.approx(wanted, rel=1e-6)
    assert abs(negative_binomial(s, a, y).item() - wanted) > 1


def test_negative_binomial_and_poisson_are_scipy_s() -> None:
    s, a, y = GIVEN.values()
    r, mu = (-a).exp(), s.exp()
    theirs = -stats.nbinom.logpmf(y.numpy(), r.numpy(), (1 / (1 + mu / r)).numpy())
    assert L.negative_binomial_nll(s, a, y, full=True, reduction="none").tolist() == pytest.approx(theirs, rel=1e-10)
    theirs = -stats.poisson.logpmf(y.numpy(), mu.numpy())
    assert L.poisson_nll(s, y, full=True, reduction="none").tolist() == pytest.approx(theirs, rel=1e-10)


@each("power", [1.0, 1.25, 1.5, 1.9, 2.0])
def test_half_of_scikit_learn_s_deviance(power: float) -> None:
    s = GIVEN["log_rate"]
    y = GIVEN["targets"] + (0.5 if power == 2 else 0.0)
    theirs = sklearn_metrics.mean_tweedie_deviance(y.numpy(), s.exp().numpy(), power=power)
    assert 2 * L.tweedie(s, y, power=power, full=True).item() == pytest.approx(theirs, rel=1e-10)


@each("power", [1.1, 1.5, 1.9])
def test_the_gradient_is_that_of_gradient_boosting_libraries(power: float) -> None:
    """LightGBM and XGBoost: -y e^((1-ρ)s) + e^((2-ρ)s), and a value without the two ones."""
    s, y = GIVEN["log_rate"].clone().requires_grad_(), GIVEN["targets"]
    slope = torch.autograd.grad(L.tweedie(s, y, power=power, reduction="sum"), s)[0]
    s = s.detach()
    assert slope.tolist() == pytest.approx((((2 - power) * s).exp() - y * ((1 - power) * s).exp()).tolist(), rel=1e-10)
    theirs = ((2 - power) * s).exp() / (2 - power) - y * ((1 - power) * s).exp() / (1 - power)
    ours = L.tweedie(s, y, power=power, reduction="none")
    assert (theirs - ours).tolist() == pytest.approx((1 / (2 - power) - y / (1 - power)).tolist(), rel=1e-9)
