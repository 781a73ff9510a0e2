"""The battery reaches everything: every function, every input, every option away from its default."""

from __future__ import annotations

import inspect
from typing import Final

import torch
from tests import families
from tests.each import each
from tests.laws.samples import (
    ACTIVATIONS,
    ARGUMENTS,
    CASES,
    COUPLED,
    DIFFERENTIABLE,
    LOSSES,
    MEAN_OVER_SOMETHING_ELSE,
    NOT_THE_DERIVATIVE,
    OVER_TOKENS,
    REFUSE_A_GRADIENT,
    SAMPLES,
    TOOLS_WITH_A_SLOPE,
    VARIANTS,
    Case,
)

from slopes._core.spec import Spec
from slopes.catalog import CATALOG

NAMES: Final = {spec.name for spec in CATALOG}
OF_EVERY_LOSS: Final = {"mask", "weight", "reduction", "denominator"}
# Options that no law turns, and where they are tested.
ELSEWHERE: Final = {
    ("softmax", "dim"): "tests/activations",
    ("log_softmax", "dim"): "tests/activations",
    ("log_softmax", "mask"): "tests/activations: -inf is no number to compare gradients at",
    **families.mapping("ELSEWHERE"),
}
# Variants that change nothing, and why.
IDLE: Final = {
    "batch_triplet-active": "all of the hardest triplets are active here; `all-active` turns it",
    **families.mapping("IDLE"),
}


@each("spec", CATALOG, ids=lambda spec: spec.name)
def test_every_required_argument_has_a_sample(spec: Spec) -> None:
    sampled = {of.name for of in spec.inputs} | set(ARGUMENTS.get(spec.name, {}))
    required = {
        name
        for name, parameter in inspect.signature(spec.function).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    assert required <= sampled, f"add {required - sampled} of {spec.name} to Spec.inputs, or to ARGUMENTS"


@each("spec", [s for s in CATALOG if s.kind != "tool"], ids=lambda spec: spec.name)
def test_every_option_is_turned(spec: Spec) -> None:
    """Assert that some case gives each option another value than its default."""
    of_spec = [case for case in CASES if case.spec is spec]
    turned = {name for case in of_spec for name in (*case.options, *case.inputs())}
    options = {
        name
        for name, parameter in inspect.signature(spec.function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    missed = options - turned - (OF_EVERY_LOSS if spec.reduces else set())
    assert {name for name in missed if (spec.name, name) not in ELSEWHERE} == set(), "add a variant to VARIANTS"


@each("case", CASES, ids=str)
def test_samples_fit_and_are_the_same_each_time(case: Case) -> None:
    first, again, other = case.inputs(), case.inputs(), case.inputs(seed=1)
    assert list(first) == list(again)
    tensors = [name for name, value in first.items() if isinstance(value, torch.Tensor)]
    assert all(torch.equal(first[name], again[name]) for name in tensors)
    assert any(not torch.equal(first[name], other[name]) for name in tensors)
    case(first)


@each("case", [c for c in DIFFERENTIABLE if c.label], ids=str)
def test_variants_are_not_the_default(case: Case) -> None:
    """Assert that a variant changes a value or a gradient: a sample on which an option is idle tests nothing."""
    plain = next(c for c in CASES if c.spec is case.spec and not c.label)
    numbers = []
    for one in (plain, case):
        inputs = one.leaves()
        entries = one.unreduced(inputs)
        mean = one(inputs)
        slope = torch.autograd.grad(mean.sum(), inputs[one.learned()[0]])[0]
        numbers.append((entries.detach(), mean.detach(), slope))
    idle = all(a.shape == b.shape and torch.allclose(a, b) for a, b in zip(*numbers, strict=True))
    assert idle == (str(case) in IDLE)


def test_every_function_is_in_a_battery() -> None:
    assert {case.spec.name for case in CASES} == NAMES
    assert {c.spec.name for c in LOSSES} == {spec.name for spec in CATALOG if spec.kind == "loss"}
    assert {c.spec.name for c in ACTIVATIONS} == {spec.name for spec in CATALOG if spec.kind == "activation"}
    with_slope = {c.spec.name for c in CASES if c.spec.kind == "tool" and returns_a_slope(c)}
    assert with_slope == set(TOOLS_WITH_A_SLOPE)


def returns_a_slope(case: Case) -> bool:
    inputs = {
        name: value.clone().requires_grad_() if isinstance(value, torch.Tensor) and value.is_floating_point() else value
        for name, value in case.inputs().items()
    }
    result = case(inputs)
    return isinstance(result, torch.Tensor) and result.requires_grad


@each("case", DIFFERENTIABLE, ids=str)
def test_every_case_has_something_to_learn(case: Case) -> None:
    assert case.learned()


def test_the_tables_name_functions_that_exist() -> None:
    for table in (
        ARGUMENTS,
        COUPLED,
        MEAN_OVER_SOMETHING_ELSE,
        OVER_TOKENS,
        REFUSE_A_GRADIENT,
        SAMPLES,
        TOOLS_WITH_A_SLOPE,
        VARIANTS,
    ):
        assert set(table) <= NAMES
    assert set(NOT_THE_DERIVATIVE) <= {str(case) for case in CASES}
    assert len({str(case) for case in CASES}) == len(CASES)
