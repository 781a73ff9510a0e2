"""Losses of classes beside cross-entropy: by hand, at their ends, and what is special in each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

SIDED: Final[dict[str, Callable[..., Tensor]]] = {
    "squared_hinge": L.squared_hinge,
    "soft_margin": L.soft_margin,
    "hinge_embedding": L.hinge_embedding,
    "margin_ranking": lambda x, t, **o: L.margin_ranking(x, torch.zeros_like(x), t, **o),
}
SHARES: Final = torch.tensor([0.5, 0.25, 0.125, 0.125])
OF_ROWS: Final[dict[str, Callable[..., Tensor]]] = {
    "generalized_cross_entropy": L.generalized_cross_entropy,
    "symmetric_cross_entropy": L.symmetric_cross_entropy,
    "bootstrapped_cross_entropy": L.bootstrapped_cross_entropy,
    "bootstrapped_cross_entropy hard": lambda *a, **o: L.bootstrapped_cross_entropy(*a, kind="hard", **o),
    "poly_cross_entropy": L.poly_cross_entropy,
    "logit_adjusted": lambda x, t, **o: L.logit_adjusted(x, t, SHARES.to(_dtype(x)), **o),
    "balanced_softmax": lambda x, t, **o: L.balanced_softmax(x, t, SHARES.to(_dtype(x)), **o),
    "ldam": lambda x, t, **o: L.ldam(x, t, SHARES.to(_dtype(x)), scale=2.0, **o),
}
ROWS: Final = torch.tensor([[0.5, -1.25, 2.0, 0.125], [3.0, 1.0, -4.0, 2.5], [0.0, 1.0, 0.5, -0.5]])
CLASSES: Final = torch.tensor([0, 2, 1])


def _dtype(x: Tensor | slopes.LinearLogits) -> torch.dtype:
    return x.dtype


def slope(loss: Tensor, x: Tensor) -> Tensor:
    return torch.autograd.grad(loss.sum(), x)[0]


class TestSides:
    @each("name", SIDED)
    def test_booleans_are_signs(self, name: str) -> None:
        x = torch.tensor([0.3, -2.0, 0.9, 7.0])
        said = torch.tensor([True, False, False, True])
        signs = torch.tensor([1.0, -1.0, -1.0, 1.0])
        by_word, by_sign = (SIDED[name](x, t, reduction="none") for t in (said, signs))
        assert torch.equal(by_word, by_sign)
        assert not torch.equal(by_word, SIDED[name](x, ~said, reduction="none"))

    @each("name", SIDED)
    def test_labels_of_0_and_1_are_refused(self, name: str) -> None:
        x = torch.tensor([0.3, -2.0])
        with pytest.raises(slopes.ValuesError, match=r"`targets` holds 0, expected -1 or \+1; from labels 0 and 1"):
            SIDED[name](x, torch.tensor([0.0, 1.0]))
        with pytest.raises(slopes.DtypeError, match=r"`targets` has dtype torch.int64"):
            SIDED[name](x, torch.tensor([-1, 1]))
        with pytest.raises(slopes.ShapeError, match=r"`targets` has shape \[1\], expected \[2\]"):
            SIDED[name](x, torch.tensor([True]))
        with pytest.raises(slopes.OptionError, match="`targets` requires a gradient"):
            SIDED[name](x, torch.tensor([-1.0, 1.0], requires_grad=True))

    @each("name", SIDED)
    def test_a_wrong_target_that_does_not_count_is_left_alone(self, name: str) -> None:
        x, keep = torch.tensor([0.3, -2.0]), torch.tensor([True, False])
        masked = SIDED[name](x, torch.tensor([1.0, 0.0]), mask=keep)
        assert masked.item() == SIDED[name](x[:1], torch.tensor([1.0])).item()

    def test_infinite_scores_on_the_right_side_cost_nothing(self) -> None:
        x = torch.tensor([math.inf, -math.inf], requires_grad=True)
        for loss in (L.squared_hinge, L.soft_margin):
            value = loss(x, torch.tensor([True, False]), reduction="none")
            assert value.tolist() == [0.0, 0.0]
            assert slope(value, x).tolist() == [0.0, 0.0]

    def test_soft_margin_keeps_its_digits_far_out(self) -> None:
        for dtype in (torch.float32, torch.float64):
            x = torch.tensor([-1000.0, -100.0, 40.0], dtype=dtype, requires_grad=True)
            value = L.soft_margin(x, torch.ones(3, dtype=torch.bool), reduction="none")
            exact = [1000.0, 100.0, math.log1p(math.exp(-40.0))]
            assert_close(value, torch.tensor(exact, dtype=torch.float64))
            assert_close(slope(value, x), torch.tensor([-1.0, -1.0, -exact[2]], dtype=torch.float64))

    def test_ranking_keeps_a_violation_that_scores_of_its_size_would_round_off(self) -> None:
        first, second = torch.tensor([1.0]), torch.tensor([2.0**-25])  # their difference rounds to 1
        assert L.margin_ranking(first, second, torch.tensor([True]), margin=1.0).item() == 2.0**-25

    def test_on_the_kink_nothing_moves(self) -> None:
        for margin in (0.0, 0.5):
            x = torch.tensor([margin], requires_grad=True)
            for name in ("squared_hinge", "margin_ranking"):
                assert slope(SIDED[name](x, torch.tensor([True]), margin=margin), x).item() == 0
            assert slope(L.hinge_embedding(x, torch.tensor([False]), margin=margin), x).item() == 0


class TestManyLabels:
    def test_soft_margin_is_the_mean_over_labels_of_binary_cross_entropy(self) -> None:
        targets = torch.tensor([[1.0, 0.0, 0.25, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0] * 4])
        wanted = L.binary_cross_entropy(ROWS, targets, reduction="none").mean(-1)
        torch.testing.assert_close(L.multilabel_soft_margin(ROWS, targets, reduction="none"), wanted)

    def test_soft_margin_of_logits_that_are_not_made(self) -> None:
        hidden, weight = ROWS.clone().requires_grad_(), torch.eye(4) + 0.25
        targets = torch.tensor([[1.0, 0.0, 0.25, 0.0], [0.0, 1.0, 1.0, 0.0], [1.0] * 4])
        unmade = L.multilabel_soft_margin(slopes.LinearLogits(hidden, weight), targets)
        made = L.multilabel_soft_margin(hidden @ weight.T, targets)
        torch.testing.assert_close(unmade, made)
        torch.testing.assert_close(slope(unmade, hidden), slope(made, hidden))

    @each("labels", [1, 5, 70, 5000])
    def test_margin_in_parts_is_margin_of_all_pairs(self, labels: int) -> None:
        generator = torch.Generator().manual_seed(4)
        scores = torch.randn(2, labels, generator=generator, dtype=torch.float64, requires_grad=True)
        there = torch.rand(2, labels, generator=generator) < (0.5 if labels < 100 else 0.002)
        pairs = (1 - (scores.unsqueeze(-1) - scores.unsqueeze(-2))).clamp(min=0)
        wanted = (pairs * (there.unsqueeze(-1) & ~there.unsqueeze(-2))).sum((-2, -1)) / labels
        value = L.multilabel_margin(scores, there, reduction="none")
        assert_close_to_scale(value, wanted.detach(), 10.0, size=labels)
        assert_close_to_scale(slope(value, scores), slope(wanted, scores), 10.0, size=labels)

    def test_a_row_of_one_kind_costs_nothing(self) -> None:
        for there in (torch.zeros_like(ROWS), torch.ones_like(ROWS)):
            x = ROWS.clone().requires_grad_()
            value = L.multilabel_margin(x, there.bool())
            assert value.item() == 0
            assert not slope(value, x).any()

    def test_numbers_are_no_labels(self) -> None:
        with pytest.raises(slopes.DtypeError, match=r"expected torch.bool \(True where a label applies\)"):
            L.multilabel_margin(ROWS, torch.ones_like(ROWS))
        with pytest.raises(slopes.ValuesError, match=r"`targets` holds -1, expected values in \[0, 1\]"):
            L.multilabel_soft_margin(ROWS, -torch.ones_like(ROWS))


class TestNoisyLabels:
    def test_a_small_power_is_cross_entropy_and_a_large_one_a_share(self) -> None:
        wanted = L.cross_entropy(ROWS, CLASSES, reduction="none")
        for q in (0.0, 1e-30, 1e-20, 1e-9):
            torch.testing.assert_close(L.generalized_cross_entropy(ROWS, CLASSES, q=q, reduction="none"), wanted)
        missed = 1 - ROWS.softmax(-1).gather(-1, CLASSES.unsqueeze(-1)).squeeze(-1)
        torch.testing.assert_close(L.generalized_cross_entropy(ROWS, CLASSES, q=1.0, reduction="none"), missed)

    def test_a_sure_class_keeps_its_digits(self) -> None:
        x = torch.tensor([[40.0, 0.0]], dtype=torch.float64).requires_grad_()
        wrong = math.exp(-40.0)  # 1 - p and -log p to 17 digits
        for loss in (
            L.generalized_cross_entropy(x, torch.tensor([0]), q=0.5),
            L.poly_cross_entropy(x, torch.tensor([0]), epsilon=0.0),
        ):
            assert_close(loss, torch.tensor(wrong, dtype=torch.float64))
            assert_close(slope(loss, x), torch.tensor([[-wrong, wrong]], dtype=torch.float64))
        square = L.poly_cross_entropy(x, torch.tensor([0]), epsilon=-1.0)
        assert_close(square, torch.tensor(wrong**2 / 2, dtype=torch.float64))

    def test_a_share_that_underflows_leaves_its_power(self) -> None:
        x = torch.tensor([[-200.0, 0.0]], requires_grad=True)  # e^-200 is 0 in float32
        loss = L.generalized_cross_entropy(x, torch.tensor([0]), q=0.125)
        push = math.exp(-25.0)
        assert_close(slope(loss, x), torch.tensor([[-push, push]], dtype=torch.float64))
        assert_close(loss, torch.tensor((1 - push) / 0.125, dtype=torch.float64))

    def test_a_class_that_is_out_costs_what_q_bounds(self) -> None:
        x = torch.tensor([[-math.inf, 0.0]], requires_grad=True)
        loss = L.generalized_cross_entropy(x, torch.tensor([0]), q=0.5)
        assert loss.item() == 2.0
        assert slope(loss, x).tolist() == [[0.0, 0.0]]

    def test_bootstrapping_differentiates_beliefs_and_not_the_choice(self) -> None:
        x = ROWS.clone().double().requires_grad_()
        log_p = x.log_softmax(-1)
        goal = torch.nn.functional.one_hot(CLASSES, 4)
        for kind, beliefs in (("soft", log_p.exp()), ("hard", torch.nn.functional.one_hot(x.argmax(-1), 4))):
            wanted = -((0.75 * goal + 0.25 * beliefs) * log_p).sum(-1)
            came = L.bootstrapped_cross_entropy(x, CLASSES, beta=0.75, kind=kind, reduction="none")  # type: ignore[arg-type]
            torch.testing.assert_close(came, wanted)
            torch.testing.assert_close(slope(came, x), torch.autograd.grad(wanted.sum(), x, retain_graph=True)[0])

    def test_the_ends_of_beta(self) -> None:
        cross = L.cross_entropy(ROWS, CLASSES)
        assert L.bootstrapped_cross_entropy(ROWS, CLASSES, beta=1.0).item() == pytest.approx(cross.item(), rel=1e-6)
        entropy = L.entropy(ROWS.log_softmax(-1))
        assert L.bootstrapped_cross_entropy(ROWS, CLASSES, beta=0.0).item() == pytest.approx(entropy.item(), rel=1e-6)


class TestLongTails:
    def test_what_is_as_frequent_is_cross_entropy(self) -> None:
        even = torch.full((4,), 25.0)
        wanted = L.cross_entropy(ROWS, CLASSES)
        for loss in (L.logit_adjusted, L.balanced_softmax):
            torch.testing.assert_close(loss(ROWS, CLASSES, even), wanted)
        torch.testing.assert_close(L.ldam(ROWS, CLASSES, even, max_margin=0.0, scale=1.0), wanted)

    def test_counts_are_as_good_as_shares(self) -> None:
        for loss in (L.logit_adjusted, L.balanced_softmax, L.ldam):
            torch.testing.assert_close(loss(ROWS, CLASSES, 1024 * SHARES), loss(ROWS, CLASSES, SHARES))

    def test_margins_go_with_the_fourth_root(self) -> None:
        x = torch.zeros(2, 2)
        value = L.ldam(x, torch.tensor([0, 1]), torch.tensor([16.0, 1.0]), scale=2.0, reduction="none")
        wanted = [math.log1p(math.exp(2 * 0.25)), math.log1p(math.exp(2 * 0.5))]
        assert_close(value, torch.tensor(wanted, dtype=torch.float64))

    def test_what_the_sum_rounds_off_counts(self) -> None:
        """The logarithm of 3/1024, added to 994, is rounded off by up to 3e-5, and so would be the loss."""
        x = torch.tensor([[1000.0, 994.0]])
        wanted = math.log1p(3 / 1024 * math.exp(6.0))
        assert_close(L.logit_adjusted(x, torch.tensor([1]), torch.tensor([3.0, 1024.0])), torch.tensor(wanted).double())

    def test_a_class_that_never_occurs_is_told(self) -> None:
        for loss, name in ((L.logit_adjusted, "prior"), (L.balanced_softmax, "counts"), (L.ldam, "counts")):
            with pytest.raises(slopes.ValuesError, match=f"`{name}` holds 0, .*never occurs as less than one"):
                loss(ROWS, CLASSES, torch.tensor([1.0, 0.0, 2.0, 3.0]))
            with pytest.raises(slopes.ShapeError, match=r"expected \[4\] \(one for each class\)"):
                loss(ROWS, CLASSES, torch.ones(3))
            with pytest.raises(slopes.OptionError, match=f"`{name}` requires a gradient"):
                loss(ROWS, CLASSES, torch.ones(4, requires_grad=True))


class TestRows:
    @each("name", OF_ROWS)
    def test_logits_that_are_not_made(self, name: str) -> None:
        hidden, weight = (t.clone().double().requires_grad_() for t in (ROWS, torch.eye(4) + 0.25))
        bias = torch.tensor([0.5, 0.0, -0.25, 1.0], dtype=torch.float64)
        unmade = OF_ROWS[name](slopes.LinearLogits(hidden, weight, bias), CLASSES)
        made = OF_ROWS[name](hidden @ weight.T + bias, CLASSES)
        torch.testing.assert_close(unmade, made)
        for leaf in (hidden, weight):
            by_unmade, by_made = (torch.autograd.grad(loss, leaf, retain_graph=True)[0] for loss in (unmade, made))
            torch.testing.assert_close(by_unmade, by_made)

    @each("name", OF_ROWS)
    def test_weights_of_classes_divide(self, name: str) -> None:
        weights = torch.tensor([1.0, 0.5, 4.0, 2.0])
        each_row = OF_ROWS[name](ROWS, CLASSES, reduction="none")
        own = weights[CLASSES]
        came = OF_ROWS[name](ROWS, CLASSES, class_weight=weights)
        torch.testing.assert_close(came, (own * each_row).sum() / own.sum())

    @each("name", OF_ROWS)
    def test_an_ignored_row_leaves_no_trace(self, name: str) -> None:
        x = torch.cat([ROWS, torch.full((1, 4), math.nan)]).requires_grad_()
        came = OF_ROWS[name](x, torch.cat([CLASSES, torch.tensor([-100])]))
        torch.testing.assert_close(came, OF_ROWS[name](ROWS, CLASSES))
        assert not slope(came, x)[3].any()

    @each("name", OF_ROWS)
    def test_a_row_without_a_class_is_told(self, name: str) -> None:
        x = ROWS.clone()
        x[1] = -math.inf
        with pytest.raises(slopes.ValuesError, match=r"`logits` is -inf in every class at entry \[1\]"):
            OF_ROWS[name](x, CLASSES)

    @each("name", OF_ROWS)
    def test_infinite_logits_on_the_right_side_are_sure(self, name: str) -> None:
        x = torch.tensor([[math.inf, 0.0, 1.0, -math.inf]], requires_grad=True)
        came = OF_ROWS[name](x, torch.tensor([0]))
        assert came.item() == 0
        assert not slope(came, x).any()
