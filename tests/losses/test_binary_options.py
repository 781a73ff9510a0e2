"""Options of binary cross-entropy that its definition alone does not hold: weights of elements, smoothing."""

from __future__ import annotations

import math

import torch
from tests.accuracy import assert_close

from slopes import losses as L  # noqa: N812  the name that the documentation uses

LOGITS = torch.tensor([[0.5, -2.0, 3.0], [1.0, 0.0, -0.5]])
TARGETS = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])


def test_a_weight_for_each_logit_weighs_its_positive_term_alone() -> None:
    weights = torch.tensor([[2.0, 5.0, 0.0], [7.0, 0.5, 3.0]])
    plain = L.binary_cross_entropy(LOGITS, TARGETS, reduction="none")
    came = L.binary_cross_entropy(LOGITS, TARGETS, pos_weight=weights, reduction="none")
    torch.testing.assert_close(came, torch.where(TARGETS == 1, weights, 1.0) * plain)


def test_a_row_of_weights_is_one_for_each_label() -> None:
    row = torch.tensor([2.0, 5.0, 0.5])
    by_label, by_element = (
        L.binary_cross_entropy(LOGITS, TARGETS, pos_weight=w) for w in (row, row.expand(2, 3).contiguous())
    )
    assert by_label.item() == by_element.item()


def test_smoothing_is_what_smoothed_targets_give() -> None:
    for weight in (None, 3.0, torch.tensor([2.0, 5.0, 0.5])):
        soft = 0.8 * TARGETS + 0.1
        came = L.binary_cross_entropy(LOGITS, TARGETS, pos_weight=weight, label_smoothing=0.2)
        torch.testing.assert_close(came, L.binary_cross_entropy(LOGITS, soft, pos_weight=weight))


def test_a_little_smoothing_is_not_lost_beside_1() -> None:
    """1 - (1 - ε/2) is 0 in float32 for an ε of 1e-9: a sure and right answer would cost nothing."""
    x = torch.tensor([1e6], requires_grad=True)
    loss = L.binary_cross_entropy(x, torch.ones(1), label_smoothing=1e-9)
    assert_close(loss, torch.tensor(0.5e-9 * 1e6, dtype=torch.float64))
    assert_close(torch.autograd.grad(loss, x)[0], torch.tensor([0.5e-9], dtype=torch.float64))


def test_all_smoothing_forgets_the_label() -> None:
    loss = L.binary_cross_entropy(torch.zeros(2), torch.tensor([0.0, 1.0]), label_smoothing=1.0, reduction="none")
    assert_close(loss, torch.full((2,), math.log(2), dtype=torch.float64))
