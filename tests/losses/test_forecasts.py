"""Losses of forecasts: values by hand, what a target of 0 does, tails, ties, and what is refused."""

from __future__ import annotations

import math

import pytest
import torch
from tests.each import each

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses


class TestLevels:
    def test_values_by_hand(self) -> None:
        p = torch.tensor([[0.0, 0.0], [2.0, 2.0]], requires_grad=True)
        t = torch.tensor([1.0, 1.0])
        loss = L.expectile(p, t, [0.75, 0.5], reduction="none")
        assert loss.tolist() == [[0.75, 0.5], [0.25, 0.5]]
        assert torch.autograd.grad(loss.sum(), p)[0].tolist() == [[-1.5, -1.0], [0.5, 1.0]]
        loss = L.quantile_huber(p, torch.tensor([4.0, 1.5]), [0.75, 0.5], reduction="none")
        assert loss.tolist() == [[2.625, 1.75], [0.03125, 0.0625]]
        assert torch.autograd.grad(loss.sum(), p)[0].tolist() == [[-0.75, -0.5], [0.125, 0.25]]

    def test_the_pinball_loss_is_the_limit(self) -> None:
        generator = torch.Generator().manual_seed(0)
        p, t = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((9, 2), (9,)))
        levels = [0.1, 0.7]
        near = L.quantile_huber(p, t, levels, kappa=1e-9, reduction="none")
        torch.testing.assert_close(near, L.quantile(p, t, levels, reduction="none"), atol=1e-8, rtol=0)

    def test_an_expectile_rests_where_the_weighted_squares_do(self) -> None:
        """At 0.9 of the targets 0 and 1 it is 0.9: 0.9 (1 - x) = 0.1 x."""
        x = torch.full((2, 1), 0.9, dtype=torch.float64, requires_grad=True)
        slope = torch.autograd.grad(L.expectile(x, torch.tensor([0.0, 1.0], dtype=torch.float64), [0.9]), x)[0]
        assert slope.sum().item() == pytest.approx(0.0, abs=1e-15)

    @each("function", [L.expectile, L.quantile_huber], ids=lambda f: f.__name__)
    def test_what_is_refused(self, function: object) -> None:
        name, p, t = function.__name__, torch.zeros(3, 2), torch.zeros(3)
        with pytest.raises(slopes.OptionError, match=rf"^{name}: `levels` is 1.0, expected a number in \(0, 1\)"):
            function(p, t, [0.5, 1.0])
        with pytest.raises(slopes.OptionError, match=rf"^{name}: `levels` is \(\), expected a sequence"):
            function(p, t, ())
        with pytest.raises(slopes.ShapeError, match=rf"^{name}: `predictions` has shape \[3, 2\], expected \[3, 1\]"):
            function(p, t, [0.5])


class TestShares:
    def test_a_target_of_0_has_no_share(self) -> None:
        p, t = torch.tensor([90.0, 5.0, 0.0]), torch.tensor([100.0, 0.0, 0.0])
        with pytest.raises(slopes.ValuesError, match=r"^mape: `targets` is 0 at entry \[1\].*mask=targets != 0, or"):
            L.mape(p, t)
        p.requires_grad_()
        loss = L.mape(p, t, mask=t != 0)
        assert loss.item() == pytest.approx(0.1)
        assert torch.autograd.grad(loss, p)[0].tolist() == pytest.approx([-0.01, 0.0, 0.0])
        with slopes.checks(values=False):
            assert L.mape(p, t, reduction="none")[1].item() == math.inf

    def test_a_negative_target_counts_by_its_size(self) -> None:
        p = torch.tensor([-3.0, -1.0], requires_grad=True)
        loss = L.mape(p, torch.tensor([-2.0, -2.0]), reduction="none")
        assert loss.tolist() == [0.5, 0.5]
        assert torch.autograd.grad(loss.sum(), p)[0].tolist() == [-0.5, 0.5]

    def test_symmetric_shares(self) -> None:
        p = torch.tensor([3.0, 5.0, 0.0, -1.0, 0.0], requires_grad=True)
        loss = L.smape(p, torch.tensor([1.0, 0.0, 0.0, 4.0, 2.0]), reduction="none")
        assert loss.tolist() == [1.0, 2.0, 0.0, 2.0, 2.0]
        # 4 · 1 / 4², none beside 0 or across signs, and on a prediction of 0 half of 4 · 2 / 2².
        assert torch.autograd.grad(loss.sum(), p)[0].tolist() == [0.25, 0.0, 0.0, 0.0, -1.0]

    def test_the_largest_numbers_have_shares(self) -> None:
        most = torch.finfo(torch.float32).max
        loss = L.smape(torch.tensor([most, most]), torch.tensor([-most, most / 2]), reduction="none")
        assert loss.tolist() == pytest.approx([2.0, 2 / 3])


