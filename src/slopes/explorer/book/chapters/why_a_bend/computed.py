"""What the chapter on the bend computes: two layers with and without an activation, by the figure's own weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Sketch
from slopes.explorer.book.derivation import Derivation, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.layers.model import Layers, fitted_on, folded, layers
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number

GIVEN: Final[frozenset[str]] = frozenset()
_NEAR = 0.1  # as near to the wave as the reader is to come


def _net(task: str, activation: str, units: float = 4) -> Layers:
    return layers(task, activation, round(units))


def _output(net: Layers, xs: Sequence[float]) -> list[float]:
    out: list[float] = net.output(torch.tensor(list(xs), dtype=torch.float64)).tolist()
    return out


def worst(units: int) -> float:
    """Return the greatest miss of the wave by so many ReLUs."""
    return _net("wave", "relu", units).worst[0]


def wave(x: float) -> float:
    """Return the wave."""
    return _net("wave", "relu").task.target(torch.tensor(x, dtype=torch.float64)).item()


def far() -> float:
    """Return what eight ReLUs, fitted up to 3, give at 6."""
    return _output(_net("wave", "relu", 8), [6.0])[0]


def parabola() -> float:
    """Return the greatest miss of the wave by the parabola of least squares, on the points of the figure's fit."""
    x = fitted_on()
    y = _net("wave", "relu").task.target(x)
    columns = torch.stack([torch.ones_like(x), x, x.square()], dim=1)
    best = torch.linalg.pinv(columns) @ y
    return float((columns @ best - y).abs().max())


def folds() -> tuple[int, int]:
    """Return how many ReLUs four layers of two have, and how many pieces they make."""
    return folded()


def lamp(first: float, second: float) -> float:
    """Return what the plate's network gives for two switches."""
    return _output(_net("xor", "relu"), [first + second])[0]


def line(first: float, second: float) -> float:
    """Return the same without the activation."""
    return _output(_net("xor", "identity"), [first + second])[0]


