"""Sizes of 0, in every dimension of every function: an empty result, 0 with a graph, or a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import torch
from tests.each import each
from tests.laws.samples import BY_ROW, CASES, LOSSES, REFUSE_A_GRADIENT, SHARED, Case, Inputs, on_graph
from torch import Tensor

import slopes
from slopes import SlopesError
from slopes import activations as A  # noqa: N812  the name that the documentation uses

# Dimensions whose size another one gives, and those that a size of 0 makes no sense for.
FOLLOWS: Final = ("T+1", "M")
# Scores, of which no text has none: NaN, as their docstrings say.
NO_ANSWER: Final = ("perplexity", "sequence_log_prob")


def dimensions(case: Case) -> Iterator[str]:
    """Yield the names of the dimensions of a function's inputs."""
    names = {name for of in case.spec.inputs for name in of.shape}
    yield from sorted(name for name in names if not name.isdigit() and name not in FOLLOWS)


def emptied(case: Case, dimension: str) -> Inputs:
    """Return inputs with a dimension of size 0: cut off of inputs of size 1, of which targets are possible."""
    sizes: dict[str, int] = {"rows": 1} if dimension in BY_ROW else {dimension: 1}
    shapes = {of.name: of.shape for of in case.spec.inputs}
    whole = case.inputs(torch.float32, **sizes)
    cut: Inputs = {}
    for name, value in whole.items():
        shape = shapes.get(name, ())
        if isinstance(value, Tensor) and value.dim() == len(shape):
            for place, of in enumerate(shape):
                value = value.narrow(place, 0, 0) if of == dimension else value  # noqa: PLW2901  cut again and again
        elif isinstance(value, Tensor) and value.dim() and name not in SHARED and dimension in BY_ROW:
            value = value[:0]  # noqa: PLW2901
        elif isinstance(value, Tensor) and value.dim() and name != "pos_weight" and dimension == "C":
            value = value[..., :0]  # noqa: PLW2901
        cut[name] = value
    floating = [n for n, v in cut.items() if isinstance(v, Tensor) and v.is_floating_point()]
    return on_graph(cut, [n for n in floating if n not in REFUSE_A_GRADIENT.get(case.spec.name, ())])


def attempt(case: Case, inputs: Inputs, **more: Any) -> tuple[Tensor, ...] | str:  # noqa: ANN401
    """Return the results after a backward pass, or the sentence that came instead."""
    try:
        result = case(inputs, **more)
        results: tuple[Tensor, ...] = tuple(result) if isinstance(result, tuple) else (result,)
        leaves = [v for v in inputs.values() if isinstance(v, Tensor) and v.requires_grad]
        for part in results:
            if part.requires_grad:
                for slope in torch.autograd.grad(part.sum(), leaves, retain_graph=True, allow_unused=True):
                    assert slope is None or bool(slope.isfinite().all()), f"{case}: a gradient of nothing is {slope}"
    except SlopesError as error:
        return str(error)
    return results


@each("values", [True, False], ids=["checked", "unchecked"])
def test_a_size_of_0_is_no_accident(values: bool) -> None:  # noqa: FBT001
    """Assert that no error of torch's comes out, whether the values are looked at or, as on a GPU, not."""
    for case in CASES:
        for exact in (False, True) if case.spec.kind == "activation" else (False,):
            for dimension in dimensions(case):
                inputs = emptied(case, dimension)
                for more in [{"reduction": r} for r in ("mean", "sum", "none")] if case.spec.reduces else [{}]:
                    with slopes.checks(values=values), slopes.exact(exact):
                        try:
                            results = attempt(case, inputs, **more)
                        except (RuntimeError, IndexError, ZeroDivisionError) as error:
                            pytest.fail(f"{case}, {dimension} = 0, {more}: {type(error).__name__}: {error}")
                    if isinstance(results, str):
                        assert results.startswith(f"{case.spec.name}: `"), results
                        assert re.search(r"expected .*; .*\.$", results), results
                        assert dimension not in BY_ROW, f"a batch of nothing is refused: {results}"
                        continue
                    for part in results if case.spec.name not in NO_ANSWER else ():
                        assert not part.is_floating_point() or bool(part.isfinite().all()), f"{case}, {dimension}"


def test_a_loss_of_nothing_is_0_with_a_graph() -> None:
    for case in LOSSES:
        inputs = emptied(case, "N" if case.spec.inputs[0].shape[0] == "N" else case.spec.inputs[0].shape[0])
        for reduction in ("mean", "sum"):
            value = case(inputs, reduction=reduction)
            assert value.item() == 0, case
            assert value.requires_grad, case


def test_softmax_over_nothing() -> None:
    for options in ({}, {"temperature": 2.0}, {"mask": torch.ones(5, 0, dtype=torch.bool)}):
        for activation in (A.softmax, A.log_softmax):
            x = torch.zeros(5, 0, requires_grad=True)
            y = activation(x, **options)
            assert y.shape == (5, 0)
            assert torch.autograd.grad(y.sum(), x)[0].shape == (5, 0)
            assert activation(torch.zeros(0, 5), dim=0, **options if "mask" not in options else {}).shape == (0, 5)
