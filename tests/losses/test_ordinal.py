"""What is special to losses of ordered classes: chances that add up, heads, and the class back."""

from __future__ import annotations

import math
from typing import Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

CLASSES: Final = torch.arange(4)
LOGITS: Final = torch.tensor([[1.5, 0.25, -0.75]], dtype=torch.float64).expand(4, 3)
CUTS: Final = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.float64)


class TestChances:
    def test_those_of_corn_sum_to_1(self) -> None:
        losses = L.corn(LOGITS, CLASSES, reduction="none")
        assert_close(losses.neg().exp().sum(), torch.ones((), dtype=torch.float64))

    @each("score", [-20.0, 0.0, 0.25, 30.0])
    def test_those_of_cumulative_link_sum_to_1(self, score: float) -> None:
        losses = L.cumulative_link(torch.full((4,), score).double(), CUTS, CLASSES, reduction="none")
        assert_close(losses.neg().exp().sum(), torch.ones((), dtype=torch.float64))

    def test_two_classes_are_a_logit(self) -> None:
        z = torch.tensor([[0.5], [-2.0]])
        targets = torch.tensor([1, 0])
        wanted = L.binary_cross_entropy(z.squeeze(-1), targets.float(), reduction="none")
        assert torch.equal(L.coral(z, targets, reduction="none"), wanted)
        assert torch.equal(L.corn(z, targets, reduction="none"), wanted)
        assert_close(L.cumulative_link(z.squeeze(-1), torch.zeros(1), targets, reduction="none"), wanted.double())


class TestCumulativeLink:
    def test_thresholds_learn(self) -> None:
        cuts = CUTS.clone().requires_grad_()
        loss = L.cumulative_link(torch.zeros(2).double(), cuts, torch.tensor([0, 3]), reduction="sum")
        slope = torch.autograd.grad(loss, cuts)[0]
        assert_close(slope, torch.tensor([-torch.sigmoid(-CUTS[0]), 0.0, torch.sigmoid(CUTS[2])]).double())

    def test_far_away_the_gradient_is_1_and_not_0(self) -> None:
        score = torch.tensor([40.0], requires_grad=True)
        loss = L.cumulative_link(score, torch.tensor([-1.0, 1.0]), torch.tensor([1]))
        assert loss.item() == pytest.approx(39 - math.log1p(-math.exp(-2)))
        assert torch.autograd.grad(loss, score)[0].item() == pytest.approx(1.0)

    @each("wrong", [[0.0, -1.0], [1.0, 1.0], [0.0, math.inf], [math.nan, 0.0]], ids=str)
    def test_thresholds_that_do_not_increase_are_told(self, wrong: list[float]) -> None:
        with pytest.raises(slopes.ValuesError, match="cumulative_link: `thresholds` holds"):
            L.cumulative_link(torch.zeros(2), torch.tensor(wrong), torch.tensor([0, 1]))


class TestWrongInput:
    @each("name", ["coral", "corn"])
    def test_a_class_too_many_is_told(self, name: str) -> None:
        with pytest.raises(slopes.ValuesError, match=rf"{name}: `targets` holds 3, expected class indices in \[0, 3\)"):
            getattr(L, name)(torch.zeros(1, 2), torch.tensor([3]))
        with pytest.raises(slopes.ShapeError, match=rf"{name}: `logits` has shape \[1, 0\], expected \[\.\.\., K-1\]"):
            getattr(L, name)(torch.zeros(1, 0), torch.tensor([0]))

    def test_levels_are_told_to_be_classes(self) -> None:
        with pytest.raises(slopes.DtypeError, match=r"coral: `targets` has dtype torch\.float32, "):
            L.coral(torch.zeros(1, 3), torch.tensor([[1.0, 1.0, 0.0]]))


def chances_of(losses: Tensor) -> Tensor:
    return losses.neg().exp()


class TestTheClassBack:
    def test_it_is_the_median(self) -> None:
        """For logits of every kind: the first class at which the chances so far are a half or more."""
        logits = torch.randn(50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        rows = [L.corn(logits, torch.full((50,), k), reduction="none") for k in range(4)]
        so_far = torch.stack([chances_of(row) for row in rows], -1).cumsum(-1)
        assert torch.equal(L.ordinal_rank(logits, conditional=True), (so_far < 0.5).sum(-1))
        scores = logits[:, 0]
        rows = [L.cumulative_link(scores, CUTS, torch.full((50,), k), reduction="none") for k in range(4)]
        so_far = torch.stack([chances_of(row) for row in rows], -1).cumsum(-1)
        assert torch.equal(L.ordinal_rank(scores.unsqueeze(-1) - CUTS), (so_far < 0.5).sum(-1))

    def test_its_ends(self) -> None:
        assert L.ordinal_rank(torch.tensor([[-1.0, -1.0], [1.0, 1.0], [0.0, 0.0]])).tolist() == [0, 2, 0]
        assert L.ordinal_rank(torch.zeros(3, 0)).tolist() == [0, 0, 0]


def step(head: torch.nn.Module, loss: Tensor, rate: float) -> None:
    """Go down the gradient; torch's optimisers take seconds to import."""
    learned = list(head.parameters())
    with torch.no_grad():
        for parameter, slope in zip(learned, torch.autograd.grad(loss, learned), strict=True):
            parameter.sub_(rate * slope)


class TestHeads:
    def test_logits_of_coral_are_in_order_at_first(self) -> None:
        head = L.CoralHead(5, 4)
        logits = head(torch.randn(2, 3, 5))
        assert logits.shape == (2, 3, 3)
        assert (logits.diff() < 0).all()
        assert sorted(name for name, _ in head.named_parameters()) == ["bias", "weight"]

    @each("classes", [2, 3, 7])
    def test_thresholds_increase_and_classes_are_as_likely(self, classes: int) -> None:
        cuts = L.OrderedThresholds(classes)()
        losses = L.cumulative_link(torch.zeros(classes), cuts, torch.arange(classes), reduction="none")
        assert_close_to_scale(losses, torch.full((classes,), math.log(classes)).double(), 8.0)

    def test_thresholds_stay_in_order_whatever_the_steps(self) -> None:
        head = L.OrderedThresholds(5)
        for _ in range(20):
            step(head, L.cumulative_link(torch.tensor([2.0, -2.0]), head(), torch.tensor([0, 4])), 3.0)
        assert (head().diff() > 0).all()

    def test_a_head_of_one_class_is_told(self) -> None:
        for made in (lambda: L.CoralHead(3, 1), lambda: L.OrderedThresholds(1)):
            with pytest.raises(slopes.OptionError, match="`classes - 1` is 0, expected an integer of at least 1"):
                made()

    def test_they_learn_an_order(self) -> None:
        dice = torch.Generator().manual_seed(0)
        x = torch.randn(200, 3, generator=dice)
        targets = torch.bucketize(x @ torch.tensor([1.0, -2.0, 0.5]), torch.tensor([-1.5, 0.0, 1.5]))
        head = L.CoralHead(3, 4)
        for _ in range(150):
            step(head, L.coral(head(x), targets), 1.0)
        assert (L.ordinal_rank(head(x)) == targets).float().mean() > 0.9
