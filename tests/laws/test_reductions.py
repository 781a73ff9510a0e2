"""Weights, masks, divisors and reductions mean the same in every loss; what does not count leaves no trace."""

from __future__ import annotations

import math
from typing import Final

import pytest
import torch
from tests.each import each
from tests.laws.samples import (
    COUPLED,
    DIFFERENTIABLE,
    LOSSES,
    MEAN_OVER_SOMETHING_ELSE,
    ROWS,
    Case,
    Inputs,
    assert_near,
    gradients,
    on_graph,
    some_weight,
)
from torch import Tensor

STRANGE: Final = (math.nan, math.inf, -math.inf)
every_case = each("case", DIFFERENTIABLE, ids=str)
every_loss = each("case", LOSSES, ids=str)
every_mean = each("case", [c for c in LOSSES if c.spec.name not in MEAN_OVER_SOMETHING_ELSE], ids=str)


def some_mask(case: Case, inputs: Inputs) -> Tensor:
    shape = case.weights_shape(inputs)
    return (torch.arange(math.prod(shape)) % 3 != 1).reshape(shape)


def rows(inputs: Inputs, case: Case, which: slice | Tensor) -> Inputs:
    """Return the inputs of some rows."""
    return {name: value[which] if name in case.by_row(inputs) else value for name, value in inputs.items()}


@every_loss
def test_the_sum_is_the_sum_of_the_entries(case: Case) -> None:
    inputs = case.inputs()
    weight, mask = some_weight(case.weights_shape(inputs)), some_mask(case, inputs)
    for keywords in ({}, {"mask": mask}, {"weight": weight}, {"mask": mask, "weight": weight}):
        entries = case(inputs, reduction="none", **keywords)
        total = case(inputs, reduction="sum", **keywords)
        assert total.shape == ()
        assert_near(total, entries.sum(), terms=entries, size=entries.numel())


