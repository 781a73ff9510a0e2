"""Losses of classes beside cross-entropy against torch, and against the formulas that their authors published.

optax is written out where it has a function of that kind: its source is a line each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody gives it
from tests.each import each
from tests.oracles.peers import assert_same, normal
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it

REDUCTIONS: Final = ("none", "mean", "sum")
SCORES: Final = torch.tensor([0.0, 1e-300, -1e-9, 0.3, -0.7, 1.5, -2.0, 9.0, -17.0, 40.0], dtype=torch.float64).repeat(
    2
)
SIDES: Final = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat_interleave(10)
LOGITS: Final = normal(6, 5, seed=31, scale=3.0)
CLASSES: Final = torch.tensor([0, 4, 2, 2, 1, 3])
COUNTS: Final = torch.tensor([500.0, 120.0, 31.0, 7.0, 1.0], dtype=torch.float64)


class TestTorch:
    @each("reduction", REDUCTIONS)
    def test_soft_margin(self, reduction: str) -> None:
        assert_same(
            lambda scores: L.soft_margin(scores, SIDES, reduction=reduction),
            lambda scores: F.soft_margin_loss(scores, SIDES, reduction=reduction),
            {"scores": SCORES},
            ["scores"],
            size=20,
        )

    def test_its_soft_margin_is_infinite_where_ours_is_a_hundred(self) -> None:
        x = torch.tensor([-100.0], requires_grad=True)
        theirs = F.soft_margin_loss(x, torch.ones(1))
        assert theirs.item() == math.inf
        assert torch.autograd.grad(theirs, x)[0].isnan().all()
        ours = L.soft_margin(x, torch.ones(1))
        assert ours.item() == 100
        assert torch.autograd.grad(ours, x)[0].item() == -1

    @each("reduction", REDUCTIONS)
    def test_margin_ranking(self, reduction: str) -> None:
        assert_same(
            lambda a, b: L.margin_ranking(a, b, SIDES, margin=0.75, reduction=reduction),
            lambda a, b: F.margin_ranking_loss(a, b, SIDES, margin=0.75, reduction=reduction),
            {"a": SCORES, "b": normal(20, seed=3)},
            ["a", "b"],
            scale=64.0,
            slope_scale=1.0,
            size=20,
        )

    def test_its_margin_ranking_moves_on_the_kink_and_takes_0_for_a_side(self) -> None:
        a = torch.zeros(1, requires_grad=True)
        assert torch.autograd.grad(F.margin_ranking_loss(a, torch.zeros(1), torch.ones(1)), a)[0].item() == -1
        assert torch.autograd.grad(L.margin_ranking(a, torch.zeros(1), torch.ones(1)), a)[0].item() == 0
        assert F.margin_ranking_loss(a, torch.ones(1), torch.zeros(1), margin=0.5).item() == 0.5

    @each("reduction", REDUCTIONS)
    def test_hinge_embedding(self, reduction: str) -> None:
        assert_same(
            lambda d: L.hinge_embedding(d, SIDES, margin=0.9, reduction=reduction),
            lambda d: F.hinge_embedding_loss(d, SIDES, margin=0.9, reduction=reduction),
            {"d": SCORES.abs()},
            ["d"],
            size=20,
        )

    def test_its_hinge_embedding_adds_both_terms_for_a_target_of_0(self) -> None:
        assert F.hinge_embedding_loss(torch.tensor([0.25]), torch.zeros(1)).item() == 1.0

    @each("reduction", REDUCTIONS)
    def test_multilabel_soft_margin(self, reduction: str) -> None:
        targets = (normal(6, 5, seed=8) > 0).double()
        assert_same(
            lambda x: L.multilabel_soft_margin(x, targets, reduction=reduction),
            lambda x: F.multilabel_soft_margin_loss(x, targets, reduction=reduction),
            {"x": LOGITS},
            ["x"],
            size=30,
        )

    @each("reduction", REDUCTIONS)
    def test_multilabel_margin_takes_a_mask_where_torch_takes_indices(self, reduction: str) -> None:
        indices = torch.tensor([[0, 3, -1, 1, -1], [4, -1, -1, -1, -1], [2, 1, 0, -1, -1]])  # all after -1 is left out
        there = torch.tensor([[True, False, False, True, False], [False] * 4 + [True], [True] * 3 + [False] * 2])
        assert_same(
            lambda x: L.multilabel_margin(x, there, reduction=reduction),
            lambda x: F.multilabel_margin_loss(x, indices, reduction=reduction),
            {"x": LOGITS[:3]},
            ["x"],
            scale=16.0,
            slope_scale=1.0,
            size=30,
        )

    @each("tau", [1.0, 0.5])
    def test_logit_adjustment_is_its_cross_entropy_of_a_sum(self, tau: float) -> None:
        assert_same(
            lambda x: L.logit_adjusted(x, CLASSES[:5], COUNTS, tau=tau, reduction="none"),
            lambda x: F.cross_entropy(x + tau * COUNTS.log(), CLASSES[:5], reduction="none"),
            {"x": LOGITS[:5]},
            ["x"],
            scale=16.0,
            slope_scale=4.0,
            size=5,
        )

    def test_its_sum_loses_digits(self) -> None:
        x, t, shares = torch.tensor([[1000.0, 994.0]]), torch.tensor([1]), torch.tensor([3.0, 1024.0])
        exact = math.log1p(3 / 1024 * math.exp(6.0))
        assert abs(L.logit_adjusted(x, t, shares).item() - exact) < 1e-6
        assert abs(F.cross_entropy(x + shares.log(), t).item() - exact) > 1e-6


def of_target(x: Tensor) -> Tensor:
    return x.softmax(-1).gather(-1, CLASSES[: len(x)].unsqueeze(-1)).squeeze(-1)


def symmetric(x: Tensor) -> Tensor:
    """Return what the authors' `SCELoss(0.1, 1.0)` makes, of which the clamp of p does nothing here."""
    p = x.softmax(-1).clamp(1e-7, 1.0)
    one_hot = F.one_hot(CLASSES, 5).double().clamp(1e-4, 1.0)
    return 0.1 * F.cross_entropy(x, CLASSES, reduction="none") - (p * one_hot.log()).sum(-1)


