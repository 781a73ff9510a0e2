"""What the chapter on depth computes: gradients through the figure's networks, and through the same ones rebuilt."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.derivation import Derivation, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.book.reads import reads
from slopes.explorer.figures.build import library_figure
from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.figures.depth.network import drawn
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number

GIVEN: Final = frozenset({"0.1", "1.5"})  # a weight, and how many times too large
_LAYERS, _WIDTH = 50, 64
_SHORT = 0.01  # the slope of a nearly useless layer
_LEAST, _MOST = 0.1, 10.0  # a gradient that has kept its size
_LABELS: Final = {"sigmoid": "Sigmoid", "tanh": "tanh", "relu": "ReLU", "selu": "SELU", "elu": "ELU"}


def _read(column: str, name: str, init: str, depth: int, gain: float) -> float:
    state = f"functions={name}&init={init}&depth={depth}&at={depth}&gain={gain}"
    return reads("depth", state, _LABELS[name], column)


def gradient(name: str, init: str, depth: int, gain: float = 1.0) -> float:
    """Return what comes back of a gradient of size 1 through a plain stack, as the plate has it."""
    return _read("gradient", name, init, depth, gain)


def signal(name: str, init: str, depth: int) -> float:
    """Return what goes forward of a signal of size 1, likewise."""
    return _read("signal", name, init, depth, 1.0)


Layer = Callable[[Tensor, Tensor, Callable[[Tensor], Tensor]], Tensor]


def _normalised(x: Tensor) -> Tensor:
    return layer_norm(x, (_WIDTH,))


_BUILT: Final[dict[str, Layer]] = {
    "residual": lambda h, w, f: h + f(h @ w.T),
    "normalised": lambda h, w, f: f(_normalised(h @ w.T)),
    "both": lambda h, w, f: h + f(_normalised(h) @ w.T),
}


@cache
def rebuilt(name: str, how: str, gain: float = 1.0) -> float:
    """Return what comes back through fifty layers with the plate's inputs and LeCun weights, put together otherwise."""
    x, up, weights = drawn("lecun", _WIDTH, 0)
    h = first = x.clone().requires_grad_()
    with slopes.exact():
        for w in weights[:_LAYERS]:
            h = _BUILT[how](h, gain * w, getattr(A, name))
        back = torch.autograd.grad(h, first, up)[0]
    return back.square().mean().sqrt().item()


def chain(depth: int) -> float:
    """Return the slope of so many sigmoids in a row, begun at 0."""
    x = h = torch.zeros((), dtype=torch.float64, requires_grad=True)
    with slopes.exact():
        for _ in range(depth):
            h = A.sigmoid(h)
        return torch.autograd.grad(h, x)[0].item()


