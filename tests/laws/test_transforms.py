"""Compiled, mapped and differentiated by `torch.func`, every function is what it is in eager mode."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
import torch
from tests.each import each
from tests.laws.samples import ACTIVATIONS, DIFFERENTIABLE, ONE_EACH, Case, Inputs, assert_near, gradients, some_weight
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

import slopes
from slopes import TransformError

# What torch does inside: forward mode scripts its own decompositions, tracing makes an autograd function.
pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning"),
]
# Compiled to machine code; the others stop at the graph, which takes a tenth of the time.
TO_MACHINE_CODE: Final = ("binary_cross_entropy", "cross_entropy", "swiglu")
every_case = each("case", DIFFERENTIABLE, ids=str)


def tensors_of(inputs: Inputs) -> dict[str, Tensor]:
    return {name: value for name, value in inputs.items() if isinstance(value, Tensor)}


def assert_compiles(case: Case, backend: str, **keywords: Any) -> None:  # noqa: ANN401
    """Assert that one whole graph gives the value and the gradients of eager mode."""
    torch.compiler.reset()
    inputs, names = case.leaves(torch.float32), case.learned()
    if case.spec.reduces:
        keywords = keywords | {"weight": some_weight(case.weights_shape(inputs), torch.float32)}
    wanted = case(inputs, **keywords)
    compiled = torch.compile(lambda given: case(given, **keywords), fullgraph=True, dynamic=False, backend=backend)
    result = compiled(inputs)
    assert_near(result, wanted, size=8)
    upstream = some_weight(result.shape, torch.float32)
    found = gradients(result, inputs, names, upstream)
    for slope, other in zip(found, gradients(wanted, inputs, names, upstream), strict=True):
        assert_near(slope, other, size=8)


# The first of each family; exported, all of them are in `test_compiled.py`.
FIRST = list({case.spec.family: case for case in reversed(ONE_EACH)}.values())


@each("case", FIRST, ids=str)
def test_compiled_equals_eager(case: Case) -> None:
    assert_compiles(case, "aot_eager")


@pytest.mark.long
@each("case", [case for case in ONE_EACH if case not in FIRST], ids=str)
def test_compiled_equals_eager_for_the_others(case: Case) -> None:
    assert_compiles(case, "aot_eager")


@each("case", [c for c in ACTIVATIONS if not c.label], ids=str)
def test_compiled_equals_eager_when_exact(case: Case) -> None:
    with slopes.exact():
        assert_compiles(case, "aot_eager")


@each("case", [c for c in ONE_EACH if c.spec.name in TO_MACHINE_CODE], ids=str)
def test_compiled_to_machine_code_equals_eager(case: Case) -> None:
    assert_compiles(case, "inductor")


def test_a_compiled_function_follows_the_precision() -> None:
    """Assert that the setting is read anew: the slope of the sigmoid at 20 is 0 for torch alone."""
    torch.compiler.reset()
    sigmoid = torch.compile(slopes.activations.sigmoid, fullgraph=True, backend="aot_eager")
    x = torch.tensor([20.0], requires_grad=True)
    rounded = torch.autograd.grad(sigmoid(x), x)[0]
    with slopes.exact():
        kept = torch.autograd.grad(sigmoid(x), x)[0]
    again = torch.autograd.grad(sigmoid(x), x)[0]
    assert (rounded.item(), again.item()) == (0.0, 0.0)
    assert kept.item() == pytest.approx(2.0611536e-9, rel=1e-6)


@every_case
def test_mapped_over_problems(case: Case) -> None:
    """Assert that vmap over two problems gives both."""
    first, second = (case.inputs(seed=seed) for seed in (0, 1))
    stacked = {name: torch.stack([value, second[name]]) for name, value in tensors_of(first).items()}
    rest = {name: value for name, value in first.items() if name not in stacked}
    result = torch.func.vmap(lambda given: case.unreduced(given | rest))(stacked)
    reduced = torch.func.vmap(lambda given: case(given | rest))(stacked)
    for index, inputs in enumerate((first, second)):
        assert_near(result[index], case.unreduced(inputs))
        assert_near(reduced[index], case(inputs), size=8)


@every_case
def test_differentiated_by_torch_func(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    plain = {name: value.detach() if isinstance(value, Tensor) else value for name, value in inputs.items()}

    def total(learned: dict[str, Tensor]) -> Tensor:
        return case(plain | learned).sum()

    found = torch.func.grad(total)({name: plain[name] for name in names})
    for name, slope in zip(names, gradients(case(inputs).sum(), inputs, names), strict=True):
        assert_near(found[name], slope, size=8)


@every_case
def test_gradients_of_each_problem(case: Case) -> None:
    """Assert that vmap of grad gives the gradients of two problems."""
    names = case.learned()
    both = [case.inputs(seed=seed) for seed in (0, 1)]
    stacked = {name: torch.stack([given[name] for given in both]) for name in tensors_of(both[0])}
    rest = {name: value for name, value in both[0].items() if name not in stacked}

    def total(learned: dict[str, Tensor], others: dict[str, Tensor]) -> Tensor:
        return case(learned | others | rest).sum()

    learned = {name: stacked[name] for name in names}
    others = {name: value for name, value in stacked.items() if name not in names}
    found = torch.func.vmap(torch.func.grad(total))(learned, others)
    for seed in (0, 1):
        inputs = case.leaves(seed=seed)
        for name, slope in zip(names, gradients(case(inputs).sum(), inputs, names), strict=True):
            assert_near(found[name][seed], slope, size=8)


@every_case
def test_forward_mode(case: Case) -> None:
    inputs, names = case.leaves(), case.learned()
    plain = {name: value.detach() if isinstance(value, Tensor) else value for name, value in inputs.items()}
    tangents = {name: some_weight(plain[name].shape) - 1 for name in names}
    learned = {name: plain[name] for name in names}
    value, change = torch.func.jvp(lambda given: case(plain | given), (learned,), (tangents,))
    wanted = case(inputs)
    assert_near(value, wanted, size=8)
    upstream = torch.ones_like(wanted)
    slopes_of = gradients(wanted, inputs, names, upstream)
    along = sum((slope * tangents[name]).sum() for name, slope in zip(names, slopes_of, strict=True))
    assert_near(change.sum(), torch.as_tensor(along), size=8)


@every_case
def test_a_tangent_of_a_tangent_is_right_or_refused(case: Case) -> None:
    """Torch makes it 0 for an autograd function with a jvp of its own."""
    inputs, names = case.inputs(), case.learned()
    learned = {name: inputs[name] for name in names}
    along = {name: some_weight(learned[name].shape) - 1 for name in names}

    def change(given: dict[str, Tensor]) -> Tensor:
        return torch.func.jvp(lambda at: case(inputs | at).sum(), (given,), (along,))[1]

    try:
        second = torch.func.jvp(change, (learned,), (along,))[1]
    except TransformError as refused:
        assert str(refused).endswith("use torch.func.hessian, or jacrev or grad inside or outside.")  # noqa: PT017
        return
    except RuntimeError as missing:  # an operator of torch's own
        assert re.search("is not implemented|does not support it", str(missing))  # noqa: PT017
        return
    slope = torch.func.grad(change)(learned)
    assert_near(second, torch.as_tensor(sum((slope[name] * along[name]).sum() for name in names)), size=64)


@every_case
def test_shapes_without_values(case: Case) -> None:
    """As `torch.export` and memory planners ask for them: a value and gradients, of which only shapes are known."""
    if case.label == "all-active":
        pytest.skip("what it counts needs values")
    with FakeTensorMode() as mode:
        inputs = {
            name: mode.from_tensor(value) if isinstance(value, Tensor) else value
            for name, value in case.inputs().items()
        }
        for name in case.learned():
            inputs[name] = inputs[name].detach().requires_grad_()
        value = case(inputs)
        assert value.shape == case(case.inputs()).shape
        for name, slope in zip(case.learned(), gradients(value.sum(), inputs, case.learned()), strict=True):
            assert slope.shape == inputs[name].shape
