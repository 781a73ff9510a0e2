"""Losses of counts: values by hand, limits, large numbers, and what is no count."""

from __future__ import annotations

import math

import pytest
import torch
from mpmath import mp, mpf
from tests.accuracy import assert_close_to_scale
from tests.each import each
from tests.families import counts as oracles
from tests.oracles.precision import exact
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

BOTH = each("dtype", [torch.float32, torch.float64], ids=str)
# Near the count and not, from a thousand to a million; the widest dispersion last.
LARGE = [
    (s, a, y)
    for y, at in ((20.0, 3.0), (1e6, 13.8125))
    for s in (at, at + 2.0)
    for a in (-30.0, -9.0, -2.125, -2.0, 2.0)
]


def columns(dtype: torch.dtype) -> list[Tensor]:
    return [torch.tensor(column, dtype=dtype) for column in zip(*LARGE, strict=True)]


def definition(s: mpf, a: mpf, y: mpf) -> mpf:
    """Return -log of Γ(y + r) / (y! Γ(r)) (r/(r + μ))^r (μ/(r + μ))^y, in digits enough for a million."""
    mu, r = mp.exp(s), mp.exp(-a)
    ways = mp.loggamma(y + r) - mp.loggamma(r) - mp.loggamma(y + 1)
    return -(ways + r * mp.log(r / (r + mu)) + y * mp.log(mu / (r + mu)))


class TestPoisson:
    def test_by_hand(self) -> None:
        loss = L.poisson_nll(torch.tensor([0.0, 1.0]), torch.tensor([3.0, 2.0]), reduction="none")
        assert loss.tolist() == pytest.approx([1.0, math.e - 2])
        whole = L.poisson_nll(torch.tensor([0.0, 1.0]), torch.tensor([3.0, 2.0]), full=True, reduction="none")
        assert whole.tolist() == pytest.approx([1 + math.log(6), math.e - 2 + math.log(2)])

    def test_probabilities_of_all_counts_sum_to_1(self) -> None:
        counts = torch.arange(60, dtype=torch.float64)
        loss = L.poisson_nll(torch.full_like(counts, 1.75), counts, full=True, reduction="none")
        assert torch.exp(-loss).sum().item() == pytest.approx(1.0, abs=1e-14)

    def test_a_rate_of_0_has_no_event(self) -> None:
        loss = L.poisson_nll(torch.tensor([-math.inf] * 2), torch.tensor([0.0, 1.0]), reduction="none")
        assert loss.tolist() == [0.0, math.inf]

    @BOTH
    def test_the_whole_likelihood_of_a_million_keeps_its_digits(self, dtype: torch.dtype) -> None:
        """Assert an error of the last place of the excess, not of y log y, which has a million times as much."""
        s, _, y = columns(dtype)
        loss = L.poisson_nll(s, y, full=True, reduction="none")
        wanted = [oracles.poisson(*row, full=True) for row in zip(exact(s), exact(y), strict=True)]
        assert_close_to_scale(loss, wanted, loss.double() + (s.double().exp() - y.double()).abs())

    def test_16_bits_do_not_overflow(self) -> None:
        assert L.poisson_nll(torch.tensor([12.0], dtype=torch.float16), torch.zeros(1)).item() == pytest.approx(
            math.exp(12), rel=1e-6
        )


class TestNegativeBinomial:
    def test_by_hand(self) -> None:
        zero = torch.zeros(4)  # p is 2^-(y + 1)
        loss = L.negative_binomial_nll(zero, zero, torch.arange(4.0), full=True, reduction="none")
        assert loss.tolist() == pytest.approx([math.log(2) * k for k in (1, 2, 3, 4)])

    @each("a", [-40.0, -3.0, -1.0, 1.0])
    def test_probabilities_of_all_counts_sum_to_1(self, a: float) -> None:
        counts = torch.arange(4000, dtype=torch.float64)
        loss = L.negative_binomial_nll(
            torch.ones_like(counts), torch.full_like(counts, a), counts, full=True, reduction="none"
        )
        assert torch.exp(-loss).sum().item() == pytest.approx(1.0, abs=1e-12)

    @BOTH
    def test_without_dispersion_it_is_poisson(self, dtype: torch.dtype) -> None:
        s, _, y = columns(dtype)
        for a in (-60.0, -90.0, -math.inf):
            for full in (False, True):
                none = torch.full_like(s, a)
                came = L.negative_binomial_nll(s, none, y, full=full, reduction="none")
                wanted = L.poisson_nll(s, y, full=full, reduction="none")
                scale = wanted.abs() + (s.exp() - y).abs() + (0 if full else 1) * y * s
                assert_close_to_scale(came, wanted, scale.double())

    @BOTH
    def test_large_counts_and_every_dispersion(self, dtype: torch.dtype) -> None:
        s, a, y = (t.requires_grad_(i < 2) for i, t in enumerate(columns(dtype)))
        loss = L.negative_binomial_nll(s, a, y, full=True, reduction="none")
        rows = list(zip(exact(s), exact(a), exact(y), strict=True))
        excess = (s.detach().double().exp() - y.double()).abs()
        with mp.workdps(70):
            wanted = [definition(*row) for row in rows]
            by_rate = [mp.diff(lambda m, row=row: definition(m, *row[1:]), row[0]) for row in rows]
            by_spread = [mp.diff(lambda m, row=row: definition(row[0], m, row[2]), row[1]) for row in rows]
        assert_close_to_scale(loss, wanted, loss.detach().double() + excess)
        found = torch.autograd.grad(loss.sum(), (s, a))
        assert_close_to_scale(found[0], by_rate, y.double())
        assert_close_to_scale(found[1], by_spread, 1 + excess)

    def test_a_dispersion_without_a_name_has_its_gradient(self) -> None:
        """Assert that the slope by the log-dispersion, ½ α (y - (μ - y)²) where α is small, has digits itself."""
        s, y = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([4.0, 7.0, 3.0])
        for a in (-20.0, -60.0):
            log_dispersion = torch.full_like(s, a, requires_grad=True)
            loss = L.negative_binomial_nll(s, log_dispersion, y, reduction="sum")
            came = torch.autograd.grad(loss, log_dispersion)[0] / math.exp(a)
            assert came.tolist() == pytest.approx((0.5 * (y - (s.exp() - y) ** 2)).tolist(), rel=1e-5)

    def test_no_count_pulls_harder_than_the_inverse_of_the_dispersion(self) -> None:
        s = torch.full((3,), 20.0, requires_grad=True)
        loss = L.negative_binomial_nll(s, torch.full((3,), -1.0), torch.tensor([0.0, 1e3, 1e6]), reduction="sum")
        assert torch.autograd.grad(loss, s)[0].tolist() == pytest.approx([math.e] * 3, rel=1e-2)


