"""Five gated units by the library's own functions, and the parameters of the blocks that have them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

REACH: Final = 5.0  # gates that are shown, from minus this to this
POINTS: Final = 201


@dataclass(frozen=True, kw_only=True)
class Unit:
    """A gated unit.

    Attributes:
        name: Its name in URLs.
        label: What stands at the end of its line.
        hue: Its colour's place in the palette.
        function: The output from value and gate.
        python: The same as Python.
        latex: The activated gate; `{a}` stands for the gate.
        said: What the activation is called; empty where there is none.
    """

    name: str
    label: str
    hue: int
    function: Callable[[Tensor, Tensor], Tensor]
    python: str
    latex: str
    said: str


def _bilinear(value: Tensor, gate: Tensor) -> Tensor:
    return value * gate


def _reglu(value: Tensor, gate: Tensor) -> Tensor:
    return value * A.relu(gate)


_ALL: Final = (
    Unit(
        name="glu",
        label="GLU",
        hue=palette.hue("glu"),
        function=A.glu,
        python="A.glu(value, gate)",
        latex=r"\sigma({a})",
        said="σ",
    ),
    Unit(
        name="bilinear",
        label="bilinear",
        hue=palette.VERMILLION,
        function=_bilinear,
        python="value * gate",
        latex="{a}",
        said="",
    ),
    Unit(
        name="reglu",
        label="ReGLU",
        hue=palette.hue("relu"),
        function=_reglu,
        python="value * A.relu(gate)",
        latex=r"\operatorname{{relu}}({a})",
        said="relu",
    ),
    Unit(
        name="geglu",
        label="GeGLU",
        hue=palette.hue("geglu"),
        function=A.geglu,
        python="A.geglu(value, gate)",
        latex=r"\operatorname{{gelu}}({a})",
        said="gelu",
    ),
    Unit(
        name="swiglu",
        label="SwiGLU",
        hue=palette.hue("swiglu"),
        function=A.swiglu,
        python="A.swiglu(value, gate)",
        latex=r"\operatorname{{swish}}({a})",
        said="swish",
    ),
)
UNITS: Final = {unit.name: unit for unit in _ALL}


@dataclass(frozen=True, kw_only=True)
class At:
    """A unit at one gate and one value: its output, and its slopes by both, of which that by the value is act(gate)."""

    unit: Unit
    output: float
    by_gate: float
    by_value: float


def at(unit: Unit, gate: float, value: float) -> At:
    """Return a unit at a gate and a value."""
    a, b = (torch.tensor([v], dtype=torch.float64) for v in (gate, value))
    output, by_gate = value_and_slope(lambda g: unit.function(b, g), a)
    _, by_value = value_and_slope(lambda v: unit.function(v, a), b)
    return At(unit=unit, output=output.item(), by_gate=by_gate.item(), by_value=by_value.item())


@lru_cache(maxsize=128)
def curves(name: str, value: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return output, slope by the gate and slope by the value of a unit, over all gates that are shown."""
    unit, a = UNITS[name], gates()
    b = torch.full_like(a, value)
    output, by_gate = value_and_slope(lambda g: unit.function(b, g), a)
    _, by_value = value_and_slope(lambda v: unit.function(v, a), b)
    return output, by_gate, by_value


def gates() -> Tensor:
    """Return the gates that are shown."""
    return torch.linspace(-REACH, REACH, POINTS, dtype=torch.float64)


@dataclass(frozen=True, kw_only=True)
class Block:
    """A feed-forward block: how many matrices, how wide inside, how many parameters."""

    label: str
    matrices: int
    hidden: int
    parameters: int


@lru_cache(maxsize=256)
def blocks(width: int, multiple: int) -> tuple[Block, Block, Block]:
    """Return the plain block of hidden width 4d, the gated one as wide, and the gated one at 2/3 of it.

    The gated ones are the library's `GatedFFN`, made without memory and counted.
    """
    plain = torch.nn.ModuleList([_linear(width, 4 * width), _linear(4 * width, width)])
    wide = A.GatedFFN(width, 4 * width, device="meta")
    narrow = A.GatedFFN(width, multiple_of=multiple, device="meta")
    return (
        Block(label="plain, 4d", matrices=2, hidden=4 * width, parameters=_count(plain)),
        Block(label="gated, 4d", matrices=3, hidden=wide.d_hidden, parameters=_count(wide)),
        Block(label="gated, 8d/3", matrices=3, hidden=narrow.d_hidden, parameters=_count(narrow)),
    )


def _linear(width: int, to: int) -> torch.nn.Linear:
    return torch.nn.Linear(width, to, bias=False, device="meta")


def _count(block: torch.nn.Module) -> int:
    return sum(p.numel() for p in block.parameters())


@lru_cache(maxsize=1)
def packed() -> tuple[float, float, float, float]:
    """Return two numbers packed as halves, and what GLU makes of them with the second and with the first as gate."""
    halves = torch.tensor([3.0, -1.0], dtype=torch.float64)
    with slopes.exact():
        second, first = (A.glu(halves, gate_half=half).item() for half in ("second", "first"))
    return halves[0].item(), halves[1].item(), second, first
