"""16-bit input is computed in float32 and rounded once; precisions never mix silently; autocast changes nothing."""

from __future__ import annotations

from typing import Final

import pytest
import torch
from tests import families
from tests.accuracy import unit
from tests.each import each
from tests.laws.samples import (
    CASES,
    DIFFERENTIABLE,
    LOSSES,
    ONE_EACH,
    Case,
    Inputs,
    assert_near,
    gradients,
    on_graph,
    some_weight,
)
from torch import Tensor

import slopes

NARROW: Final = (torch.float16, torch.bfloat16)
every_case = each("case", DIFFERENTIABLE, ids=str)
every_loss = each("case", LOSSES, ids=str)
both_narrow = each("dtype", NARROW, ids=["float16", "bfloat16"])
BOOLEANS_TOO: Final = families.sequence("BOOLEANS_TOO")


def widened(inputs: Inputs, names: list[str]) -> Inputs:
    """Return the same numbers in float64."""
    wide = {n: v.detach().double() if isinstance(v, Tensor) and v.is_floating_point() else v for n, v in inputs.items()}
    return on_graph(wide, names)


def assert_rounded_once(came: Tensor, exact: Tensor, what: str) -> None:
    """Assert that 16-bit numbers are the exact ones after an error of float32 and one rounding."""
    scale = max(1.0, float(exact.abs().max()))
    half_a_unit = 0.5 * unit(came.dtype) * exact.abs().clamp(min=torch.finfo(came.dtype).smallest_normal)
    allowed = 1.01 * half_a_unit + 64 * unit(torch.float32) * scale
    errors = (came.double() - exact).abs()
    assert bool((errors <= allowed).all()), f"{what} is {came}, exactly {exact}"


def is_kept(case: Case) -> bool:
    """Whether the result has the dtype of the input."""
    return case.spec.kind == "activation"


@every_case
@both_narrow
def test_16_bit_input_is_computed_in_float32(case: Case, dtype: torch.dtype) -> None:
    inputs, names = case.leaves(dtype), case.learned()
    exact = widened(inputs, names)
    with slopes.exact(), slopes.checks(values=False):  # rounded to 16 bits, a distribution does not sum to 1
        result, wanted = case.unreduced(inputs), case.unreduced(exact)
    assert result.dtype == (dtype if is_kept(case) else torch.float32)
    if is_kept(case):
        assert_rounded_once(result.detach(), wanted.detach(), "value")
    else:
        assert_near(result, wanted, size=4)
    found = gradients(result, inputs, names)
    for name, slope, other in zip(names, found, gradients(wanted, exact, names), strict=True):
        assert slope.dtype == dtype
        assert_rounded_once(slope, other, f"gradient by {name}")


@every_loss
@both_narrow
def test_16_bit_losses_are_reduced_in_float32(case: Case, dtype: torch.dtype) -> None:
    inputs, names = case.leaves(dtype), case.learned()
    exact = widened(inputs, names)
    weight = some_weight(case.weights_shape(inputs))
    with slopes.checks(values=False):
        result, wanted = case(inputs, weight=weight.to(dtype)), case(exact, weight=weight.to(dtype).double())
    assert result.dtype == torch.float32
    assert_near(result, wanted, size=8)
    for name, slope, other in zip(
        names, gradients(result, inputs, names), gradients(wanted, exact, names), strict=True
    ):
        assert slope.dtype == dtype
        assert_rounded_once(slope, other, f"gradient by {name}")


@every_case
def test_float32_and_float64_stay(case: Case) -> None:
    for dtype in (torch.float32, torch.float64):
        inputs, names = case.leaves(dtype), case.learned()
        result = case(inputs)
        assert result.dtype == dtype
        assert all(slope.dtype == dtype for slope in gradients(result, inputs, names))


@every_case
def test_float32_is_near_float64(case: Case) -> None:
    inputs, names = case.leaves(torch.float32, spread=3.0), case.learned()
    exact = widened(inputs, names)
    with slopes.exact(), slopes.checks(values=False):
        result, wanted = case.unreduced(inputs), case.unreduced(exact)
    assert_near(result, wanted, size=8)
    for slope, other in zip(gradients(result, inputs, names), gradients(wanted, exact, names), strict=True):
        assert_near(slope, other, size=8)


@each("case", CASES, ids=str)
def test_numbers_that_are_not_floating_are_refused(case: Case) -> None:
    inputs = case.inputs()
    for name, value in inputs.items():
        if not isinstance(value, Tensor) or not value.is_floating_point():
            continue
        for wrong in (value.long(), value.detach().bool(), value.to(torch.complex64)):
            if case.spec.name == "cross_entropy" and name == "targets":
                continue  # integers are class indices there
            if name == "targets" and wrong.dtype == torch.bool and case.spec.name in BOOLEANS_TOO:
                continue
            assert_refused(case, inputs | {name: wrong}, name)


@each("case", CASES, ids=str)
def test_indices_and_booleans_of_another_dtype_are_refused(case: Case) -> None:
    inputs = case.inputs()
    for name, value in inputs.items():
        if not isinstance(value, Tensor) or value.is_floating_point():
            continue
        wrong = value.to(torch.int32) if value.dtype == torch.int64 else value.to(torch.uint8)
        assert_refused(case, inputs | {name: wrong}, name)


@each("case", CASES, ids=str)
def test_what_is_no_tensor_is_refused(case: Case) -> None:
    inputs = case.inputs()
    for of in case.spec.inputs:
        if of.optional or of.name not in inputs:
            continue
        assert_refused(case, inputs | {of.name: "a string"}, of.name)
        if of.shape:
            assert_refused(case, inputs | {of.name: [[1.0]]}, of.name)


@each("case", [c for c in CASES if len(c.inputs()) > 1], ids=str)
def test_float64_does_not_meet_float32(case: Case) -> None:
    inputs = case.inputs()
    for name, value in inputs.items():
        others = [v for n, v in inputs.items() if n != name and isinstance(v, Tensor) and v.is_floating_point()]
        if isinstance(value, Tensor) and value.is_floating_point() and others:
            assert_refused(case, inputs | {name: value.float()}, name)


def assert_refused(case: Case, inputs: Inputs, name: str) -> None:
    """Assert a `DtypeError` that names function and argument."""
    with pytest.raises((slopes.DtypeError, slopes.OptionError)) as caught:
        case(inputs)
    text = str(caught.value)
    assert text.startswith(f"{case.spec.name}: "), text
    assert f"`{name}`" in text, text
    assert "expected" in text


@every_loss
def test_a_weight_of_another_precision_is_refused(case: Case) -> None:
    inputs = case.inputs()
    weight = some_weight(case.weights_shape(inputs), torch.float32)
    with pytest.raises(slopes.DtypeError, match=f"{case.spec.name}: `weight`"):
        case(inputs, weight=weight)


@each("case", ONE_EACH, ids=str)
@each("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_autocast_changes_nothing(case: Case, dtype: torch.dtype) -> None:
    inputs, names = case.leaves(dtype), case.learned()
    wanted = case.unreduced(inputs)
    slopes_wanted = gradients(wanted, inputs, names)
    with torch.autocast("cpu", torch.bfloat16):
        result = case.unreduced(inputs)
        reduced = case(inputs)
    assert result.dtype == wanted.dtype
    assert torch.equal(result, wanted)
    assert_near(reduced, case(inputs))
    for slope, other in zip(gradients(result, inputs, names), slopes_wanted, strict=True):
        assert torch.equal(slope, other)
