"""Nothing broadcasts, order and memory layout do not matter, and nothing of the caller's is written to."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import torch
from tests.each import each
from tests.laws.samples import (
    CASES,
    DIFFERENTIABLE,
    LOSSES,
    OVER_TOKENS,
    ROWS,
    Case,
    Inputs,
    assert_near,
    gradients,
    on_graph,
    some_weight,
    strided,
)
from torch import Tensor

import slopes
from slopes.kernels.blocks import blockwise
from slopes.kernels.pointwise import plain

every_case = each("case", DIFFERENTIABLE, ids=str)
every_loss = each("case", LOSSES, ids=str)

# The one argument that broadcasts, as its docstring says.
BROADCASTS: Final = {"swish": "beta"}
GRAIN: Final = 20  # numbers in a block, instead of as many as a cache holds


@contextlib.contextmanager
def small_blocks() -> Iterator[None]:
    """Let blocks hold a few numbers, and memory that nobody filled be NaN."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "GRAIN", GRAIN)
        patch.setattr(plain, "LARGEST", GRAIN)
        patch.setattr(blockwise, "BLOCK_BYTES", 8 * GRAIN)
        patch.setattr(blockwise, "LEAST_ROWS", 3)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(False)


def wrong_shapes(case: Case) -> list[tuple[str, Tensor]]:
    """Return (name, what belongs there with one dimension more) for each input of rows."""
    inputs = case.inputs()
    names = case.by_row(inputs)
    if len(names) < 2 or case.spec.name in BROADCASTS:
        names = []
    return [(name, inputs[name].unsqueeze(1)) for name in names]


@each("case", CASES, ids=str)
def test_nothing_broadcasts(case: Case) -> None:
    inputs = case.inputs()
    for name, wrong in wrong_shapes(case):
        with pytest.raises(slopes.ShapeError) as caught:
            case(inputs | {name: wrong})
        text = str(caught.value)
        assert text.startswith(f"{case.spec.name}: "), text
        assert f"`{name}`" in text or any(f"`{other}`" in text for other in inputs), text
        assert len(set(re.findall(r"\[[\w., ]*\]|two dimensions", text))) > 1, f"names one shape only: {text}"
        assert "expected" in text


@every_loss
@each("name", ["mask", "weight"])
def test_masks_and_weights_do_not_broadcast(case: Case, name: str) -> None:
    inputs = case.inputs()
    shape = case.weights_shape(inputs)
    whole = torch.ones(shape, dtype=torch.bool) if name == "mask" else some_weight(shape)
    for wrong in (whole.unsqueeze(-1), whole[:1], whole.flatten()[0]):
        with pytest.raises(slopes.ShapeError) as caught:
            case(inputs, **{name: wrong})
        text = str(caught.value)
        assert text.startswith(f"{case.spec.name}: `{name}` has shape {list(wrong.shape)}"), text
        assert str(list(shape)) in text


@every_loss
def test_one_row_does_not_stand_for_all(case: Case) -> None:
    inputs = case.inputs()
    names = case.by_row(inputs)
    if len(names) < 2 or case.spec.name == "info_nce":
        pytest.skip("there is nothing to disagree with")
    for name in names:
        with pytest.raises(slopes.ShapeError):
            case(inputs | {name: inputs[name][:1]})


@every_case
def test_rows_may_come_in_any_order(case: Case) -> None:
    if case.spec.name == "prelu":
        pytest.skip("its rows are channels of nothing")
    inputs, names = case.leaves(), case.learned()
    order = torch.randperm(ROWS, generator=torch.Generator().manual_seed(1))
    moved = on_graph({n: v[order] if n in case.by_row(inputs) else v for n, v in inputs.items()}, names)
    result, other = case.unreduced(inputs), case.unreduced(moved)
    twice = torch.cat([order, order + ROWS]) if len(result.reshape(-1)) == 2 * ROWS and result.dim() == 1 else order
    if result.dim():
        assert_near(other, result[twice])
    upstream = some_weight(result.shape)
    found = gradients(other, moved, names, upstream[twice] if result.dim() else upstream)
    for name, slope, wanted in zip(names, found, gradients(result, inputs, names, upstream), strict=True):
        assert_near(slope, wanted[order] if name in case.by_row(inputs) else wanted, size=ROWS)


