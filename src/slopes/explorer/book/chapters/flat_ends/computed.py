"""What the chapter on flat ends computes: values and slopes of activations at a point."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

GIVEN: Final[frozenset[str]] = frozenset()
SCRATCH: Final = ("sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "swish", "mish")
_AT = (-5.0, -2.4, 0.0, 2.4, 5.0)  # the handles; Swish is steepest at 2.4 and falls most steeply at −2.4
_LEVEL = 0.01  # a slope that counts as level
_DIP = -1.2  # left of it GELU is past its dip, and only flattens out


def _function(name: str) -> Callable[[Tensor], Tensor]:
    function: Callable[[Tensor], Tensor] = getattr(A, name)
    return function


def _values(name: str, xs: Sequence[float]) -> list[float]:
    with slopes.exact():
        out: list[float] = _function(name)(torch.tensor(list(xs), dtype=torch.float64)).tolist()
    return out


def _slopes(name: str, xs: Sequence[float], dtype: torch.dtype = torch.float64) -> list[float]:
    out: list[float] = value_and_slope(_function(name), torch.tensor(list(xs), dtype=dtype))[1].tolist()
    return out


def value(name: str, x: float) -> float:
    """Return what an activation gives at a point."""
    return _values(name, [x])[0]


def slope(name: str, x: float) -> float:
    """Return how steep it is there."""
    return _slopes(name, [x])[0]


def crossing() -> float:
    """Return where, right of 0, tanh becomes flatter than the sigmoid."""
    low, high = 0.0, 8.0
    for _ in range(60):
        middle = (low + high) / 2
        if slope("tanh", middle) > slope("sigmoid", middle):
            low = middle
        else:
            high = middle
    return low


def dip(name: str) -> float:
    """Return the least value of a smooth gate."""
    return min(_values(name, [-4 + i / 1000 for i in range(4001)]))


def gelu_flat() -> float:
    """Return from where down GELU's slope is exactly 0 in float16."""
    xs = [-i / 100 for i in range(400, 800)]
    found = _slopes("gelu", xs, torch.float16)
    return next(x for x, s in zip(xs, found, strict=True) if s == 0)


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    four = [slope(name, 4) for name in ("sigmoid", "tanh", "relu", "swish")]
    grid = [-6 + 7.6 * i / 80 for i in range(81)]  # above it the value leaves the axes
    leak = slope("leaky_relu", -3) ** 10
    return (
        Rank(
            id="rank-at-four",
            question="Put them in order by their slope at *x* = 4, the steepest first.",
            items=(("the sigmoid", four[0]), ("tanh", four[1]), ("ReLU", four[2]), ("Swish", four[3])),
            slips=(
                (
                    (2, 3, 1, 0),
                    (
                        "Two pairs stand the wrong way round. tanh is the steeper of the squashing two in the middle, "
                        "and the flatter at 4. And Swish is a little steeper than ReLU there."
                    ),
                ),
                (
                    (3, 2, 1, 0),
                    (
                        f"tanh is the steeper one at 0, not at 4: it is flat sooner, at {number(four[1], 2)} against "
                        f"{number(four[0], 3)}."
                    ),
                ),
                (
                    (2, 3, 0, 1),
                    (
                        f"Nearly. A slope may be above 1: Swish still has to catch up with ReLU, and rises with "
                        f"{number(four[3], 4)}."
                    ),
                ),
            ),
            told="What squashes is flat at 4 already; what does not still has its slope.",
            hint="tanh is steepest at 0. Does it stay so?",
        ),
        Pick(
            id="one-sided",
            question="A unit's three inputs come from sigmoids: 0.2, 0.9 and 0.6. Its first weight should rise, its "
            "second fall, its third rise. Can one step of gradient descent on this example do that?",
            options=(
                Option(
                    label="yes: each weight has a slope of its own",
                    said="Each has its own size, δ · *h*, but all have the sign of δ, since every *h* is positive.",
                ),
                Option(label="no: the three move in the same direction"),
                Option(
                    label="yes, if the learning rate is small enough",
                    said="The rate changes how far they move. The direction is that of −δ for all three.",
                ),
            ),
            right=1 if _one_sign("sigmoid") and not _one_sign("tanh") else 0,
            told="δ is shared and every *h* is positive, so all three rise or all three fall. It takes several "
            "examples, and a zigzag, to move them apart.",
            hint="Which sign has δ · *h*?",
        ),
        Guess(
            id="leak-through-ten",
            question="In ten layers the leaky ReLU on the way is off each time. Leave the weights aside. To which "
            "power of ten is a correction of 1 reduced by the slopes alone?",
            answer=round(math.log10(leak), 6),
            within=0.5,
            power=True,
            slips=(
                Slip(answer=-2.0, said="That is a single layer. Ten slopes of 0.01 are multiplied."),
                Slip(answer=-3.0, said="Ten times 0.01 divides; the slopes multiply: 10⁻² ten times over is 10⁻²⁰."),
                Slip(answer=-1.0, said="That would be the sum of the ten slopes. They are multiplied."),
                Slip(answer=-10.0, said="A slope of 0.01 is two powers of ten, so that ten of them are twenty."),
            ),
            told="0.01 ten times over. A leak keeps a unit alive; it does not carry a gradient through a deep stack.",
            hint="0.01 is 10⁻².",
        ),
        Reach(
            id="bottom",
            question="Move *x* to the bottom of GELU's dip: where its slope is 0, and turns from falling to rising.",
            figure="activations",
            start="functions=gelu,swish,mish&at=-2&from=-5&to=3",
            goal="functions=gelu,swish,mish&at=-0.75&from=-5&to=3",
            met=_bottom,
            told="Left of here the gradient comes back with its sign changed.",
            hint="It lies between −1 and 0.",
        ),
        Sketch(
            id="draw-swish-slope",
            question="Draw the slope of Swish. Its value is there to read it from.",
            axes=Axes(x=(-6.0, 6.0), y=(-0.5, 1.5), x_title="x", y_title="slope"),
            at=_AT,
            truth=lambda xs: _slopes("swish", xs),
            within=0.08,
            context=(Line(label="Swish", x=tuple(grid), y=tuple(_values("swish", grid)), hue=palette.hue("swish")),),
            slips=(
                (
                    tuple(_values("sigmoid", _AT)),
                    (
                        "You drew σ(*x*), which is half of it. The factor *x* has to be differentiated and so has σ: "
                        "the part *x* · σ′ dips below 0 on the left and rises above 1 on the right."
                    ),
                ),
                (
                    (0.0, 0.0, 0.0, 1.0, 1.0),
                    "That is the slope of ReLU. Swish has ½ at 0, more than 1 at 2.4, and less than 0 at −2.4.",
                ),
            ),
            told="It is ½ at 0, goes above 1 near 2.4 and below 0 near −2.4, by the same amount.",
            hint="Where the value is lowest, the slope is 0.",
            start=0.5,
        ),
        Pick(
            id="dead-slope",
            question="A ReLU unit gives 0 for every example of the training set, the input below 0 each time. Which of "
            "its parameters does the next step move, without momentum or weight decay?",
            options=(
                Option(
                    label="its bias, but not its weights",
                    said="The bias lies behind the same activation. What comes back to it is multiplied by 0 as well.",
                ),
                Option(
                    label="its weights, by a tiny amount",
                    said="Below 0 the slope of ReLU is not tiny but exactly 0. A sigmoid would leave something tiny.",
                ),
                Option(label="none"),
            ),
            right=2 if slope("relu", -3) == 0 else 1,
            told="Weights and bias are reached through the activation's slope, and that is exactly 0.",
        ),
        Pick(
            id="collapses",
            question="From an earlier chapter: between two linear layers something has to bend. Which of these does "
            "not?",
            options=(
                Option(
                    label="leaky ReLU with a slope of 0.01",
                    said="It bends at 0, from a slope of 0.01 to one of 1. That is enough.",
                ),
                Option(label="leaky ReLU with a slope of 1"),
                Option(
                    label="Swish, since it has no kink",
                    said="A bend need not be a kink. The slope of Swish changes everywhere.",
                ),
            ),
            right=_straight(),
            told="With a slope of 1 on both sides it is the identity, and two linear layers around it are one.",
        ),
    )