class TestTweedie:
    @each("power", [1.0, 1.000001, 1.25, 1.5, 1.999999, 2.0])
    def test_it_is_continuous_in_the_power(self, power: float) -> None:
        s, y = torch.tensor([-2.0, 0.5, 3.0], dtype=torch.float64), torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
        came = L.tweedie(s, y, power=power, reduction="none")
        if power < 1.01:
            assert came.tolist() == pytest.approx((s.exp() - 1 - y * s).tolist(), rel=1e-4)
        elif power > 1.99:
            assert came.tolist() == pytest.approx((s + y / s.exp() - y).tolist(), rel=1e-4)
        assert L.tweedie(torch.zeros(1), torch.ones(1), power=power).item() == 0

    def test_half_the_deviance_is_0_at_the_target_and_above_0_beside(self) -> None:
        y = torch.tensor([0.25, 3.0], dtype=torch.float64)
        for power in (1.0, 1.5, 2.0):
            at, off = (L.tweedie(y.log() + d, y, power=power, full=True, reduction="none") for d in (0.0, 0.01))
            assert at.abs().max() < 1e-15
            assert bool((off > 1e-5).all())

    def test_a_target_of_0_is_possible_below_2_only(self) -> None:
        zero = torch.zeros(1)
        assert L.tweedie(zero, zero, full=True).item() == 2.0  # μ^½ / ½
        with pytest.raises(slopes.ValuesError, match=r"tweedie: `targets` holds 0, expected values in \(0, ∞\)"):
            L.tweedie(zero, zero, power=2.0)
        with pytest.raises(slopes.ValuesError, match=r"tweedie: `targets` holds -1, .* use mse"):
            L.tweedie(zero, -torch.ones(1))
        with pytest.raises(slopes.OptionError, match=r"`power` is 3.0, expected a number in \[1, 2\]"):
            L.tweedie(zero, zero, power=3.0)


@each("wrong", [-1.0, 0.5, math.inf])
def test_what_is_no_count_is_refused_where_it_counts(wrong: float) -> None:
    s, y = torch.zeros(2), torch.tensor([1.0, wrong])
    for loss in (L.poisson_nll, lambda s, y, **o: L.negative_binomial_nll(s, s, y, **o)):
        with pytest.raises(slopes.ValuesError, match=f"`targets` holds {wrong:g}, expected"):
            loss(s, y)
        assert loss(s, y, mask=torch.tensor([True, False])).isfinite()
        with slopes.checks(values=False):
            loss(s, y)


def test_integers_are_told_to_be_converted() -> None:
    with pytest.raises(slopes.DtypeError, match=r"poisson_nll: `targets` has dtype torch.int64.*targets.float\(\)"):
        L.poisson_nll(torch.zeros(2), torch.ones(2, dtype=torch.int64))


class TestZeroInflated:
    def test_by_hand(self) -> None:
        zero = torch.zeros(1)
        loss = L.zero_inflated_poisson_nll(zero, torch.tensor([3.0]).log(), zero)
        assert loss.item() == pytest.approx(-math.log(0.5 + 0.5 * math.exp(-3)))
        assert L.zero_inflated_negative_binomial_nll(zero, zero, zero, zero).item() == pytest.approx(-math.log(0.75))

    def test_without_inflation_they_are_the_others(self) -> None:
        s, a, y = columns(torch.float64)
        z = torch.full_like(s, -800.0)
        plain = L.poisson_nll(s, y, reduction="none")
        assert torch.equal(L.zero_inflated_poisson_nll(z, s, y, reduction="none"), plain)
        plain = L.negative_binomial_nll(s, a, y, reduction="none")
        assert torch.equal(L.zero_inflated_negative_binomial_nll(z, s, a, y, reduction="none"), plain)
