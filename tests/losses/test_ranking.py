"""What is special to losses of lists: missing items, ties, lists of one item or none, the order of the items."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import pytest
import torch
from tests.accuracy import assert_close_to_scale
from tests.each import each
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

LISTS: Final[dict[str, Callable[..., Tensor]]] = {
    "pairwise_logistic": L.pairwise_logistic,
    "lambda_rank": L.lambda_rank,
    "list_net": L.list_net,
    "list_mle": L.list_mle,
    "approx_ndcg": L.approx_ndcg,
}
every_list = each("name", LISTS)
SCORES: Final = torch.tensor([[0.5, -1.0, 2.0, 0.25, 1.5]], dtype=torch.float64)
GRADES: Final = torch.tensor([[2.0, 0.0, 1.0, 0.0, 2.0]], dtype=torch.float64)
LOG_2: Final = math.log(2)


@every_list
class TestEveryList:
    @each("strange", [math.nan, math.inf, -math.inf, 1e30])
    def test_a_missing_item_leaves_no_trace(self, name: str, strange: float) -> None:
        """Wherever it stands, whatever it holds: value and gradient are those of the list without it."""
        loss = LISTS[name]
        for at in range(6):
            short, longer = SCORES.clone().requires_grad_(), torch.full((1, 6), strange).double()
            grades, there = longer.clone(), torch.ones(1, 6).bool()
            there[0, at] = False
            longer[there], grades[there] = SCORES[0], GRADES[0]
            longer.requires_grad_()
            value, other = loss(short, GRADES), loss(longer, grades, there)
            assert_close_to_scale(other, value, 1.0)
            slope, wanted = (torch.autograd.grad(v, x)[0] for v, x in ((other, longer), (value, short)))
            assert_close_to_scale(slope[there], wanted[0], 1.0)
            assert slope[~there].item() == 0

    @each("length", [0, 1])
    def test_a_list_of_nothing_or_of_one_costs_nothing(self, name: str, length: int) -> None:
        scores = torch.full((2, length), 3.0, requires_grad=True)
        for there in (None, torch.ones(2, length).bool()):
            loss = LISTS[name](scores, torch.ones(2, length), there)
            assert abs(loss.item()) < 1e-6
            assert not torch.autograd.grad(loss, scores)[0].any()

    def test_a_list_of_which_nothing_is_there_costs_nothing(self, name: str) -> None:
        scores = SCORES.expand(2, 5).clone().requires_grad_()
        there = torch.tensor([[False] * 5, [True] * 5])
        loss = LISTS[name](scores, GRADES.expand(2, 5), there, reduction="none")
        assert loss[0].item() == 0
        assert_close_to_scale(loss[1:], LISTS[name](SCORES, GRADES, reduction="none"), 1.0)
        assert not torch.autograd.grad(loss.sum(), scores)[0][0].any()

    def test_the_order_of_the_items_does_not_matter(self, name: str) -> None:
        order = torch.tensor([3, 1, 4, 0, 2])
        found = LISTS[name](SCORES[:, order], GRADES[:, order])
        assert_close_to_scale(found, LISTS[name](SCORES, GRADES), 1.0)

    def test_a_shift_of_all_scores_changes_nothing(self, name: str) -> None:
        assert_close_to_scale(LISTS[name](SCORES + 256, GRADES), LISTS[name](SCORES, GRADES), 64.0)

    def test_a_step_down_the_gradient_helps(self, name: str) -> None:
        scores = SCORES.clone().requires_grad_()
        loss = LISTS[name](scores, GRADES)
        better = SCORES - 1e-3 * torch.autograd.grad(loss, scores)[0]
        assert LISTS[name](better, GRADES) < loss

    def test_wrong_input_is_told(self, name: str) -> None:
        loss = LISTS[name]
        with pytest.raises(slopes.ShapeError, match=rf"{name}: `item_mask` has shape \[5\], expected \[1, 5\]"):
            loss(SCORES, GRADES, torch.ones(5).bool())
        with pytest.raises(slopes.ShapeError, match=rf"{name}: `scores` has shape \[\], expected \[\.\.\., L\]"):
            loss(torch.tensor(1.0), torch.tensor(1.0))
        with pytest.raises(slopes.ValuesError, match=f"{name}: `relevance` holds nan"):
            loss(SCORES, GRADES * math.nan)
        with pytest.raises(slopes.OptionError, match=f"{name}: `relevance` requires a gradient"):
            loss(SCORES, GRADES.clone().requires_grad_())


class TestPairs:
    def test_equal_grades_make_no_pair(self) -> None:
        scores = SCORES.clone().requires_grad_()
        for loss in (L.pairwise_logistic, L.lambda_rank):
            value = loss(scores, torch.ones(1, 5).double())
            assert value.item() == 0
            assert not torch.autograd.grad(value, scores)[0].any()

    def test_the_number_of_pairs_as_weight_gives_the_mean_over_all_pairs(self) -> None:
        scores, grades = SCORES.expand(2, 5), torch.cat([GRADES, torch.arange(5.0).double()[None]])
        pairs = (grades.unsqueeze(-1) > grades.unsqueeze(-2)).sum((-2, -1)).double()
        losses = torch.log1p(torch.exp(scores.unsqueeze(-2) - scores.unsqueeze(-1)))
        wanted = losses[grades.unsqueeze(-1) > grades.unsqueeze(-2)].mean()
        assert_close_to_scale(L.pairwise_logistic(scores, grades, weight=pairs), wanted, 1.0, size=18)

    def test_lambda_rank_learns_from_equal_scores(self) -> None:
        """Places follow the list, so that a swap changes something; with shared places nothing would move."""
        scores = torch.zeros(1, 3, requires_grad=True)
        loss = L.lambda_rank(scores, torch.tensor([[0.0, 0.0, 1.0]]))
        places = [1 / math.log2(1 + rank) for rank in (1, 2, 3)]
        assert loss.item() == pytest.approx(LOG_2 * (places[0] + places[1] - 2 * places[2]))
        assert (torch.autograd.grad(loss, scores)[0][0] != 0).all()

    @each("gains", ["exponential", "linear"])
    def test_grades_have_room(self, gains: Any) -> None:  # noqa: ANN401
        for loss in (L.lambda_rank, L.approx_ndcg):
            assert bool(loss(SCORES.float(), 32 * GRADES.float(), gains=gains).isfinite())
            with pytest.raises(slopes.ValuesError, match=r"`relevance` holds 66, expected values in \[0, 64\]"):
                loss(SCORES, 33 * GRADES, gains=gains)

    def test_bpr_far_on_the_wrong_side_pulls_with_1(self) -> None:
        positive = torch.tensor([-100.0], requires_grad=True)
        loss = L.bpr(positive, torch.zeros(1))
        assert (loss.item(), torch.autograd.grad(loss, positive)[0].item()) == (100.0, -1.0)


class TestListMLE:
    def test_all_orders_are_as_likely_at_equal_scores(self) -> None:
        loss = L.list_mle(torch.zeros(1, 5), torch.arange(5.0)[None])
        assert loss.item() == pytest.approx(math.log(120))

    def test_chances_of_all_orders_sum_to_1(self) -> None:
        import itertools  # noqa: PLC0415

        orders = torch.tensor(list(itertools.permutations(range(4)))).double()
        losses = L.list_mle(SCORES[:, :4].expand(24, 4), orders, reduction="none")
        assert losses.neg().exp().sum().item() == pytest.approx(1.0)

    def test_ties_in_order_are_an_order(self) -> None:
        scores = SCORES[:, :3]
        tied = L.list_mle(scores, torch.zeros(1, 3).double(), ties="in_order")
        assert_close_to_scale(tied, L.list_mle(scores, torch.tensor([[3.0, 2.0, 1.0]]).double()), 1.0)

    def test_it_is_cox_without_censoring(self) -> None:
        wanted = L.cox(SCORES[0], -GRADES[0], torch.ones(5).bool(), ties="breslow", reduction="sum")
        assert_close_to_scale(L.list_mle(SCORES, GRADES), wanted, 4.0)

    def test_scores_far_apart_keep_their_digits(self) -> None:
        """The last two are drawn from e^-200 beside one that has been drawn before."""
        scores = torch.tensor([[100.0, -100.0, -101.0]], requires_grad=True)
        loss = L.list_mle(scores, torch.tensor([[3.0, 2.0, 1.0]]))
        assert loss.item() == pytest.approx(math.log1p(math.exp(-1)), rel=1e-6)
        slope = 1 / (1 + math.e)
        assert torch.autograd.grad(loss, scores)[0][0].tolist() == pytest.approx([0.0, -slope, slope], rel=1e-6)


class TestApproxNDCG:
    def test_cold_it_is_ndcg(self) -> None:
        gains, places = torch.tensor([1.0, 3.0, 3.0, 0.0, 0.0]), torch.log2(torch.arange(2.0, 7.0))
        wanted = 1 - (gains / places).sum() / (torch.tensor([3.0, 3.0, 1.0, 0.0, 0.0]) / places).sum()
        assert L.approx_ndcg(SCORES, GRADES, temperature=1e-4).item() == pytest.approx(wanted.item(), rel=1e-5)

    def test_nothing_relevant_is_0_with_a_graph(self) -> None:
        scores = SCORES.clone().requires_grad_()
        loss = L.approx_ndcg(scores, torch.zeros(1, 5).double())
        assert loss.item() == 0
        assert not torch.autograd.grad(loss, scores)[0].any()