@every_mean
def test_the_mean_divides_by_the_weights_that_count(case: Case) -> None:
    inputs = case.inputs()
    weight, mask = some_weight(case.weights_shape(inputs)), some_mask(case, inputs)
    counts = case.counts(inputs)
    for keywords, factor in (
        ({}, torch.ones_like(counts)),
        ({"mask": mask}, case.over_entries(mask.double())),
        ({"weight": weight}, case.over_entries(weight)),
        ({"mask": mask, "weight": weight}, case.over_entries(mask * weight)),
    ):
        entries = case(inputs, reduction="none", **keywords)
        if case.spec.name == "nt_xent" and "mask" in keywords:
            factor = factor * factor.roll(len(factor) // 2).sign()  # noqa: PLW2901  a view leaves with its partner
        came = case(inputs, **keywords)
        assert_near(
            came,
            entries.sum() / (factor * counts).sum(),
            terms=entries,
            size=entries.numel(),
        )


@every_loss
def test_weights_multiply_entries_and_masks_are_weights_of_0_and_1(case: Case) -> None:
    inputs = case.inputs()
    weight, mask = some_weight(case.weights_shape(inputs)), some_mask(case, inputs)
    plain = case(inputs, reduction="none")
    weighted = case(inputs, reduction="none", weight=weight)
    assert_near(weighted, plain * case.over_entries(weight), terms=plain)
    for reduction in ("none", "sum", "mean"):
        masked = case(inputs, reduction=reduction, mask=mask)
        likewise = case(inputs, reduction=reduction, weight=mask.double())
        assert_near(likewise, masked, terms=masked)


@every_loss
def test_the_denominator_replaces_the_divisor(case: Case) -> None:
    inputs = case.inputs()
    weight = some_weight(case.weights_shape(inputs))
    total = case(inputs, reduction="sum", weight=weight)
    for denominator in (7.5, torch.tensor(7.5, dtype=torch.float64), torch.tensor(7.5)):
        came = case(inputs, weight=weight, denominator=denominator)
        assert_near(came, total / 7.5, terms=total, size=ROWS)


@each("case", [c for c in LOSSES if c.spec.name not in COUPLED], ids=str)
def test_micro_batches_add_up_to_the_full_batch(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    weight = some_weight(case.weights_shape(inputs))
    counted = (case.over_entries(weight) * case.counts(inputs)).sum()
    whole = case(inputs, weight=weight)
    wanted = gradients(whole, inputs, names)
    parts = [
        case(rows(inputs, case, part), weight=weight[part], denominator=counted)
        for part in (slice(0, 1), slice(1, 4), slice(4, ROWS))
    ]
    together = torch.stack(parts).sum()
    assert_near(together, whole, terms=whole, size=ROWS)
    for slope, other in zip(gradients(together, inputs, names), wanted, strict=True):
        assert_near(slope, other, terms=other, size=ROWS)


@every_loss
@each("strange", STRANGE)
def test_what_does_not_count_leaves_no_trace(case: Case, strange: float) -> None:
    clean = case.inputs()
    shape = case.weights_shape(clean)
    row = 2
    mask = torch.ones(shape, dtype=torch.bool)
    mask[row] = False
    if case.spec.name == "nt_xent":
        mask[row + ROWS] = False
    names = case.learned()
    spoilt = {}
    for name, value in clean.items():
        spoilt[name] = value
        if name in case.by_row(clean) and value.is_floating_point():
            spoilt[name] = value.clone()
            spoilt[name][row] = strange
    clean, spoilt = on_graph(clean, names), on_graph(spoilt, names)
    for keywords in ({"mask": mask}, {"weight": mask.double()}, {"mask": mask, "weight": some_weight(shape)}):
        for reduction in ("mean", "sum", "none"):
            wanted = case(clean, reduction=reduction, **keywords)
            came = case(spoilt, reduction=reduction, **keywords)
            assert torch.equal(came, wanted), f"{reduction} is {came} beside {strange}, {wanted} without"
            found = gradients(came, spoilt, names)
            for name, slope, other in zip(names, found, gradients(wanted, clean, names), strict=True):
                assert torch.equal(slope, other), f"gradient by {name} is {slope}, {other} without {strange}"
                if name in case.by_row(clean):
                    assert not slope[row].any()


@every_loss
def test_targets_that_do_not_count_may_be_anything(case: Case) -> None:
    clean = case.inputs()
    row = 2
    garbage = {"class_index": -1, "token": 10**6, "hard_label": 7, "probability": -3, "sign": 0, "log_probability": 5.0}
    spoilt = {
        i.name: clean[i.name].clone()
        for i in case.spec.inputs
        if i.holds in garbage and i.name in case.by_row(clean) and clean[i.name].dim() <= 2
    }
    if not spoilt:
        pytest.skip("no input has a domain")
    for i in case.spec.inputs:
        if i.name in spoilt:
            spoilt[i.name][row] = garbage[i.holds]
    mask = torch.ones(case.weights_shape(clean), dtype=torch.bool)
    mask[row] = False
    assert torch.equal(case(clean | spoilt, mask=mask), case(clean, mask=mask))


@every_loss
def test_nothing_counts(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    shape = case.weights_shape(inputs)
    nothing = torch.zeros(shape, dtype=torch.bool)
    for keywords in (
        {"mask": nothing},
        {"weight": torch.zeros(shape, dtype=torch.float64)},
        {"mask": nothing, "denominator": 0.0},
        {"mask": nothing, "denominator": torch.tensor(0.0)},
    ):
        loss = case(inputs, **keywords)
        assert loss.item() == 0
        for slope in gradients(loss, inputs, names):
            assert not slope.any()


@every_case
def test_an_empty_batch_is_0_on_the_graph(case: Case) -> None:
    if case.spec.name == "prelu":
        pytest.skip("takes no batch")
    inputs = case.inputs()
    empty = rows(inputs, case, slice(0))
    if case.spec.name == "info_nce":
        empty["keys"] = inputs["keys"]
    empty = on_graph(empty, case.learned())
    names = case.learned()
    result = case(empty)
    if case.spec.reduces:
        assert result.shape == ()
        assert result.item() == 0
        assert case(empty, reduction="none").numel() == 0
        assert case(empty, reduction="sum").item() == 0
    for name, slope in zip(names, gradients(result, empty, names), strict=True):
        assert slope.shape == empty[name].shape
        assert not slope.any()


@every_mean
def test_one_row_is_its_own_mean(case: Case) -> None:
    inputs = case.leaves(rows=1)
    entries = case.unreduced(inputs)
    if case.spec.name == "sft":
        inputs["response_mask"] = torch.ones_like(inputs["response_mask"])
        entries = case.unreduced(inputs)
    if (case.counts(inputs) == 0).any():
        pytest.skip("the row does not count")
    mean = (entries / case.counts(inputs)).mean() if "class_weight" in inputs else entries.mean()
    assert_near(case(inputs), mean, terms=entries, size=entries.numel())
    for slope in gradients(entries, inputs, case.learned()):
        assert bool(slope.isfinite().all())


@every_case
@pytest.mark.filterwarnings("ignore:.*has one class:slopes.SuspiciousInputWarning")
def test_one_class_or_one_dimension_is_finite(case: Case) -> None:
    if case.options.get("blank"):
        pytest.skip("the blank would be no class")
    inputs = case.leaves(C=1, D=1, V=1, T=2)
    if case.spec.name in ("next_token", "sft", "masked_lm", "token_log_probs", "sequence_log_prob", "perplexity"):
        inputs = {n: torch.zeros_like(v) if v.dtype == torch.int64 else v for n, v in inputs.items()}
    if case.spec.name in ("cross_entropy", "softmax_focal", "multiclass_hinge") or case.spec.name == "distillation":
        inputs = {n: v if v.is_floating_point() else torch.zeros_like(v) for n, v in inputs.items()}
    for result in (case.unreduced(inputs), case(inputs)):
        assert bool(result.isfinite().all())
        for slope in gradients(result, inputs, case.learned()):
            assert bool(slope.isfinite().all())