def large_margin(x: Tensor) -> Tensor:
    """Return what the authors' `LDAMLoss` makes, with its order of operations."""
    margins = 1 / COUNTS.sqrt().sqrt()
    margins = margins * (0.5 / margins.max())
    index = F.one_hot(CLASSES, 5).bool()
    lowered = x - margins[CLASSES].unsqueeze(-1)
    return F.cross_entropy(30.0 * torch.where(index, lowered, x), CLASSES, reduction="none")


class TestAuthors:
    @each(
        ("ours", "theirs", "scale"),
        [
            (
                lambda x: L.generalized_cross_entropy(x, CLASSES, reduction="none"),
                lambda x: (1 - of_target(x) ** 0.7) / 0.7,
                2.0,
            ),
            (
                lambda x: L.symmetric_cross_entropy(x, CLASSES, log_zero=math.log(1e-4), reduction="none"),
                symmetric,
                32.0,
            ),
            (
                lambda x: L.bootstrapped_cross_entropy(x, CLASSES, reduction="none"),
                lambda x: -((0.95 * F.one_hot(CLASSES, 5).double() + 0.05 * x.softmax(-1)) * x.log_softmax(-1)).sum(-1),
                16.0,
            ),
            (
                lambda x: L.poly_cross_entropy(x, CLASSES, epsilon=2.0, reduction="none"),
                lambda x: F.cross_entropy(x, CLASSES, reduction="none") + 2 * (1 - of_target(x)),
                16.0,
            ),
            (
                lambda x: L.balanced_softmax(x, CLASSES, COUNTS, reduction="none"),
                lambda x: F.cross_entropy(x + COUNTS.log().expand_as(x), CLASSES, reduction="none"),
                16.0,
            ),
            (lambda x: L.ldam(x.tanh(), CLASSES, COUNTS, reduction="none"), lambda x: large_margin(x.tanh()), 256.0),
            (
                lambda x: L.squared_hinge(x[:, 0], SIDES[7:13], reduction="none"),  # Keras
                lambda x: (1 - SIDES[7:13] * x[:, 0]).clamp(min=0) ** 2,
                64.0,
            ),
        ],
    )  # fmt: skip
    def test_formulas(self, ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor], scale: float) -> None:
        assert_same(ours, theirs, {"x": LOGITS}, ["x"], scale=scale, slope_scale=scale, size=5)

    def test_the_formula_of_generalised_cross_entropy_loses_its_digits(self) -> None:
        x, first = torch.tensor([[12.0, 0.0]]), torch.tensor([0])
        exact = math.log1p(math.exp(-12.0))
        p = x.softmax(-1)[0, 0]
        for q in (0.7, 1e-6):
            wanted = -math.expm1(-q * exact) / q
            assert abs(L.generalized_cross_entropy(x, first, q=q).item() / wanted - 1) < 1e-6
            assert abs(((1 - p**q) / q).item() / wanted - 1) > 1e-3
