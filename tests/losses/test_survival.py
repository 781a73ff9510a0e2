"""What is special to losses of times to an event: who is at risk, ties, strata, sizes."""

from __future__ import annotations

import math
from typing import Any, Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

ZEROS: Final = torch.zeros(4)
TIED: Final = torch.tensor([1.0, 2.0, 2.0, 3.0])
ALL: Final = torch.ones(4, dtype=torch.bool)


def drawn(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return log-hazards, times of which many are equal, events and strata."""
    dice = torch.Generator().manual_seed(seed)
    x = torch.randn(count, generator=dice, dtype=torch.float64)
    time = torch.randint(1, max(count // 4, 2), (count,), generator=dice).double()
    return x, time, torch.rand(count, generator=dice) < 0.6, torch.randint(3, (count,), generator=dice)


def by_pairs(x: Tensor, time: Tensor, event: Tensor, strata: Tensor) -> Tensor:
    """Return Breslow's loss of each subject from the N×N matrix of who is at risk."""
    at_risk = (time[None] >= time[:, None]) & (strata[None] == strata[:, None])
    sums = torch.where(at_risk, x[None], -math.inf).logsumexp(1)
    return torch.where(event, sums - x, 0.0)


class TestCox:
    def test_efron_and_breslow_by_hand(self) -> None:
        """Of four, then two of three at once, then one alone: 4, then 3 and 2 or twice 3, then 1."""
        efron = L.cox(ZEROS, TIED, ALL, reduction="none")
        breslow = L.cox(ZEROS, TIED, ALL, ties="breslow", reduction="none")
        shared = (math.log(3) + math.log(2)) / 2
        assert_close_to_scale(efron, torch.tensor([math.log(4), shared, shared, 0.0]).double(), 1.0)
        assert_close_to_scale(breslow, torch.tensor([math.log(4), math.log(3), math.log(3), 0.0]).double(), 1.0)

    def test_who_is_censored_at_the_time_of_an_event_is_at_risk(self) -> None:
        event = torch.tensor([True, False])
        assert L.cox(ZEROS[:2], torch.ones(2), event).item() == pytest.approx(math.log(2))

    def test_all_censored_is_0_with_a_graph(self) -> None:
        x = torch.tensor([0.5, -1.0], requires_grad=True)
        for reduction in ("mean", "sum"):
            loss = L.cox(x, torch.ones(2), torch.zeros(2, dtype=torch.bool), reduction=reduction)
            assert loss.item() == 0
            assert torch.autograd.grad(loss, x)[0].tolist() == [0.0, 0.0]

    def test_a_mean_is_over_the_events(self) -> None:
        event = torch.tensor([True, False, True, False])
        total = L.cox(ZEROS, TIED, event, reduction="sum")
        assert L.cox(ZEROS, TIED, event).item() == pytest.approx(total.item() / 2)
        weight = torch.tensor([3.0, 7.0, 1.0, 9.0])
        weighted = L.cox(ZEROS, TIED, event, weight=weight, reduction="sum")
        assert L.cox(ZEROS, TIED, event, weight=weight).item() == pytest.approx(weighted.item() / 4)

    def test_strata_are_losses_of_their_own(self) -> None:
        x, time, event, strata = drawn(60)
        whole = L.cox(x, time, event, strata, reduction="sum")
        parts = [L.cox(x[at], time[at], event[at], reduction="sum") for at in (strata == k for k in range(3))]
        assert_close(whole, sum(parts).reshape(()), size=60)

    def test_a_masked_subject_is_in_no_risk_set(self) -> None:
        x, time, event, strata = drawn(60)
        mask = torch.arange(60) % 3 != 0
        spoilt = x.masked_fill(~mask, math.inf)
        masked = L.cox(spoilt, time.masked_fill(~mask, math.nan), event, strata, mask=mask, reduction="none")
        alone = L.cox(x[mask], time[mask], event[mask], strata[mask], reduction="none")
        assert_close_to_scale(masked[mask], alone, 8.0)
        assert not masked[~mask].any()

    @each("ties", ["efron", "breslow"])
    def test_the_order_of_rows_does_not_matter(self, ties: Any) -> None:  # noqa: ANN401
        x, time, event, strata = drawn(50)
        order = torch.randperm(50, generator=torch.Generator().manual_seed(1))
        found = L.cox(x[order], time[order], event[order], strata[order], ties=ties, reduction="none")
        assert_close_to_scale(found, L.cox(x, time, event, strata, ties=ties, reduction="none")[order], 8.0)

    @each("count", [1, 2, 3, 5, 64, 65, 1000])
    def test_it_is_the_sum_over_pairs(self, count: int) -> None:
        given = drawn(count, seed=count)
        x = given[0].requires_grad_()
        found = L.cox(*given, ties="breslow", reduction="none")
        wanted = by_pairs(*given)
        assert_close_to_scale(found, wanted, 8.0)
        slopes_ = [torch.autograd.grad(loss.sum(), x)[0] for loss in (found, wanted)]
        assert_close_to_scale(*slopes_, scale=8.0, size=count)

    def test_hazards_far_apart_keep_their_digits(self) -> None:
        """The last to be at risk have hazards of e^-200 beside one that has left: a running sum loses them."""
        x = torch.tensor([100.0, -100.0, -101.0], requires_grad=True)
        loss = L.cox(x, torch.tensor([1.0, 2.0, 3.0]), torch.tensor([False, True, False]))
        assert_close(loss, torch.tensor(math.log1p(math.exp(-1)), dtype=torch.float64))
        slope = 1 / (1 + math.e)
        assert_close(torch.autograd.grad(loss, x)[0][1:], torch.tensor([-slope, slope], dtype=torch.float64))

    def test_a_hundred_thousand_in_little_time(self) -> None:
        x = torch.linspace(-3, 3, 100_000).sin().requires_grad_()
        time = torch.linspace(0, 100, 100_000).cos().abs()
        loss = L.cox(x, time, time > 0.3, ties="efron")
        assert bool(torch.autograd.grad(loss, x)[0].isfinite().all())

    def test_wrong_input_is_told(self) -> None:
        with pytest.raises(slopes.DtypeError, match=r"cox: `event` has dtype torch\.float32, expected torch\.bool"):
            L.cox(ZEROS, TIED, torch.ones(4))
        with pytest.raises(slopes.ShapeError, match=r"cox: `log_hazard` has shape \[2, 2\], expected \[4\]"):
            L.cox(ZEROS.view(2, 2), TIED.view(2, 2), ALL.view(2, 2))
        with pytest.raises(slopes.ValuesError, match="cox: `time` holds inf"):
            L.cox(ZEROS, torch.tensor([1.0, math.inf, 2.0, 3.0]), ALL)
        with pytest.raises(slopes.ValuesError, match=r"cox: `log_hazard` is -inf at entry \[1\]"):
            L.cox(torch.tensor([0.0, -math.inf, 0.0, 0.0]), TIED, ALL)
        with pytest.raises(slopes.OptionError, match="cox: `ties` is 'exact', expected one of 'efron', 'breslow'"):
            L.cox(ZEROS, TIED, ALL, ties="exact")  # type: ignore[arg-type]


class TestWeibull:
    def test_a_shape_of_1_is_the_exponential(self) -> None:
        rate, time = torch.tensor([0.5, 2.0]).double(), torch.tensor([3.0, 0.25]).double()
        found = L.weibull_nll(-rate.log(), torch.zeros(2).double(), time, torch.ones(2).bool(), reduction="none")
        assert_close_to_scale(found, -torch.distributions.Exponential(rate).log_prob(time), 2.0)

    def test_densities_and_survival_of_torch(self) -> None:
        log_scale, log_shape = (torch.linspace(a, b, 7).double() for a, b in ((-1, 2), (0.75, -0.75)))
        time = torch.linspace(0.5, 3, 7).double()
        torchs = torch.distributions.Weibull(log_scale.exp(), log_shape.exp())
        seen = L.weibull_nll(log_scale, log_shape, time, torch.ones(7).bool(), reduction="none")
        assert_close_to_scale(seen, -torchs.log_prob(time), 8.0)
        left = L.weibull_nll(log_scale, log_shape, time, torch.zeros(7).bool(), reduction="none")
        assert_close_to_scale(left.neg().exp(), 1 - torchs.cdf(time), 1.0)

    def test_far_before_the_scale_the_gradient_is_that_of_the_event(self) -> None:
        a = torch.tensor([3.0, 3.0], requires_grad=True)
        loss = L.weibull_nll(torch.full((2,), 50.0), a, torch.ones(2), torch.tensor([True, False]), reduction="none")
        assert loss[1].item() == 0
        slope = torch.autograd.grad(loss.sum(), a)[0]
        assert_close(slope[:1], torch.tensor([50 * math.exp(3) - 1]).double(), size=4)
        assert slope[1].item() == 0

    @each("wrong", [0.0, -1.0, math.inf, math.nan])
    def test_a_time_that_is_none_is_told(self, wrong: float) -> None:
        given = torch.zeros(2), torch.zeros(2), torch.tensor([1.0, wrong]), torch.ones(2).bool()
        with pytest.raises(slopes.ValuesError, match="weibull_nll: `time` holds"):
            L.weibull_nll(*given)
        assert L.weibull_nll(*given, mask=torch.tensor([True, False])).item() == 1.0


class TestDiscreteHazard:
    def test_chances_of_all_ends_sum_to_1(self) -> None:
        """The event in one of three periods, or none of them."""
        logits = torch.tensor([[0.5, -1.0, 2.0]], dtype=torch.float64).expand(4, 3)
        period, event = torch.tensor([0, 1, 2, 2]), torch.tensor([True, True, True, False])
        losses = L.discrete_hazard(logits, period, event, reduction="none")
        assert_close(losses.neg().exp().sum(), torch.ones((), dtype=torch.float64))

    def test_later_periods_have_no_gradient_whatever_they_hold(self) -> None:
        logits = torch.tensor([[0.5, -1.0, math.inf]], requires_grad=True)
        loss = L.discrete_hazard(logits, torch.tensor([1]), torch.tensor([True]))
        assert loss.item() == pytest.approx(math.log1p(math.exp(0.5)) + math.log1p(math.exp(1)))
        assert torch.autograd.grad(loss, logits)[0][0, 2].item() == 0

    def test_wrong_input_is_told(self) -> None:
        logits = torch.zeros(1, 3)
        with pytest.raises(slopes.ValuesError, match="discrete_hazard: `period` holds 3, expected class indices in"):
            L.discrete_hazard(logits, torch.tensor([3]), torch.tensor([True]))
        with pytest.raises(slopes.DtypeError, match="discrete_hazard: `event` has dtype"):
            L.discrete_hazard(logits, torch.tensor([0]), torch.tensor([1]))
