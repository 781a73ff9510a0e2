"""What a function promises, as data: its `Spec`. The catalogue, the laws, the CLI and the explorer read it."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from torch import nn

Kind = Literal["activation", "loss", "tool"]
Smooth = Literal["twice", "once", "no"]

Holds = Literal[
    "real",  # any real number
    "positive",  # > 0
    "nonzero",  # any real number but 0
    "above_minus_one",  # > -1
    "count",  # a whole number, at least 0
    "probability",  # in [0, 1]
    "hard_label",  # 0 or 1
    "sign",  # -1 or +1
    "class_index",  # int64 in [0, C)
    "token",  # int64 in [0, V)
    "label",  # int64, equal where two items belong together
    "length",  # int64, how many entries of a row count
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


# What stands for what a Spec reads off: the default of the argument, the shape of the first input.
OF_SIGNATURE: Final = "of the signature"
OF_INPUT: Final = ("of the input",)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A number, or a choice, that shapes the function; its default is that of the function unless it says its own.

    `slider` is (from, to, step) of the control that shows it; None where a control makes no sense.
    """

    name: str
    meaning: str
    domain: Domain = REALS
    latex: str = ""
    choices: tuple[str, ...] = ()
    slider: tuple[float, float, float] | None = None
    unit: str = ""
    default: float | str | None = OF_SIGNATURE


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
    """A function's contract as data: what its signature and its place do not say.

    Attributes:
        function: The function itself.
        module: Its `nn.Module`, where it has one.
        title: How a person calls it.
        family: What it belongs to, as people look for it; its file may be a part of that.
        summary: What it is for, in one line.
        formula: LaTeX of the value.
        slope: LaTeX of the derivative by the input (an activation) or by the prediction (a loss).
        inputs: The tensors that it takes.
        output: Dimension names of the unreduced result; those of the first input unless it says its own.
        range: Where its values lie.
        parameters: Numbers and choices that shape it.
        aliases: Other names that people search by.
        equivalents: The same function in other libraries.
        convention: How this library's form differs from what others do; empty where nobody differs.
        sources: Papers and equations.
        elementwise: Whether each output entry depends on one input entry alone.
        smooth: How often it is differentiable everywhere: twice or more, once (its slope bends), or not (it jumps).
        kinks: Where the slope jumps.
        monotone: Whether it never decreases (activations); None where the question makes no sense.
        tool: Whether it stands beside the losses and is none (`mask_tokens`, `perplexity`).
        name: Public name of the function.
        kind: Activation, loss or tool.
        reduces: Whether it takes `mask`, `weight`, `reduction` and `denominator`.
    """

    function: Callable[..., Any]
    module: type[nn.Module] | None = None
    title: str
    family: str
    summary: str
    formula: str
    slope: str = ""
    inputs: tuple[Input, ...]
    output: tuple[str, ...] = OF_INPUT
    range: Domain = REALS
    parameters: tuple[Parameter, ...] = ()
    aliases: tuple[str, ...] = ()
    equivalents: tuple[Equivalent, ...] = ()
    convention: str = ""
    sources: tuple[Source, ...] = ()
    elementwise: bool = False
    smooth: Smooth = "twice"
    kinks: tuple[float, ...] = ()
    monotone: bool | None = None
    tool: bool = False
    name: str = field(init=False)
    kind: Kind = field(init=False)
    reduces: bool = field(init=False)

    def __post_init__(self) -> None:
        """Read off what the function itself says."""
        taken = inspect.signature(self.function).parameters
        room = self.function.__module__.split(".")[1]
        read = {
            "name": self.function.__name__,
            "kind": "tool" if self.tool else "activation" if room == "activations" else "loss",
            "reduces": "reduction" in taken,
            "output": self.inputs[0].shape if self.output == OF_INPUT else self.output,
            "parameters": tuple(_with_default(of, taken) for of in self.parameters),
        }
        for name, value in read.items():
            object.__setattr__(self, name, value)  # as a frozen dataclass does itself


def _with_default(of: Parameter, taken: Mapping[str, inspect.Parameter]) -> Parameter:
    if of.default != OF_SIGNATURE:
        return of
    default = taken[of.name].default
    return replace(of, default=str(default) if isinstance(default, bool) else default)