def _one_sign(name: str) -> bool:
    """Return whether outputs of an activation give all weights of a unit a slope of one sign."""
    h = torch.tensor(_values(name, [-1.4, 2.2, 0.4]), dtype=torch.float64)
    w = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    by = torch.autograd.grad(0.5 * (w @ h), w)[0]
    return bool((by > 0).all() or (by < 0).all())


def _bottom(state: State) -> tuple[bool, str]:
    x = real(state, "at")
    here = slope("gelu", x)
    if x < _DIP and abs(here) <= _LEVEL:
        return False, "It is level here because the end is flat. The bottom of the dip lies further right."
    if abs(here) <= _LEVEL:
        return True, f"At {number(x, 3)} GELU is lowest, {number(value('gelu', x), 3)}."
    way = "still falls: go right" if here < 0 else "rises already: go left"
    return False, f"At {number(x, 3)} its slope is {number(here, 2)}. It {way}."


def _straight() -> int:
    """Return which activation has the same slope everywhere: leaky ReLU with 0.01, with 1, or Swish."""
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    found = [A.leaky_relu(x, slope=0.01), A.leaky_relu(x, slope=1.0), A.swish(x)]
    bends = [y.diff(n=2).abs().max().item() for y in found]
    return bends.index(min(bends))


def _sigma(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (
        Derivation(
            id="tanh-slope",
            title="tanh is a stretched sigmoid, and so is its slope",
            of=r"\tanh'(x)",
            numbers={"x": 1.0},
            value=lambda n: slope("tanh", n["x"]),
            steps=(
                Step(
                    of=r"\tanh(x)",
                    left=lambda n: value("tanh", n["x"]),
                    tex=r"\frac{e^x - e^{-x}}{e^x + e^{-x}}",
                    value=lambda n: (math.exp(n["x"]) - math.exp(-n["x"])) / (math.exp(n["x"]) + math.exp(-n["x"])),
                    because="This is how tanh is defined.",
                    shown=r"\frac{2.718 - 0.3679}{2.718 + 0.3679}",
                ),
                Step(
                    of=r"\tanh(x)",
                    left=lambda n: value("tanh", n["x"]),
                    tex=r"2\,\sigma(2x) - 1",
                    value=lambda n: 2 * _sigma(2 * n["x"]) - 1,
                    because="Divide by *e*ˣ above and below. With σ(2*x*) = 1 / (1 + *e*⁻²ˣ) the rest is arithmetic.",
                    shown=r"2 \cdot 0.8808 - 1",
                ),
                Step(
                    tex=r"4\,\sigma'(2x)",
                    value=lambda n: 4 * _sigma(2 * n["x"]) * (1 - _sigma(2 * n["x"])),
                    because="One factor 2 stands in front, the other comes out of 2*x* by the chain rule.",
                    shown=r"4 \cdot 0.105",
                ),
                Step(
                    tex=r"1 - \tanh(x)^2",
                    value=lambda n: 1 - math.tanh(n["x"]) ** 2,
                    because="The same, said by its own value. Near ±1 it is nearly 0.",
                    shown=r"1 - 0.7616^2",
                ),
            ),
        ),
        Derivation(
            id="swish-slope",
            title="The slope of a gate that looks at its own input",
            of=r"\frac{d}{dx}\,x\,\sigma(x)",
            numbers={"x": -2.4},
            value=lambda n: slope("swish", n["x"]),
            steps=(
                Step(
                    tex=r"\sigma(x) + x\,\sigma'(x)",
                    value=lambda n: _sigma(n["x"]) + n["x"] * math.exp(-n["x"]) * _sigma(n["x"]) ** 2,
                    because="The product rule: what passes through the open gate, and what moving the gate does.",
                    shown=r"0.08317 + (-2.4) \cdot 0.07625",
                ),
                Step(
                    tex=r"\sigma(x)\,(1 + x\,(1 - \sigma(x)))",
                    value=lambda n: _sigma(n["x"]) * (1 + n["x"] * (1 - _sigma(n["x"]))),
                    because="σ′ is σ(1 − σ). The bracket is negative where *x* is far enough below 0: there the slope "
                    "is, too.",
                    shown=r"0.08317\,(1 - 2.4 \cdot 0.9168)",
                ),
            ),
        ),
    )