@every_case
def test_memory_layout_does_not_matter(case: Case) -> None:
    plain, names = case.leaves(), case.learned()
    inputs = {
        n: strided(v).detach().requires_grad_(n in names) if isinstance(v, Tensor) else v for n, v in plain.items()
    }
    for result, other in ((case(plain), case(inputs)), (case.unreduced(plain), case.unreduced(inputs))):
        assert_near(other, result, size=ROWS)
        found = gradients(other, inputs, names)
        for slope, wanted in zip(found, gradients(result, plain, names), strict=True):
            assert_near(slope, wanted, size=ROWS)


@every_case
def test_more_dimensions_are_more_rows(case: Case) -> None:
    if any(of.shape and of.shape[0] != "..." for of in case.spec.inputs):
        pytest.skip("its shape is fixed")
    inputs, names = case.leaves(), case.learned()
    boxed = {n: v.detach().unflatten(0, (2, 3)) if n in case.by_row(inputs) else v for n, v in inputs.items()}
    boxed = on_graph(boxed, names)
    result, other = case.unreduced(inputs), case.unreduced(boxed)
    assert other.shape == (2, 3, *result.shape[1:])
    assert_near(other.flatten(0, 1), result)
    found = gradients(case(boxed), boxed, names)
    for name, slope, wanted in zip(names, found, gradients(case(inputs), inputs, names), strict=True):
        assert_near(slope.flatten(0, 1) if slope.dim() > 1 and name in case.by_row(inputs) else slope, wanted)


@every_case
def test_nothing_of_the_caller_is_written_to(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    more: dict[str, Any] = {}
    if case.spec.reduces:
        shape = case.weights_shape(inputs)
        mask = torch.arange(shape.numel()).reshape(shape) % 3 != 1
        more = {"mask": mask, "weight": some_weight(shape), "denominator": torch.tensor(3.0)}
    for keywords in ({}, more):
        given: Inputs = inputs | keywords
        tensors = {n: v for n, v in given.items() if isinstance(v, Tensor)}
        before = {n: (v.detach().clone(), v._version) for n, v in tensors.items()}
        result = case(inputs, **keywords)
        upstream = torch.full_like(result, 0.5)
        torch.autograd.grad(result, [inputs[n] for n in names], upstream, retain_graph=True)
        torch.autograd.grad(result, [inputs[n] for n in names], upstream)
        assert bool((upstream == 0.5).all())
        assert upstream._version == 0
        for name, (value, version) in before.items():
            assert torch.equal(tensors[name], value), f"{name} was written to"
            assert tensors[name]._version == version, f"{name} was written to"


@every_case
def test_blocks_are_the_whole(case: Case) -> None:
    """Assert that rows which run in blocks, the last one smaller, give what they give in one go."""
    inputs, names = case.leaves(rows=2 * GRAIN + 3), case.learned()
    results = case(inputs), case.unreduced(inputs)
    wanted = [gradients(result, inputs, names) for result in results]
    with small_blocks():
        for result, slopes_wanted, calls in zip(results, wanted, (case, case.unreduced), strict=True):
            came = calls(inputs)
            assert_near(came, result, size=GRAIN)
            for slope, other in zip(gradients(came, inputs, names), slopes_wanted, strict=True):
                assert_near(slope, other, size=GRAIN)


@each("case", [c for c in LOSSES if c.spec.name in OVER_TOKENS], ids=str)
def test_losses_over_tokens_do_not_read_the_last_logits(case: Case) -> None:
    inputs = case.inputs()
    spoilt = inputs | {"logits": inputs["logits"].clone()}
    spoilt["logits"][:, -1] = float("nan")
    assert torch.equal(case(spoilt), case(inputs))
