"""Slopes are the derivatives of values: once, twice, forwards, for any upstream gradient and any set of leaves."""

from __future__ import annotations

import inspect
import itertools
import re
from typing import Final

import pytest
import torch
from tests.each import each
from tests.laws.samples import (
    ACTIVATIONS,
    DIFFERENTIABLE,
    LOSSES,
    REFUSE_A_GRADIENT,
    Case,
    assert_near,
    gradients,
    on_graph,
    some_weight,
)
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

import slopes

# torch's forward mode scripts its own decompositions the first time that it is asked.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
CLOSE: Final = {"rtol": 1e-5, "atol": 1e-7}  # torch's own would let a factor of 1.001 pass
FEW: Final = {"rows": 3, "C": 3, "D": 2, "T": 3, "V": 3}  # the check differentiates by every number of every input
# torch's own kernel has no second derivative; there is none to be missed, the slope being flat between the kinks.
NOT_TWICE: Final = ("hard_sigmoid",)

every_case = each("case", DIFFERENTIABLE, ids=str)
every_loss = each("case", LOSSES, ids=str)
every_derivative = each("case", [c for c in DIFFERENTIABLE if c.is_derivative], ids=str)


def assert_derivatives(case: Case, *, second: bool = True, fast: bool = False, **keywords: object) -> None:
    """Assert first derivatives, backwards and forwards, and second ones along random directions."""
    names = case.learned()
    inputs = case.leaves(**FEW)
    learned = [inputs[name] for name in names]

    def of(*leaves: Tensor) -> Tensor:
        return case(inputs | dict(zip(names, leaves, strict=True)), **keywords)

    with slopes.checks(values=False):  # a distribution that is moved in one entry no longer sums to 1
        assert gradcheck(of, learned, check_forward_ad=True, fast_mode=fast, **CLOSE)
        if second:
            assert gradgradcheck(of, learned, fast_mode=True, **CLOSE)


@every_derivative
def test_slopes_are_the_derivatives_of_values(case: Case) -> None:
    second = case.spec.name not in NOT_TWICE
    assert_derivatives(case, second=second, **({"reduction": "none"} if case.spec.reduces else {}))


@each("name", NOT_TWICE)
def test_torch_has_no_second_derivative_where_none_is_asked_for(name: str) -> None:
    case = next(c for c in ACTIVATIONS if str(c) == name)
    assert case.spec.smooth == "no"
    inputs = case.leaves()
    slope = torch.autograd.grad(case(inputs).sum(), inputs["x"], create_graph=True)[0]
    with pytest.raises(RuntimeError, match="is not implemented"):
        slope.sum().backward()


@each("case", [c for c in ACTIVATIONS if c.is_derivative], ids=str)
def test_audited_slopes_are_the_derivatives_of_values(case: Case) -> None:
    with slopes.exact():
        assert_derivatives(case)


@each("case", [c for c in LOSSES if c.is_derivative], ids=str)
def test_slopes_of_a_weighted_mean_are_the_derivatives_of_values(case: Case) -> None:
    shape = case.weights_shape(case.inputs(**FEW))
    mask = torch.ones(shape, dtype=torch.bool)
    mask[1] = False
    assert_derivatives(case, mask=mask, weight=some_weight(shape), fast=True)


@every_loss
@pytest.mark.filterwarnings("ignore:.*looks like weights of the classes:slopes.SuspiciousInputWarning")  # as many rows
def test_gradient_by_the_weight(case: Case) -> None:
    inputs = case.inputs(**FEW)
    weight = some_weight(case.weights_shape(inputs)).requires_grad_()
    assert gradcheck(lambda w: case(inputs, weight=w), [weight], **CLOSE)


@every_loss
def test_any_upstream_scalar(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    once = gradients(case(inputs), inputs, names)
    for factor in (-2.5, 0.0, 1e-3):
        scaled = gradients(case(inputs), inputs, names, torch.tensor(factor, dtype=torch.float64))
        for came, wanted in zip(scaled, once, strict=True):
            assert_near(came, factor * wanted)


@every_case
def test_any_upstream_of_each_entry(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    shape = case.unreduced(inputs).shape
    upstream = some_weight(shape) - 1
    came = gradients(case.unreduced(inputs), inputs, names, upstream)
    wanted = gradients((case.unreduced(inputs) * upstream).sum(), inputs, names)
    for slope, other in zip(came, wanted, strict=True):
        assert_near(slope, other)
    one_for_all = torch.tensor(1.5, dtype=torch.float64).expand(shape)
    came = gradients(case.unreduced(inputs), inputs, names, one_for_all)
    wanted = gradients(case.unreduced(inputs), inputs, names, one_for_all.contiguous())
    for slope, other in zip(came, wanted, strict=True):
        assert_near(slope, other)


@every_case
def test_a_second_backward_equals_the_first(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    result = case(inputs).sum()
    result.backward(retain_graph=True)
    first = {name: inputs[name].grad.clone() for name in names}
    result.backward()
    for name in names:
        assert torch.equal(inputs[name].grad, 2 * first[name]), f"gradients by {name} do not add up"


@every_case
def test_any_set_of_leaves(case: Case) -> None:
    names, inputs = case.learned(), case.leaves()
    whole = dict(zip(names, gradients(case(inputs), inputs, names), strict=True))
    value = case(inputs).detach()
    for count in range(len(names)):
        for some in itertools.combinations(names, count):
            part = on_graph(case.inputs(), some)
            result = case(part)
            assert_near(result, value)
            assert result.requires_grad == bool(some)
            for name, slope in zip(some, gradients(result, part, some) if some else [], strict=True):
                assert_near(slope, whole[name])


@every_case
def test_nothing_is_on_the_graph_where_no_gradient_is_wanted(case: Case) -> None:
    inputs = case.leaves()
    with torch.no_grad():
        assert not case(inputs).requires_grad


@each("case", [c for c in LOSSES if c.spec.name in REFUSE_A_GRADIENT], ids=str)
def test_an_input_that_has_no_gradient_is_not_asked_for_one(case: Case) -> None:
    for name in REFUSE_A_GRADIENT[case.spec.name]:
        if name not in case.inputs() or not case.inputs()[name].is_floating_point():
            continue
        with pytest.raises(slopes.OptionError, match=f"{case.spec.name}: `{name}` requires a gradient"):
            case(on_graph(case.inputs(), [name]))


@every_case
def test_the_docstring_says_which_inputs_are_constants(case: Case) -> None:
    text = inspect.getdoc(case.spec.function) or ""
    for of in case.spec.inputs:
        if (
            of.holds in ("class_index", "token", "label", "length", "boolean", "hard_label", "sign")
            or of.name not in case.inputs()
        ):
            continue
        entry = re.search(rf"^    {of.name}: (.*?)(?=^    \w+: |^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        assert entry, f"Args does not name {of.name}"
        says = bool(re.search(r"\bconstant\b", entry[1]))
        assert says == (of.name not in case.learned()) or "likewise" in entry[1], f"{of.name}: {entry[1]}"