class TestErrors:
    def test_logarithms(self) -> None:
        p = torch.tensor([99.0, 0.0, -0.5], requires_grad=True)
        loss = L.msle(p, torch.tensor([9.0, 0.0, 0.0]), reduction="none")
        assert loss.tolist() == pytest.approx([math.log(10) ** 2, 0.0, math.log(2) ** 2])
        slopes_ = torch.autograd.grad(loss.sum(), p)[0].tolist()
        assert slopes_ == pytest.approx([2 * math.log(10) / 100, 0.0, -4 * math.log(2)])

    @each("name", ["predictions", "targets"])
    def test_what_has_no_logarithm_is_refused(self, name: str) -> None:
        given = {"predictions": torch.ones(2), "targets": torch.ones(2)} | {name: torch.tensor([1.0, -1.0])}
        with pytest.raises(slopes.ValuesError, match=rf"^msle: `{name}` holds -1, expected values in \(-1, ∞\)"):
            L.msle(**given)
        kept = L.msle(**given, mask=given[name] > -1)
        assert kept.item() == 0.0

    def test_a_curvature_at_the_target(self) -> None:
        """At equal numbers the second derivative is 2 / (1 + p)², by both and between them."""
        p = torch.tensor([3.0, 3.0], dtype=torch.float64)
        second = torch.autograd.functional.hessian(lambda z: L.msle(z[:1], z[1:]), p)
        torch.testing.assert_close(second, torch.tensor([[0.125, -0.125], [-0.125, 0.125]], dtype=torch.float64))

    def test_scaled_errors(self) -> None:
        p, t = torch.tensor([[11.0, 16.0], [1.0, 1.0]]), torch.tensor([[10.0, 12.0], [1.0, 0.0]])
        assert L.mase(p, t, torch.tensor([2.0, 0.5]), reduction="none").tolist() == [[0.5, 2.0], [0.0, 2.0]]
        scale = torch.tensor([2.0, 0.0])
        with pytest.raises(slopes.ValuesError, match=r"^mase: `scale` holds 0, expected values in \(0, ∞\)"):
            L.mase(p, t, scale)
        kept = L.mase(p, t, scale, mask=(scale > 0).unsqueeze(-1).expand_as(p))
        assert kept.item() == 1.25
        with pytest.raises(slopes.ShapeError, match=r"^mase: `scale` has shape \[1\], expected \[2\]"):
            L.mase(p, t, torch.ones(1))


class TestGaussian:
    def test_tails(self) -> None:
        """Far off it is the distance less σ/√π, and the gradients are 1 and -σ/(2√π)."""
        mean = torch.tensor([20.0, -1e30, 1e-3, 0.5], requires_grad=True)
        log_variance = torch.tensor([0.0, 0.0, -60.0, -300.0], requires_grad=True)
        loss = L.crps_gaussian(mean, log_variance, torch.zeros(4), reduction="none")
        assert loss.tolist() == pytest.approx([20 - 1 / math.sqrt(math.pi), 1e30, 1e-3, 0.5], rel=1e-6)
        by_mean, by_spread = torch.autograd.grad(loss.sum(), (mean, log_variance))
        assert by_mean.tolist() == [1.0, -1.0, 1.0, 1.0]
        wanted = [-0.5 / math.sqrt(math.pi), -0.5 / math.sqrt(math.pi), -0.5 * math.exp(-30) / math.sqrt(math.pi), 0.0]
        assert by_spread.tolist() == pytest.approx(wanted, rel=1e-6, abs=1e-60)

    def test_near_the_target_the_gradient_keeps_its_digits(self) -> None:
        mean = torch.tensor([1e-8, 1e-20], requires_grad=True)
        found = torch.autograd.grad(L.crps_gaussian(mean, torch.zeros(2), torch.zeros(2), reduction="sum"), mean)[0]
        assert found.tolist() == pytest.approx([1e-8 * math.sqrt(2 / math.pi), 1e-20 * math.sqrt(2 / math.pi)])

    def test_a_spread_of_0_is_the_absolute_error(self) -> None:
        mean = torch.tensor([0.0, 3.0], requires_grad=True)
        loss = L.crps_gaussian(mean, torch.full((2,), -1000.0), torch.zeros(2), reduction="none")
        assert loss.tolist() == [0.0, 3.0]
        assert torch.autograd.grad(loss.sum(), mean)[0].tolist() == [0.0, 1.0]