def _pieces(net: Layers) -> float:
    return float(len(net.kinks) + 1)


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    at = (-1.0, 0.0, 1.0, 2.0, 3.0)
    slope, value = _chained(1.0)
    return (
        Guess(
            id="three-lines",
            question="Three linear layers of one unit: *y* = 2 · (3 · (4 · *x* + 1) + 1) + 1. They are one line. What "
            "is "
            "its slope?",
            answer=slope,
            within=0.001,
            slips=(
                Slip(answer=9.0, said="That is the sum of the three weights. Each multiplies what comes before it."),
                Slip(answer=value, said=f"That is *y* at *x* = 1. The line is 24 · *x* + {number(value - slope, 2)}."),
                Slip(
                    answer=2.0, said="That is the last layer's alone. It multiplies what the others have made of *x*."
                ),
            ),
            told=f"2 · 3 · 4. Three layers with six numbers, and all they can be is a line with two: 24 · *x* + "
            f"{number(value - slope, 2)}.",
            hint="By how much does *y* rise when *x* rises by 1?",
        ),
        Sketch(
            id="draw-lamp",
            question="Draw ReLU(*s*) − 2 · ReLU(*s* − 1) over the sum *s*.",
            axes=Axes(x=(-1.0, 3.0), y=(-3.0, 3.5), x_title="s, the sum of the switches", y_title="output"),
            at=at,
            truth=lambda xs: _output(_net("xor", "relu"), xs),
            within=0.3,
            slips=(
                (
                    tuple(_output(_net("xor", "identity"), at)),
                    (
                        "That is the same without the ReLUs, *s* − 2(*s* − 1). Each ReLU is 0 until its own sum "
                        "is above 0."
                    ),
                ),
                (
                    (0.0, 0.0, 1.0, 2.0, 3.0),
                    "That is the first unit alone. From *s* = 1 the second one takes away.",
                ),
                (
                    (0.0, 0.0, 1.0, 0.0, 0.0),
                    "Nearly: nothing stops the last piece at 0. It goes on falling, with slope 1 − 2.",
                ),
            ),
            told="Level, up, down: 0 for no switch, 1 for one, 0 for two. What it does elsewhere nobody asked.",
            hint="Where does each of the two units bend?",
        ),
        Guess(
            id="pieces",
            question="Over one input, how many straight pieces can three ReLU units make at most, in one layer?",
            answer=_pieces(_net("wave", "relu", 3)),
            within=0.2,
            absolute=True,
            slips=(
                Slip(answer=3.0, said="There are three bends. Three bends part a line into four pieces."),
                Slip(
                    answer=8.0,
                    said="Three units that are on or off have eight patterns. But as *x* grows each switches once, so "
                    "only four of them occur.",
                ),
                Slip(answer=6.0, said="Each unit alone has two pieces. Added up, three bends make four."),
            ),
            told="Each unit bends once, and three bends part the line into four pieces.",
            hint="Count the bends.",
        ),
        Reach(
            id="enough",
            question="How many units does it take to be nowhere further than 0.1 from the wave? Set the fewest that "
            "do.",
            figure="layers",
            start="task=wave&units=3",
            goal="task=wave&units=6",
            met=_enough,
            told="For a smooth curve the error falls about as one over the square of the number of pieces.",
            hint="The reading says how far the fit is off.",
        ),
        Pick(
            id="squares",
            question="Units that square, (*w x* + *b*)², instead of ReLUs. How many of them follow the wave as well as "
            "eight ReLUs do?",
            options=(
                Option(
                    label="about eight: a square bends as well", said="It does, but every one of them is a parabola."
                ),
                Option(
                    label="some hundreds",
                    said="A sum of hundreds of parabolas is one parabola, with three numbers in it.",
                ),
                Option(label="no number of them"),
            ),
            right=2 if _rank_of_squares() == 3 and parabola() > worst(8) else 0,  # noqa: PLR2004  1, x and x²
            told="All sums of squares of lines are parabolas. The best of these misses by far more than the ReLUs do.",
            hint="What is the sum of two parabolas?",
        ),
        Rank(
            id="rank-pieces",
            question="Order them by the number of straight pieces that they are made of, the most first.",
            items=(
                ("the lamp, by two ReLUs", _pieces(_net("xor", "relu"))),
                ("|*x*|, by two ReLUs", _pieces(_net("abs", "relu"))),
                ("the bump, by four ReLUs", _pieces(_net("bump", "relu"))),
                ("eight units without an activation", _pieces(_net("wave", "identity", 8))),
            ),
            slips=(
                ((3, 2, 0, 1), "Without an activation eight units are one straight line, as two hundred would be."),
                (
                    (2, 1, 0, 3),
                    (
                        "The two units of |*x*| bend at the same place, so that it has two pieces. Those of the "
                        "lamp bend at two places."
                    ),
                ),
            ),
            told="Bends count, and bends at one place count once.",
            hint="How many places are there at which the slope changes?",
        ),
        Guess(
            id="best-line",
            question="From the chapter before: a linear rule for the lamp, *w*₁*x*₁ + *w*₂*x*₂ + *b*, is trained on "
            "the "
            "four cases by the mean squared error until it rests. What does it say when both switches are down?",
            answer=_best_line()[0],
            within=0.02,
            absolute=True,
            slips=(
                Slip(
                    answer=0.0,
                    said="That would be right, but whatever lowers it there raises the miss elsewhere. It says ½ to "
                    "all "
                    "four.",
                ),
                Slip(answer=0.25, said="That is its loss: each case is missed by ½, and the square of ½ is ¼."),
                Slip(answer=1.0, said="It does not learn the opposite either. It says ½ to all four, and misses each."),
            ),
            told="It says ½ in every case, with a loss of ¼: no tilt helps, since what it gains at one corner it loses "
            "at another.",
            hint="Which slope helps in more cases than it harms?",
        ),
    )


def _chained(x: float) -> tuple[float, float]:
    """Return the slope and the value of the three layers of the question."""
    at = torch.tensor([x], dtype=torch.float64, requires_grad=True)
    out = at
    for w in (4.0, 3.0, 2.0):
        out = torch.nn.functional.linear(out, torch.tensor([[w]], dtype=torch.float64), out.new_ones(1))
    return torch.autograd.grad(out, at)[0].item(), out.item()


