"""Input that is legal and probably a mistake."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import pytest
import torch
from tests.each import each
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core import suspicion


def test_probabilities_where_logits_belong() -> None:
    probabilities = torch.linspace(0.01, 0.99, 32)
    with pytest.warns(slopes.SuspiciousInputWarning) as caught:
        suspicion.not_probabilities("f", probabilities, rows=False)
    assert str(caught[0].message) == (
        "f: `logits` all lie in [0, 1], which looks like probabilities where logits belong; "
        "pass the scores before sigmoid or softmax, the loss applies it."
    )
    with pytest.warns(slopes.SuspiciousInputWarning, match="and each row sums to 1"):
        suspicion.not_probabilities("f", torch.randn(8, 4).softmax(-1), rows=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        suspicion.not_probabilities("f", probabilities[:15], rows=False)  # too few to tell
        suspicion.not_probabilities("f", torch.zeros(32), rows=False)  # a head that starts at 0
        suspicion.not_probabilities("f", probabilities - 0.5, rows=False)
        suspicion.not_probabilities("f", torch.ones(8, 4) / 4, rows=True)
    with pytest.warns(slopes.SuspiciousInputWarning, match=r"lie in \[0, 1\], which looks"):  # of sigmoids
        suspicion.not_probabilities("f", probabilities.reshape(8, 4), rows=True)


@each("loss", [L.dpo, L.ipo])
def test_losses_where_log_probabilities_belong(loss: Callable[..., Tensor]) -> None:
    """The negative log-likelihood of a library of language models, handed over as it is, trains backwards."""
    below, above = torch.full((4,), -12.0), torch.full((4,), 12.0)
    with pytest.warns(
        slopes.SuspiciousInputWarning, match="`policy_chosen`, .* are all above 0, .* pass their negativ"
    ):
        loss(above, above, above, above)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(above, above, above, below)
        loss(*[torch.full((4,), 1e-6)] * 4)  # certain answers, rounded


def test_losses_where_log_probabilities_of_single_answers_belong() -> None:
    with pytest.warns(slopes.SuspiciousInputWarning, match="kto: `policy`, `reference` are all above 0"):
        L.kto(torch.tensor([7.0]), torch.tensor([8.0]), torch.tensor([True]), 0.0)


@each("loss", [L.cross_entropy, L.softmax_focal, L.multiclass_hinge, L.masked_lm])
def test_one_class_learns_nothing(loss: Callable[..., Tensor]) -> None:
    logits, targets = torch.tensor([[1.0], [-2.0]]), torch.tensor([0, 0])
    with pytest.warns(slopes.SuspiciousInputWarning, match=r"has one class, .* binary_cross_entropy\(") as caught:
        loss(logits, targets)
    name = "scores" if loss is L.multiclass_hinge else "logits"
    assert f"binary_cross_entropy({name}.squeeze(-1), targets.float())" in str(caught[0].message)
    assert L.binary_cross_entropy(logits.squeeze(-1), targets.float()) > 0  # the fix


def test_one_class_of_distributions_and_of_a_student() -> None:
    with pytest.warns(slopes.SuspiciousInputWarning, match="cross_entropy: `logits` has one class"):
        L.cross_entropy(torch.zeros(3, 1), torch.ones(3, 1))
    with pytest.warns(slopes.SuspiciousInputWarning, match="distillation: `student` has one class"):
        L.distillation(torch.zeros(3, 1), torch.zeros(3, 1), alpha=0.0)
    with slopes.checks(values=False), warnings.catch_warnings():
        warnings.simplefilter("error")
        L.cross_entropy(torch.zeros(3, 1), torch.ones(3, 1))


def test_sigmoids_where_logits_belong() -> None:
    with pytest.warns(slopes.SuspiciousInputWarning, match="cross_entropy: .* before sigmoid or softmax"):
        L.cross_entropy(torch.randn(8, 4).sigmoid(), torch.zeros(8, dtype=torch.int64))


@each("loss", [L.cross_entropy, L.softmax_focal, L.multiclass_hinge])
def test_weights_of_classes_where_those_of_rows_belong(loss: Callable[..., Tensor]) -> None:
    """As many rows as classes: only rows of one class that weigh differently tell."""
    logits, targets = torch.arange(9.0).reshape(3, 3).sin(), torch.tensor([0, 0, 2])
    weight = torch.tensor([1.0, 2.0, 3.0])
    fix = r"weight=weight\[targets\]" if loss is L.multiclass_hinge else "class_weight=weight"
    with pytest.warns(slopes.SuspiciousInputWarning, match=f"3 rows and 3 classes, .* pass those as {fix}"):
        loss(logits, targets, weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loss(logits, targets, weight=weight[targets])  # what class weights mean, row by row
        loss(logits, targets, weight=weight, mask=torch.tensor([True, False, True]))
        loss(logits[:2], targets[:2], weight=weight[:2])
        if loss is not L.multiclass_hinge:
            loss(logits, targets, class_weight=weight)  # the fix


def test_weights_of_labels_in_the_second_dimension() -> None:
    logits, targets = torch.arange(16.0).reshape(1, 2, 4, 2).sin(), torch.ones(1, 2, 4, 2)
    weight = torch.tensor([1.0, 5.0])
    with pytest.warns(slopes.SuspiciousInputWarning, match="`pos_weight` is taken for the last dimension of"):
        L.binary_cross_entropy(logits, targets, pos_weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        L.binary_cross_entropy(logits, targets, pos_weight=torch.tensor([5.0, 5.0]))
        L.binary_cross_entropy(logits.movedim(1, -1), targets.movedim(1, -1), pos_weight=weight)