def shortcuts(*leaks: float) -> float:
    """Return the slope of layers that return x + f(x), where f has these slopes."""
    x = h = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
    for leak in leaks:
        h = h + A.leaky_relu(h, slope=leak)
    return torch.autograd.grad(h, x)[0].item()


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    around = shortcuts(*[_SHORT] * _LAYERS)
    fifty = (
        ("fifty sigmoids, LeCun's weights", gradient("sigmoid", "lecun", 50)),
        ("fifty ReLUs, LeCun's weights", gradient("relu", "lecun", 50)),
        ("fifty ReLUs, He's weights", gradient("relu", "he", 50)),
        ("fifty tanh, three times LeCun's weights", gradient("tanh", "lecun", 50, 3.0)),
    )
    return (
        Guess(
            id="fifty-sigmoids",
            question="And through fifty? Give the power of ten.",
            answer=math.log10(gradient("sigmoid", "lecun", 50)),
            within=2.0,
            power=True,
            slips=(
                Slip(
                    answer=0.0,
                    said="LeCun's weights keep the size of the *signal*, which comes out at about ½. The gradient is "
                    "multiplied by the slope of each sigmoid as well, ¼ at most.",
                ),
                Slip(answer=-4.0, said="That is what five layers leave. Forty-five more take as much nine times over."),
                Slip(answer=-12.5, said="Fifty quarters would be that if they were added. They are multiplied."),
                Slip(answer=-15.0, said="That is one half fifty times over. The slope of a sigmoid is ¼ at most."),
                Slip(answer=-50.0, said="That is one tenth fifty times over. A sigmoid hands back up to ¼."),
            ),
            told="Five layers take three powers of ten; ten times as many layers take some ten times as many.",
            hint="Five layers leave 7 × 10⁻⁴. Fifty are ten times five.",
        ),
        Pick(
            id="copies",
            question="All weights of a layer start with the same number, say ½. What can the units of this layer "
            "become, if the next layer's weights are all alike as well?",
            options=(
                Option(
                    label="whatever the data ask for: gradient descent sorts them out",
                    said="Units with the same weights give the same outputs and get the same gradient. Nothing tells "
                    "them apart.",
                ),
                Option(label="copies of one another, for ever"),
                Option(
                    label="all dead, since the gradients cancel",
                    said="The gradients do not cancel, they are equal. The layer learns, as one single unit would.",
                ),
            ),
            right=1 if _stay_equal() else 0,
            told="They start alike, are corrected alike and stay alike: a wide layer that is worth one unit.",
        ),
        Reach(
            id="gain",
            question="Multiply the weights by a number until fifty layers of ReLU hand back between a tenth and ten.",
            figure="depth",
            start="functions=relu&depth=50&at=50",
            goal="functions=relu&depth=50&at=50&gain=1.4",
            met=_kept,
            told="A factor of about 1.4 in the weights is one of 2 in their variance.",
            hint="Each layer takes about √½. What undoes that?",
        ),
        Rank(
            id="rank-fifty",
            question="Order them by the gradient that comes back, the largest first.",
            items=fifty,
            slips=(
                (
                    (2, 1, 3, 0),
                    (
                        "tanh squashes, but near 0 its slope is 1, and weights three times as large multiply by three "
                        "at each layer. Here that wins: the gradient grows."
                    ),
                ),
                (
                    (3, 1, 2, 0),
                    "He's weights are the larger ones, by √2 at each layer, and ReLU needs them.",
                ),
                (
                    (2, 3, 1, 0),
                    f"The last of the list does not keep its size, it explodes: {number(fifty[3][1], 2)}.",
                ),
            ),
            told="Only He's weights under ReLU keep a gradient of about its size.",
            hint="Does a factor of three outweigh the slope of tanh?",
        ),
        Guess(
            id="shortcut-fifty",
            question="Fifty layers of one unit each, *x* + *f*(*x*), where *f* has a slope of 0.01 at each. What comes "
            "back of a gradient of 1?",
            answer=around,
            within=0.04,
            slips=(
                Slip(
                    answer=1e-100,
                    said="That is without the shortcuts: 0.01 fifty times over. With them each factor is 1.01.",
                ),
                Slip(
                    answer=1.5,
                    said=f"You added 0.01 fifty times. The factors 1.01 multiply, which gives {number(around, 3)}.",
                ),
                Slip(answer=0.5, said="That is the sum of the slopes of *f*. The factors are 1.01 each, and multiply."),
                Slip(
                    answer=1.0,
                    said=f"The 1 passes, and each layer adds its own: 1.01 fifty times over is {number(around, 3)}.",
                ),
            ),
            told="1.01 fifty times over. Without the shortcuts it would be 10⁻¹⁰⁰.",
            hint="What is the slope of *x* + *f*(*x*)?",
        ),
        Pick(
            id="slip-fan",
            question="Weights for a ReLU layer with 256 inputs and 128 outputs, so that the signal keeps its size. In "
            "which line is the slip?",
            options=(
                Option(label="ReLU keeps half of the mean square", said="It does: the half of it above 0."),
                Option(label="so *n* times the variance has to be 2", said="This holds: ½ · *n* · *v* = 1."),
                Option(label="with *n* = 128 the variance is 0.0156"),
                Option(label="the standard deviation is its root, 0.125", said="The root of 0.0156 is 0.125."),
            ),
            right=_slip(),
            lines=True,
            told="A unit adds up its *inputs*, so that *n* is 256, the variance 0.0078 and the standard deviation "
            "0.088. With 128 the square of the gradient would keep its size instead.",
            hint="Over what does a unit sum?",
        ),
        Guess(
            id="dead-bias",
            question="From the chapter on flat ends: every unit of twenty ReLU layers with He's weights has a bias of "
            "−0.5. Which share of the last layer is dead?",
            answer=_dead(),
            unit="%",
            within=2.0,
            absolute=True,
            slips=(
                Slip(
                    answer=50.0,
                    said="Half of the units are off for *one* example without a bias. Here each layer hands on less "
                    "than it got, until no sum rises above the bias: then all are off, for all.",
                ),
                Slip(
                    answer=0.0,
                    said="No unit is moved back up by its weights: signals shrink from layer to layer, and below 0.5 "
                    "none passes. All of them are dead.",
                ),
            ),
            told="Each layer hands on less, until nothing rises above the bias. Under ELU the same network still hands "
            "back 0.89 of a gradient.",
            hint="What does a layer hand on when all of its inputs are 0?",
        ),
    )


def _kept(state: State) -> tuple[bool, str]:
    back = library_figure(BY_ID["depth"]).compute(state).printed[1]
    said = f"Weights times {number(real(state, 'gain'), 3)} hand back {number(back, 2)}."
    if real(state, "depth") < _LAYERS:
        return False, f"{said} The plate has to have fifty layers."
    return _LEAST <= back <= _MOST, said


