"""Everything is made where the tensors are: whatever the default device is, and where they have no values at all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import torch
from tests import families
from tests.each import each
from tests.laws.samples import CASES, Case, Inputs
from torch import Tensor

import slopes
from slopes import LinearLogits
from slopes import losses as L  # noqa: N812  the name that the documentation uses

META: Final = torch.device("meta")
MAKERS: Final = {
    "arange", "as_tensor", "empty", "eye", "full", "linspace", "logspace", "ones", "rand", "randint", "randn",
    "randperm", "tensor", "zeros",
}  # fmt: skip
SOURCE: Final = Path(slopes.__file__).parent
# Calls that draw random numbers would have to draw the same ones again.
RANDOM: Final = ("mask_tokens", *families.sequence("DRAWS"))


@pytest.fixture
def meta_by_default() -> Iterator[None]:
    """Let whatever is made without a device have no values."""
    torch.set_default_device(META)
    yield
    torch.set_default_device(None)


def parts(result: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
    return tuple(result) if isinstance(result, tuple) else (result,)


def unmade(inputs: Inputs) -> list[Inputs]:
    """Return the inputs, and again with logits that are not made where they are rows of classes."""
    logits = inputs.get("logits")
    if not isinstance(logits, Tensor) or logits.dim() == 1:
        return [inputs]
    hidden = torch.linspace(-1, 1, 3 * logits.numel() // logits.shape[-1], device=logits.device)
    weight = torch.linspace(-1, 1, 3 * logits.shape[-1], device=logits.device).view(-1, 3).requires_grad_()
    return [inputs, inputs | {"logits": LinearLogits(hidden.view(*logits.shape[:-1], 3).requires_grad_(), weight)}]


def leaves_of(inputs: Inputs) -> list[Tensor]:
    """Return the tensors that require a gradient."""
    tensors = [t for v in inputs.values() for t in ((v.hidden, v.weight) if isinstance(v, LinearLogits) else (v,))]
    return [t for t in tensors if isinstance(t, Tensor) and t.requires_grad]


def answers(case: Case, inputs: Inputs) -> list[Tensor | None]:
    """Return value and gradients, reduced and not."""
    found: list[Tensor | None] = []
    for more in ({"reduction": "mean"}, {"reduction": "none"}) if case.spec.reduces else ({},):
        for value in parts(case(inputs, **more)):
            found.append(value)
            if value.requires_grad:
                found += torch.autograd.grad(
                    value, leaves_of(inputs), torch.ones_like(value), retain_graph=True, allow_unused=True
                )
    return found


def sampled(case: Case) -> Inputs:
    return case.inputs(torch.float32) if case.spec.kind == "tool" else case.leaves(torch.float32)


def rows_of_classes(case: Case) -> bool:
    """Whether a function takes logits that are not made."""
    never = (*families.sequence("NEVER_UNMADE"), "ctc", "transducer")
    first = case.spec.inputs[0]
    return first.name == "logits" and first.shape[-1] in ("C", "V") and case.spec.name not in never


def every(case: Case) -> list[Inputs]:
    return unmade(sampled(case)) if rows_of_classes(case) else [sampled(case)]


def test_the_default_device_is_not_asked(request: pytest.FixtureRequest) -> None:
    cases = [(case, inputs) for case in CASES if case.spec.name not in RANDOM for inputs in every(case)]
    wanted = [answers(case, inputs) for case, inputs in cases]
    request.getfixturevalue("meta_by_default")
    for (case, inputs), expected in zip(cases, wanted, strict=True):
        for came, other in zip(answers(case, inputs), expected, strict=True):
            assert (came is None) == (other is None), case
            if came is not None and other is not None:
                assert came.device.type == "cpu", case
                assert torch.equal(came.nan_to_num(7.0), other.nan_to_num(7.0)), case


def moved(value: Any) -> Any:  # noqa: ANN401
    """Return a tensor, or logits that are not made, without values."""
    if isinstance(value, LinearLogits):
        return LinearLogits(moved(value.hidden), moved(value.weight))
    return value.detach().to(META).requires_grad_(value.requires_grad) if isinstance(value, Tensor) else value


@each("exact", [False, True], ids=["default", "exact"])
def test_meta_tensors_give_meta_tensors(exact: bool) -> None:  # noqa: FBT001
    """Assert that shapes and dtypes are those of real tensors, backward too."""
    for case in CASES:
        if exact and case.spec.kind != "activation":
            continue
        for inputs in every(case):
            without = {name: moved(value) for name, value in inputs.items()}
            with slopes.exact(exact):
                pairs = zip(answers(case, without), answers(case, inputs), strict=True)
                for came, real in pairs:
                    assert (came is None) == (real is None), case
                    if came is not None and real is not None:
                        assert came.is_meta, case
                        assert (came.shape, came.dtype) == (real.shape, real.dtype), case


def test_the_queue_works_without_values() -> None:
    queue = L.MomentumQueue(4, 3).to(META)
    keys = torch.zeros(2, 3, device=META, requires_grad=True)
    queue.enqueue(keys)
    loss = queue(keys, keys)
    assert loss.is_meta
    assert torch.autograd.grad(loss, keys)[0].shape == keys.shape


@pytest.mark.usefixtures("meta_by_default")
def test_modules_are_made_on_the_default_device() -> None:
    assert slopes.activations.PReLU(channels=2).slope.is_meta
    assert L.MomentumQueue(4, 3).keys.is_meta
    assert repr(slopes.activations.PReLU(slope=0.5)) == "PReLU()"


def functions_in(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    """Yield the functions but for constructors, whose tensors belong on the default device."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name != "__init__")


def test_no_function_makes_a_tensor_without_saying_where() -> None:
    wrong = []
    rooms = [path for room in ("_core", "kernels", "activations", "losses") for path in (SOURCE / room).rglob("*.py")]
    for path in rooms:
        for function in functions_in(ast.parse(path.read_text("utf-8"))):
            for call in ast.walk(function):
                if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                    continue
                named = ast.unparse(call.func.value) == "torch" and call.func.attr in MAKERS
                if named and not {"device", None} & {keyword.arg for keyword in call.keywords}:  # None: two stars
                    wrong.append(f"{path.name}:{call.lineno} {ast.unparse(call)}")
    assert wrong == []
