"""What other libraries answered, read back, and the comparison of our answers with theirs.

A peer rounds too. Its numbers are held to `tests.accuracy.tolerance` like everybody's: in units in the last
place of each entry where the peer keeps that accuracy, and in units of the terms that cancelled in it where
it does not. A peer that returns log-sum-exp minus logit is only as good as the last place of the logit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from torch import Tensor

GOLDEN = Path(__file__).parent / "golden"


@dataclass(frozen=True)
class Case:
    """One call of a peer: its inputs, its value, and the gradient of the sum of its value by some inputs."""

    function: str
    name: str
    call: str
    precision: torch.dtype
    options: dict[str, Any]
    inputs: dict[str, Tensor]
    value: Tensor
    gradients: dict[str, Tensor]


def read(library: str) -> list[Case]:
    """Return every case of `golden/<library>.json`."""
    text = (GOLDEN / f"{library}.json").read_text(encoding="utf-8")
    return [_case(entry) for entry in json.loads(text)["cases"]]


def of(library: str, *functions: str, named: str = "") -> list[Any]:
    """Return the cases of these functions whose name contains `named`, as parameters of a test."""
    chosen = [case for case in read(library) if case.function in functions and named in case.name]
    assert chosen, f"no case of {functions} named {named!r} in {library}.json"
    return [pytest.param(case, id=f"{case.function}: {case.name}") for case in chosen]


def one(library: str, function: str, named: str, excluding: str | None = None) -> Case:
    """Return the only case of this function whose name contains `named`, and not `excluding`."""
    (case,) = (
        case
        for case in read(library)
        if case.function == function and named in case.name and (excluding is None or excluding not in case.name)
    )
    return case


@dataclass
class Answer:
    """A value, and the gradients of its sum by the inputs that asked for one."""

    value: Tensor
    gradients: dict[str, Tensor] = field(default_factory=dict)


def by_position(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return `function` taking its inputs by any names, in their order."""
    return lambda **given: function(*given.values())


def answer(compute: Callable[..., Tensor], inputs: Mapping[str, Tensor], by: Sequence[str]) -> Answer:
    """Return what `compute` makes of `inputs`, and the gradients of its sum by those named in `by`."""
    given = {key: tensor.clone().requires_grad_() if key in by else tensor for key, tensor in inputs.items()}
    value = compute(**given)
    if by:
        value.sum().backward()
    gradients = {key: given[key].grad for key in by}
    missing = [key for key, slope in gradients.items() if slope is None]
    assert not missing, f"no gradient reached {missing}"
    return Answer(value.detach(), {key: slope for key, slope in gradients.items() if slope is not None})


def normal(*shape: int, seed: int, scale: float = 1.0) -> Tensor:
    """Return numbers of a normal distribution."""
    generator = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, generator=generator, dtype=torch.float64)


def distributions(*shape: int, seed: int) -> Tensor:
    """Return distributions over the last dimension."""
    raw = normal(*shape, seed=seed).exp()
    return raw / raw.sum(-1, keepdim=True)


def assert_agrees(
    case: Case | Answer,
    ours: Answer,
    *,
    size: int = 1,
    scale: float | Tensor | None = None,
    slope_scale: float | Tensor | Mapping[str, float | Tensor] | None = None,
) -> None:
    """Assert that our value and gradients are the peer's.

    Args:
        case: The peer's answer.
        ours: Ours to the same inputs.
        size: Number of terms that go into one entry.
        scale: None to compare the value in units in the last place of each entry; a number, or one per row,
            to compare in those of the terms that cancelled in the peer.
        slope_scale: Likewise for the gradients, or for each by name.
    """
    _assert_near(ours.value, case.value, scale, size, "value")
    assert ours.gradients.keys() == case.gradients.keys()
    for key, slope in case.gradients.items():
        its_scale = slope_scale[key] if isinstance(slope_scale, Mapping) else slope_scale
        _assert_near(ours.gradients[key], slope, its_scale, size, f"gradient by {key}")


def assert_same(
    ours: Callable[..., Tensor],
    theirs: Callable[..., Tensor],
    inputs: dict[str, Tensor],
    by: list[str],
    **closeness: Any,  # noqa: ANN401  what `assert_agrees` takes
) -> None:
    """Assert that two functions give the same value and gradients for the same inputs."""
    assert_agrees(answer(theirs, inputs, by), answer(ours, inputs, by), **closeness)


def _assert_near(ours: Tensor, theirs: Tensor, scale: float | Tensor | None, size: int, what: str) -> None:
    theirs = theirs.double()
    if scale is None:
        assert_close(ours, theirs, size=size, what=what)
    elif isinstance(scale, Tensor):
        assert ours.shape == theirs.shape, f"{what}: shape {tuple(ours.shape)}, the peer's {tuple(theirs.shape)}"
        for row, (mine, other, unit) in enumerate(zip(ours, theirs, scale.tolist(), strict=True)):
            assert_close_to_scale(mine, other, unit, size=size, what=f"{what}, row {row}")
    else:
        assert ours.shape == theirs.shape, f"{what}: shape {tuple(ours.shape)}, the peer's {tuple(theirs.shape)}"
        assert_close_to_scale(ours, theirs, scale, size=size, what=what)


def _case(entry: dict[str, Any]) -> Case:
    precision = getattr(torch, entry["precision"])
    return Case(
        function=entry["function"],
        name=entry["name"],
        call=entry["call"],
        precision=precision,
        options=entry["options"],
        inputs={key: _tensor(value, precision) for key, value in entry["inputs"].items()},
        value=_tensor(entry["value"], precision),
        gradients={key: _tensor(value, precision) for key, value in entry["gradients"].items()},
    )


def _tensor(nested: Any, precision: torch.dtype) -> Tensor:  # noqa: ANN401  what JSON holds
    tensor = torch.tensor(_numbers(nested), dtype=None if _is_discrete(nested) else torch.float64)
    return tensor.to(precision) if tensor.is_floating_point() else tensor


def _numbers(nested: Any) -> Any:  # noqa: ANN401  what JSON holds
    if isinstance(nested, list):
        return [_numbers(item) for item in nested]
    return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[nested] if isinstance(nested, str) else nested


def _is_discrete(nested: Any) -> bool:  # noqa: ANN401  what JSON holds
    if isinstance(nested, list):
        return all(_is_discrete(item) for item in nested)
    return isinstance(nested, bool | int)