def _stay_equal() -> bool:
    """Return whether units that start alike get the same gradient."""
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(8, size, generator=generator, dtype=torch.float64) for size in (2, 1))
    first = torch.full((3, 2), 0.5, dtype=torch.float64, requires_grad=True)
    second = torch.full((1, 3), 0.5, dtype=torch.float64, requires_grad=True)
    loss = (A.tanh(x @ first.T) @ second.T - y).square().mean()
    by_first, by_second = torch.autograd.grad(loss, (first, second))
    return bool(torch.allclose(by_first, by_first[:1]) and torch.allclose(by_second, by_second[:, :1]))


def _slip() -> int:
    """Return the first line that is not what PyTorch's own initialisation says."""
    deviation = nn.init.calculate_gain("relu") / math.sqrt(256)
    kept = _after_relu(2.0) / 2
    stated = ((kept, 0.5), (256 * deviation**2, 2.0), (deviation**2, 0.0156), (deviation, 0.125))
    return next(i for i, (exact, said) in enumerate(stated) if abs(exact - said) > 1e-3)  # noqa: PLR2004  as rounded


def _dead() -> float:
    return reads("depth", "functions=relu,elu&init=he&bias=-0.5&depth=20&at=20", "ReLU", "dead")


@cache
def _standard() -> Tensor:
    """Return numbers that lie as a standard normal's do, half of them below 0, with a mean square of exactly 1."""
    half = torch.special.ndtri(0.5 + (torch.arange(500, dtype=torch.float64) + 0.5) / 1000)
    both = torch.cat([-half, half])
    return both / both.square().mean().sqrt()


def _after_relu(square: float) -> float:
    """Return the mean square of a ReLU's outputs where its inputs have this one."""
    return A.relu(_standard() * math.sqrt(square)).square().mean().item()


def _plain(square: float) -> float:
    """Return the same without the library."""
    sums = [math.sqrt(square) * z for z in _standard().tolist()]
    return math.fsum(max(0.0, a) ** 2 for a in sums) / len(sums)


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (
        Derivation(
            id="he",
            title="What a layer of ReLU does to the mean square of a signal",
            of="q_1",
            numbers={"n": 64.0, "v": 2 / 64, "q_0": 1.0},
            value=lambda n: _after_relu(n["n"] * n["v"] * n["q_0"]),
            steps=(
                Step(
                    tex=r"E[\mathrm{ReLU}(a)^2]",
                    value=lambda n: _plain(n["n"] * n["v"] * n["q_0"]),
                    because="*q* is the mean square of a layer's outputs, and these are ReLU(*a*), where *a* is the "
                    "sum of the weighted inputs.",
                    shown=r"E[\mathrm{ReLU}(a)^2]",
                ),
                Step(
                    tex=r"\frac{1}{2} E[a^2]",
                    value=lambda n: n["n"] * n["v"] * n["q_0"] / 2,
                    because="The weights are drawn around 0, so *a* lies as often below 0 as above, and as far. Half "
                    "of its square is cut off.",
                    shown=r"\frac{1}{2} \cdot 2",
                ),
                Step(
                    tex=r"\frac{1}{2} \cdot n \cdot v \cdot q_0",
                    value=lambda n: 0.5 * n["n"] * n["v"] * n["q_0"],
                    because="*a* is a sum of *n* products of a weight with variance *v* and an input with mean square "
                    "*q*₀. The weights are independent, so that the mixed terms are 0 on average.",
                    shown=r"\frac{1}{2} \cdot 64 \cdot 0.03125 \cdot 1",
                ),
                Step(
                    of="v",
                    left=lambda _: (nn.init.calculate_gain("relu") / math.sqrt(64)) ** 2,
                    tex=r"\frac{2}{n}",
                    value=lambda n: 2 / n["n"],
                    because="For *q*₁ to be *q*₀ the factors ½ · *n* · *v* have to make 1.",
                    shown=r"\frac{2}{64}",
                ),
            ),
        ),
        Derivation(
            id="shortcut",
            title="Two layers with shortcuts have four ways through",
            of=r"\frac{dh_2}{dh_0}",
            numbers={"a": 0.25, "b": 0.2},
            value=lambda n: shortcuts(n["a"], n["b"]),
            steps=(
                Step(
                    tex=r"(1 + a)(1 + b)",
                    value=lambda n: (1 + n["a"]) * (1 + n["b"]),
                    because="*h* + *f*(*h*) has the slope 1 + *f*′. Here *f*′ is *a* in the first layer, *b* in the "
                    "second.",
                ),
                Step(
                    tex="1 + a + b + a b",
                    value=lambda n: 1 + n["a"] + n["b"] + n["a"] * n["b"],
                    because="Around both, through the first, through the second, through both. Only the last way is "
                    "there in a plain stack.",
                    shown=r"1 + 0.25 + 0.2 + 0.25 \cdot 0.2",
                ),
            ),
        ),
    )
