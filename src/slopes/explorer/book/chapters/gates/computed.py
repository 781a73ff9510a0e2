"""What the chapter on gates computes: gated units and their slopes, the width of a block, and one row of attention."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.gates.units import UNITS
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette

GIVEN: Final = frozenset({"1.5", "4.5"})  # gates on the plate
_SCORES, _VALUES = (3.0, 2.0, 1.0, 0.0, -1.0), (1.0, 5.0, 2.0, 0.0, 4.0)
_STILL: Final = 0.01  # of the value: a slope that counts as none
_SAID: Final = 0.5  # a value that says something
_SHUT: Final = 0.001  # a slope that teaches next to nothing


def _of(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def out(unit: str, gate: float, value: float) -> float:
    """Return what a gated unit gives."""
    with slopes.exact():
        return UNITS[unit].function(_of(value), _of(gate)).item()


def _slopes(unit: str, gate: float, value: float) -> tuple[float, float]:
    a, b = _of(gate).requires_grad_(), _of(value).requires_grad_()
    with slopes.exact():
        by_a, by_b = torch.autograd.grad(UNITS[unit].function(b, a).sum(), (a, b))
    return by_a.item(), by_b.item()


def by_gate(unit: str, gate: float, value: float) -> float:
    """Return its slope by the gate."""
    return _slopes(unit, gate, value)[0]


def by_value(unit: str, gate: float) -> float:
    """Return its slope by the value, which is the same at every value."""
    return _slopes(unit, gate, 1.0)[1]


def hidden(d: int, multiple: int) -> int:
    """Return the hidden width of a gated block that has the parameters of a plain one."""
    return A.GatedFFN(d, multiple_of=multiple, device="meta").d_hidden


def _parameters(d: int, d_hidden: int | None = None) -> int:
    block = A.GatedFFN(d, d_hidden, device="meta")
    return sum(p.numel() for p in block.parameters())


def cost_at_same_width(d: int = 768) -> float:
    """Return how many times the parameters of a plain block a gated one of the same width has."""
    return _parameters(d, 4 * d) / (2 * d * 4 * d)


def attended() -> float:
    """Return what a row of attention takes from five values."""
    with slopes.exact():
        return (A.softmax(_of(*_SCORES)) * _of(*_VALUES)).sum().item()


def _by_score(place: int) -> float:
    scores = _of(*_SCORES).requires_grad_()
    with slopes.exact():
        taken = (A.softmax(scores) * _of(*_VALUES)).sum()
    return torch.autograd.grad(taken, scores)[0][place].item()


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    at = (-4.0, -2.5, -1.0, 1.0, 2.5)
    grid = [-4 + 7 * i / 80 for i in range(81)]
    right = out("swiglu", -3, 2)
    width = float(hidden(1024, 1))
    return (
        Guess(
            id="half",
            question="SwiGLU with a value of 2 and a gate of −3. What comes out? (σ(−3) is 0.047, σ(2) is 0.881.)",
            answer=right,
            within=0.03,
            slips=(
                Slip(
                    answer=out("swiglu", 2, -3),
                    said="That is with the halves exchanged: the value was bent and the gate was not. Every shape "
                    "fits, and "
                    f"the model is another one. It is {number(right, 3)}.",
                ),
                Slip(
                    answer=out("glu", -3, 2),
                    said=f"That is a GLU, whose gate is σ alone. Swish multiplies by the gate as well: "
                    f"{number(right, 3)}.",
                ),
                Slip(
                    answer=out("swiglu", -3, _swish(2.0)),
                    said=f"Both halves were bent. The value stays as it is: {number(right, 3)}.",
                ),
                Slip(
                    answer=-6.0,
                    said=f"That is value times gate, with no bend. Swish of −3 is −0.142: {number(right, 3)}.",
                ),
            ),
            told="Swish of −3 is −0.142, and the value of 2 doubles it.",
            hint="Which half is bent? Then multiply by the other as it is.",
        ),
        Sketch(
            id="draw",
            question="Now let the value be −2. Draw SwiGLU's output over the gate. The one for a value of 2 is there "
            "to "
            "compare with.",
            axes=Axes(x=(-4.0, 3.0), y=(-6.0, 6.0), x_title="gate", y_title="output"),
            at=at,
            truth=lambda gates: [out("swiglu", gate, -2) for gate in gates],
            within=0.3,
            context=(
                Line(
                    label="value 2",
                    x=tuple(grid),
                    y=tuple(out("swiglu", gate, 2) for gate in grid),
                    hue=palette.hue("swiglu"),
                ),
            ),
            slips=(
                (
                    tuple(out("swiglu", gate, 2) for gate in at),
                    "The value is multiplied in as it is, with its sign: the whole curve turns over.",
                ),
                (
                    tuple(out("reglu", gate, -2) for gate in at),
                    "That is a gate by ReLU. Swish dips below 0 before it shuts, and here the dip is a rise.",
                ),
                (
                    tuple(out("glu", gate, -2) for gate in at),
                    "That is a gate by σ, between 0 and 1. Swish grows without limit.",
                ),
            ),
            told="The same curve turned over. Left of 0 the output has the *other* sign than one would think: Swish is "
            "negative there, and minus times minus is plus.",
            hint="What does a factor of −1 do to a curve?",
        ),
        Reach(
            id="still",
            question="Find a gate at which SwiGLU's output does not change when the gate moves a little, while the "
            "value "
            "says something.",
            figure="gates",
            start="units=swiglu&gate=1.5&value=2",
            goal="units=swiglu&gate=-1.28&value=2",
            met=_level,
            told="It is the lowest point of Swish. A gate that settles there is taught nothing by this input.",
            hint="Where does Swish turn?",
        ),
        Rank(
            id="through",
            question="A gate of −4. Which unit lets most of the value through, whatever its sign?",
            items=tuple(
                (UNITS[name].label, abs(by_value(name, -4))) for name in ("glu", "bilinear", "reglu", "geglu", "swiglu")
            ),
            slips=(
                (
                    (1, 0, 4, 3, 2),
                    "σ(−4) is 0.018, and Swish multiplies it by the gate: 0.072, four times as much.",
                ),
                (
                    (0, 1, 4, 3, 2),
                    "Bilinear does not shut at all: it multiplies by −4.",
                ),
            ),
            told="No bend shuts nothing. Swish and σ close slowly, GELU fast, ReLU entirely.",
            hint="Put −4 into each of the bends.",
        ),
        Guess(
            id="narrow",
            question="A model of width 1,024 has a plain block, 4,096 wide inside. How wide may a gated one be, for "
            "the same "
            "parameters?",
            answer=width,
            within=0.02,
            slips=(
                Slip(
                    answer=4096.0,
                    said="That has half as many again: three matrices instead of two. Two thirds of it: "
                    f"{number(width)}.",
                ),
                Slip(
                    answer=2048.0,
                    said="That would be for four matrices instead of two. There are three: two thirds, "
                    f"{number(width)}.",
                ),
                Slip(
                    answer=4096 / 3,
                    said=f"That is *by* two thirds. It goes *to* two thirds, {number(width)}.",
                ),
            ),
            told="Three matrices of 1,024 by 2,731 are two of 1,024 by 4,096, but for the rounding.",
            hint="Two matrices before, three now.",
        ),
        Guess(
            id="zeros",
            question="`gate_proj` and `up_proj` of a SwiGLU block both start at 0. How large is the slope that the "
            "gate "
            "gets?",
            answer=by_gate("swiglu", 0.0, 0.0),
            within=0.01,
            absolute=True,
            slips=(
                Slip(
                    answer=by_gate("swiglu", 0.0, 1.0),
                    said="That is the slope of Swish at 0. It is multiplied by the value, and that is 0 too. By the "
                    "value "
                    "it is the bent gate, 0: nothing ever moves.",
                ),
                Slip(
                    answer=1.0,
                    said="Far out Swish has a slope of 1, at 0 of one half, and here a value of 0 multiplies it: "
                    "nothing "
                    "ever moves.",
                ),
            ),
            told="0 by the gate, since the value is 0, and 0 by the value, since the gate is. Each waits for the other "
            "one. To start a block at 0, set `down_proj` to 0 and leave these two alone.",
            hint="The slope by the gate has the value as a factor.",
        ),
        Pick(
            id="shut",
            question="A GLU, with a *sigmoid*, has a gate of −10 for every input, and a value of 2. What can still "
            "learn?",
            options=(
                Option(
                    label="the gate: it has to open first",
                    said="Its slope is the value times σ(1 − σ) at −10, "
                    f"{number(by_gate('glu', -10, 2), 2)}. A flat end is flat in a gate as well.",
                ),
                Option(
                    label="the value: it is linear and cannot saturate",
                    said="It cannot, but its slope is the bent gate, and that is "
                    f"{number(by_value('glu', -10), 2)}: shut.",
                ),
                Option(label="next to nothing"),
            ),
            right=_learns(),
            told="A shut sigmoid takes the slope from both halves. It is why the forget gate of an LSTM is often "
            "started open, with a bias above 0.",
            hint="How steep is a sigmoid at −10, and how high?",
        ),
    )


def _swish(x: float) -> float:
    with slopes.exact():
        return A.swish(_of(x)).item()


def _level(state: State) -> tuple[bool, str]:
    gate, value = real(state, "gate"), real(state, "value")
    slope = by_gate("swiglu", gate, value)
    said = f"At a gate of {number(gate)} and a value of {number(value)} the slope by the gate is {number(slope, 2)}."
    if abs(value) < _SAID:
        return False, f"{said} But the value says next to nothing; it is a factor of that slope."
    return abs(slope) <= _STILL * abs(value), said


def _learns() -> int:
    """Return what still has a slope where a GLU is shut: its gate, its value, or neither."""
    for place, slope in enumerate(_slopes("glu", -10.0, 2.0)):
        if abs(slope) > _SHUT:
            return place
    return 2


def _sigma(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def _shares() -> list[float]:
    powers = [math.exp(s) for s in _SCORES]
    return [power / sum(powers) for power in powers]


def _taken() -> float:
    return sum(p * v for p, v in zip(_shares(), _VALUES, strict=True))


def _bend(n: Numbers) -> float:
    return _sigma(n["a"]) + n["a"] * math.exp(-n["a"]) / (1 + math.exp(-n["a"])) ** 2


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    jacobian = [p * ((i == 0) - _shares()[0]) for i, p in enumerate(_shares())]
    return (
        Derivation(
            id="gate-slope",
            title="The slope of SwiGLU by its gate",
            of=r"\frac{d}{da} \left( b \cdot a \sigma(a) \right)",
            numbers={"a": 1.5, "b": 2.0},
            value=lambda n: by_gate("swiglu", n["a"], n["b"]),
            steps=(
                Step(
                    tex=r"b \cdot (\sigma(a) + a \sigma'(a))",
                    value=lambda n: n["b"] * _bend(n),
                    because="The value is a factor that does not depend on the gate; the rest is the rule for "
                    "products.",
                    shown=r"2 \cdot (0.8176 + 1.5 \cdot 0.1491)",
                ),
                Step(
                    tex=r"b \, \sigma(a) (1 + a (1 - \sigma(a)))",
                    value=lambda n: n["b"] * _sigma(n["a"]) * (1 + n["a"] * (1 - _sigma(n["a"]))),
                    because="The sigmoid's slope is σ(1 − σ), so σ comes out as a factor.",
                    shown=r"2 \cdot 0.8176 \cdot (1 + 1.5 \cdot 0.1824)",
                ),
            ),
        ),
        Derivation(
            id="width",
            title="The width at which three matrices cost two",
            of="P",
            numbers={"d": 768.0, "h": float(hidden(768, 1))},
            value=lambda n: float(_parameters(round(n["d"]))),
            steps=(
                Step(
                    tex=r"3 \, d h",
                    value=lambda n: 3 * n["d"] * n["h"],
                    because="Two matrices from *d* up to *h*, one from *h* down to *d*, without biases.",
                    shown=r"3 \cdot 768 \cdot 2048",
                ),
                Step(
                    tex=r"2 \, d \cdot 4 d",
                    value=lambda n: 2 * n["d"] * 4 * n["d"],
                    because="It is to have as many as the plain block.",
                    shown=r"2 \cdot 768 \cdot 3072",
                ),
                Step(
                    of="h",
                    left=lambda n: float(hidden(round(n["d"]), 1)),
                    tex=r"\frac{8}{3} d",
                    value=lambda n: 8 * n["d"] / 3,
                    because="The two lines above, divided by 3*d*. That is two thirds of 4*d*.",
                    shown=r"\frac{8}{3} \cdot 768",
                ),
            ),
        ),
        Derivation(
            id="attention",
            title="What a score of attention is taught",
            of=r"\frac{do}{ds_1}",
            numbers={"v_1": _VALUES[0]},
            value=lambda _: _by_score(0),
            steps=(
                Step(
                    tex=r"\sum_i \frac{dp_i}{ds_1} v_i, \quad o = \sum_i p_i v_i",
                    value=lambda _: sum(j * v for j, v in zip(jacobian, _VALUES, strict=True)),
                    because="What is taken, *o*, depends on the score through all five weights. The scores are those "
                    "of "
                    "the plate, the values 1, 5, 2, 0 and 4.",
                    shown=r"0.2314 \cdot 1 - 0.149 \cdot 5 - 0.05481 \cdot 2 - 0.02016 \cdot 0 - 0.007418 \cdot 4",
                ),
                Step(
                    tex=r"p_1 v_1 - p_1 \sum_i p_i v_i",
                    value=lambda n: _shares()[0] * n["v_1"] - _shares()[0] * _taken(),
                    because="The softmax's slopes are $p_1(1 - p_1)$ for its own weight and $-p_1 p_i$ for the others.",
                    shown=r"0.6364 \cdot 1 - 0.6364 \cdot 2.026",
                ),
                Step(
                    tex=r"p_1 (v_1 - o)",
                    value=lambda n: _shares()[0] * (n["v_1"] - _taken()),
                    because="Its weight, times how much its value differs from what is taken.",
                    shown=r"0.6364 \cdot (1 - 2.026)",
                ),
            ),
        ),
    )