def _enough(state: State) -> tuple[bool, str]:
    if (word(state, "task"), word(state, "activation")) != ("wave", "relu"):
        return False, "The question is about the wave and ReLUs. Set the plate back to these."
    units = round(real(state, "units"))
    error = worst(units)
    said = f"{units} {'unit misses' if units == 1 else 'units miss'} it by up to {number(error, 3)}."
    if error > _NEAR:
        return False, said
    if units > 1 and worst(units - 1) <= _NEAR:
        return False, f"{said} Fewer would do."
    return True, said


def _rank_of_squares() -> int:
    """Return how many independent curves there are among many squares of lines."""
    x = torch.linspace(-3, 3, 121, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    w, b = torch.randn(2, 100, 1, generator=generator, dtype=torch.float64)
    return int(torch.linalg.matrix_rank((w * x + b).square()).item())


def _best_line() -> tuple[float, float]:
    """Return what the line of least squares says to no switch, and its mean squared error."""
    cases = torch.tensor([[0.0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=torch.float64)
    wanted = torch.tensor([lamp(0, 0), lamp(0, 1), lamp(1, 0), lamp(1, 1)], dtype=torch.float64)
    said = cases @ (torch.linalg.pinv(cases) @ wanted)
    return said[0].item(), L.mse(said, wanted).item()


def _rule(w_1: float, w_2: float, b: float, *switches: float) -> float:
    weights = torch.tensor([[w_1, w_2]], dtype=torch.float64)
    bias = torch.tensor([b], dtype=torch.float64)
    return torch.nn.functional.linear(torch.tensor(switches, dtype=torch.float64), weights, bias).item()


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    net = _net("xor", "identity")
    (a, c), (b, d), (u, v) = net.inner, net.shift, net.outer
    return (
        Derivation(
            id="collapse",
            title="Two linear layers are one",
            of="y",
            numbers={"x": 1.5},
            value=lambda n: _output(net, [n["x"]])[0],
            steps=(
                Step(
                    tex=r"W_2 (W_1 x + b_1) + b_2",
                    value=lambda n: u * (a * n["x"] + b) + v * (c * n["x"] + d),
                    because="The second layer takes what the first one gives. Here are two units, with the weights of "
                    "the plate; *b*₂ is 0.",
                    shown=r"1 \cdot (1 \cdot 1.5 + 0) + (-2) \cdot (1 \cdot 1.5 - 1)",
                ),
                Step(
                    tex=r"W_2 W_1 x + W_2 b_1 + b_2",
                    value=lambda n: u * a * n["x"] + v * c * n["x"] + u * b + v * d,
                    because="To multiply out is all it takes.",
                    shown=r"1 \cdot 1.5 + (-2) \cdot 1.5 + 0 + 2",
                ),
                Step(
                    tex=r"(W_2 W_1) x + (W_2 b_1 + b_2)",
                    value=lambda n: net.composed[0] * n["x"] + net.composed[1],
                    because="One matrix and one bias: a single linear layer, here a line with slope −1 and height 2. "
                    "With a third layer the same happens again.",
                    shown=r"(-1) \cdot 1.5 + 2",
                ),
            ),
        ),
        Derivation(
            id="corners",
            title="What every linear rule says of the four corners",
            of="f(0, 0) + f(1, 1)",
            numbers={"w_1": 0.4, "w_2": -0.7, "b": 0.25},
            value=lambda n: math.fsum(_rule(n["w_1"], n["w_2"], n["b"], s, s) for s in (0.0, 1.0)),
            steps=(
                Step(
                    tex=r"b + (w_1 + w_2 + b)",
                    value=lambda n: n["b"] + (n["w_1"] + n["w_2"] + n["b"]),
                    because="Put 0 and 0, then 1 and 1 into *w*₁*x*₁ + *w*₂*x*₂ + *b*.",
                ),
                Step(
                    tex=r"(w_2 + b) + (w_1 + b)",
                    value=lambda n: (n["w_2"] + n["b"]) + (n["w_1"] + n["b"]),
                    because="The same four terms, sorted otherwise.",
                ),
                Step(
                    tex="f(0, 1) + f(1, 0)",
                    value=lambda n: (
                        _rule(n["w_1"], n["w_2"], n["b"], 0.0, 1.0) + _rule(n["w_1"], n["w_2"], n["b"], 1.0, 0.0)
                    ),
                    because="These are the other two corners. Whatever the weights, both pairs have one sum.",
                    shown=r"-0.45 + 0.65",
                ),
            ),
        ),
    )
