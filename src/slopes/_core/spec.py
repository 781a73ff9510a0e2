"""What a function promises, as data: its `Spec`. The catalogue, the laws, the CLI and the explorer read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

Kind = Literal["activation", "loss", "tool"]

Holds = Literal[
    "real",  # any real number
    "positive",  # > 0
    "probability",  # in [0, 1]
    "hard_label",  # 0 or 1
    "sign",  # -1 or +1
    "class_index",  # int64 in [0, C)
    "token",  # int64 in [0, V)
    "label",  # int64, equal where two items belong together
    "boolean",
    "log_probability",  # <= 0
    "log_distribution",  # log-probabilities that sum to 1 over the last dimension
]


@dataclass(frozen=True, slots=True)
class Domain:
    """An interval of the real line; an end that is open does not belong to it."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def __str__(self) -> str:
        left = "(" if self.low_open or math.isinf(self.low) else "["
        right = ")" if self.high_open or math.isinf(self.high) else "]"
        return f"{left}{_end(self.low)}, {_end(self.high)}{right}"


def _end(value: float) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.6g}"


REALS = Domain()
FINITE = Domain(low_open=True, high_open=True)
POSITIVE = Domain(low=0.0, low_open=True)
NON_NEGATIVE = Domain(low=0.0)
FINITE_NON_NEGATIVE = Domain(low=0.0, high_open=True)
FINITE_POSITIVE = Domain(low=0.0, low_open=True, high_open=True)
UNIT = Domain(0.0, 1.0)
# What similarities or logits are divided, or multiplied, by: with room for them in float32.
TEMPERATURE = Domain(low=2.0**-63, high_open=True)
SCALE = Domain(low=0.0, high=2.0**63, low_open=True)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number, or a choice, that shapes the function.

    `slider` is (from, to, step) of the control that shows it; None where a control makes no sense.
    """

    name: str
    default: float | str | None
    meaning: str
    domain: Domain = REALS
    latex: str = ""
    choices: tuple[str, ...] = ()
    slider: tuple[float, float, float] | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that the function takes: its dimension names and what its values mean."""

    name: str
    shape: tuple[str, ...]
    holds: Holds = "real"
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Equivalent:
    """The same function elsewhere: how to call it there, and what differs (empty where nothing does)."""

    library: str
    call: str
    differs: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a function comes from."""

    citation: str
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A function's contract as data.

    Attributes:
        name: Public name of the function.
        title: How a person calls it.
        kind: Activation, loss, or a tool beside them (`mask_tokens`, `perplexity`).
        family: What it belongs to, as people look for it; its file may be a part of that.
        function: The function itself.
        module: Its `nn.Module`, where it has one.
        summary: What it is for, in one line.
        formula: LaTeX of the value.
        slope: LaTeX of the derivative by the input (an activation) or by the prediction (a loss).
        inputs: The tensors that it takes.
        output: Dimension names of the unreduced result.
        range: Where its values lie.
        parameters: Numbers and choices that shape it.
        aliases: Other names that people search by.
        equivalents: The same function in other libraries.
        convention: How this library's form differs from what others do; empty where nobody differs.
        sources: Papers and equations.
        elementwise: Whether each output entry depends on one input entry alone.
        reduces: Whether it takes `mask`, `weight`, `reduction` and `denominator`.
        smooth: Whether it is twice differentiable everywhere.
        kinks: Where the slope jumps.
        monotone: Whether it never decreases (activations); None where the question makes no sense.
    """

    name: str
    title: str
    kind: Kind
    family: str
    function: Callable[..., Any]
    module: type[nn.Module] | None = None
    summary: str
    formula: str
    slope: str = ""
    inputs: tuple[Input, ...]
    output: tuple[str, ...] = ()
    range: Domain = REALS
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    equivalents: tuple[Equivalent, ...] = ()
    convention: str = ""
    sources: tuple[Source, ...] = ()
    elementwise: bool = False
    reduces: bool = False
    smooth: bool = True
    kinks: tuple[float, ...] = ()
    monotone: bool | None = None