class TestEnsemble:
    def test_values_by_hand(self) -> None:
        members, target = torch.tensor([[4.0, 1.0, 3.0]]), torch.tensor([2.0])
        assert L.crps_ensemble(members, target).item() == pytest.approx(4 / 3 - 1)
        assert L.crps_ensemble(members, target, fair=False).item() == pytest.approx(4 / 3 - 12 / 18)
        assert L.crps_ensemble(members[:, :1], target, fair=False).item() == 2.0

    @each("fair", [True, False])
    def test_ties_have_equal_gradients(self, *, fair: bool) -> None:
        """As of all pairs with a sign of 0 between equal ones, in any order; a member on the target likewise."""
        members = torch.tensor([[0.5, 2.0, 0.5, -1.0, 2.0, 0.5, 1.0]], dtype=torch.float64, requires_grad=True)
        target = torch.tensor([1.0], dtype=torch.float64)
        found = torch.autograd.grad(L.crps_ensemble(members, target, fair=fair), members)[0]
        x = members.detach()[0]
        others = (x.unsqueeze(-1) - x).sign().sum(-1) / (7 * (7 - fair))
        torch.testing.assert_close(found[0], (x - 1.0).sign() / 7 - others)
        order = torch.tensor([3, 1, 6, 0, 5, 2, 4])
        again = members.detach()[:, order].requires_grad_()
        turned = torch.autograd.grad(L.crps_ensemble(again, target, fair=fair), again)[0]
        torch.testing.assert_close(turned, found[:, order])

    def test_nothing_cancels_far_from_0(self) -> None:
        members = torch.tensor([[1e6, 1e6 + 1, 1e6 + 3]])
        assert L.crps_ensemble(members, torch.tensor([1e6 + 1.0]), fair=False).item() == pytest.approx(1 / 3)

    def test_fair_is_unbiased(self) -> None:
        """Over all pairs that can be drawn of a population with repetition, the mean is the population's own score."""
        population, target = torch.tensor([0.0, 1.0, 5.0], dtype=torch.float64), 2.0
        draws = torch.cartesian_prod(population, population)
        targets = torch.full((9,), target, dtype=torch.float64)
        whole = L.crps_ensemble(population.unsqueeze(0), targets[:1], fair=False)
        torch.testing.assert_close(L.crps_ensemble(draws, targets), whole)

    def test_many_members_take_memory_of_their_number(self) -> None:
        members = torch.randn(2, 200_000, generator=torch.Generator().manual_seed(1), requires_grad=True)
        loss = L.crps_ensemble(members, torch.zeros(2))
        assert loss.item() == pytest.approx((math.sqrt(2) - 1) / math.sqrt(math.pi), rel=0.02)
        loss.backward()

    def test_what_is_refused(self) -> None:
        with pytest.raises(slopes.ShapeError, match=r"^crps_ensemble: `members` .* at least 2 members .* fair=False"):
            L.crps_ensemble(torch.zeros(3, 1), torch.zeros(3))
        with pytest.raises(slopes.ShapeError, match=r"^crps_ensemble: `members` .* at least 1 members"):
            L.crps_ensemble(torch.zeros(3, 0), torch.zeros(3), fair=False)
        with pytest.raises(slopes.ValuesError, match=r"^crps_ensemble: `members` is inf at entry \[1, 0\]"):
            L.crps_ensemble(torch.tensor([[0.0, 1.0], [math.inf, 0.0]]), torch.zeros(2))
