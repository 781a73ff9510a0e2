"""What the chapter on squares computes: both losses at a logit, over three classes, and at the start of a path."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.book.answers import Guess, Option, Pick, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

_ODDS, _SHARE = -6.0, 0.02  # the state of the plate with three classes
_CAT, _DOG, _FOX = range(3)
_HUE = palette.hue("binary_cross_entropy")
GIVEN = frozenset({"1.8"})  # σ(−4), as a per cent


def _cross(z: Tensor) -> Tensor:
    return L.binary_cross_entropy(z, torch.ones_like(z), reduction="sum")


def _square(z: Tensor) -> Tensor:
    return L.mse(A.sigmoid(z), torch.ones_like(z), reduction="sum")


def _slopes(loss: Callable[[Tensor], Tensor], z: Sequence[float]) -> list[float]:
    slope: list[float] = value_and_slope(loss, torch.tensor(z, dtype=torch.float64))[1].tolist()
    return slope


def cross(z: float) -> float:
    """Return binary cross-entropy at a logit, the truth being 1."""
    return value_and_slope(_cross, torch.tensor([z], dtype=torch.float64))[0].item()


def square(z: float) -> float:
    """Return the squared error of the sigmoid there."""
    return value_and_slope(_square, torch.tensor([z], dtype=torch.float64))[0].item()


def cross_slope(z: float) -> float:
    """Return the slope of the first by the logit."""
    return _slopes(_cross, [z])[0]


def square_slope(z: float) -> float:
    """Return the slope of the second by the logit."""
    return _slopes(_square, [z])[0]


def _logits() -> list[float]:
    """Return the logits of cat, dog and fox: log-odds of the cat, and what of the rest the fox has."""
    with slopes.exact():
        cat = A.sigmoid(torch.tensor(_ODDS, dtype=torch.float64)).item()
    rest = 1 - cat
    return [math.log(share) for share in (cat, rest * (1 - _SHARE), rest * _SHARE)]


def ce_classes() -> list[float]:
    """Return cross-entropy's slope at the three logits, cat being the truth."""
    return _slopes(lambda z: L.cross_entropy(z[None], torch.tensor([_CAT])), _logits())


def mse_classes() -> list[float]:
    """Return the slope of the squared error of the shares, summed, at the three logits."""
    return _slopes(_squares, _logits())


def _squares(z: Tensor) -> Tensor:
    target = torch.zeros_like(z)
    target[_CAT] = 1.0
    return L.mse(A.softmax(z), target, reduction="sum")


def mse_diagonal() -> list[float]:
    """Return the same with the diagonal of the softmax's Jacobian alone."""
    p = A.softmax(torch.tensor(_logits(), dtype=torch.float64)).tolist()
    return [2 * (share - (i == _CAT)) * share * (1 - share) for i, share in enumerate(p)]


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    at = (-6.0, -3.0, 0.0, 3.0, 6.0)
    grid = [-8 + 16 * i / 80 for i in range(81)]
    lifted = mse_classes().index(min(mse_classes()))
    return (
        Guess(
            id="slopes-at-wrong",
            question="At *z* = −4 cross-entropy pulls the logit up with 0.98. With how much do squares pull?",
            answer=abs(square_slope(-4)),
            within=0.3,
            slips=(
                Slip(
                    answer=2 * (1 - 0.018),
                    said="That is the slope by the *probability*, 2(1 − *p*). On the way to the logit it meets the "
                    "slope "
                    f"of the sigmoid, 0.018: what is left is {number(abs(square_slope(-4)), 2)}.",
                ),
                Slip(
                    answer=0.98,
                    said=f"Only cross-entropy keeps its pull. Squares are left with "
                    f"{number(abs(square_slope(-4)), 2)}.",
                ),
            ),
            told="The slope by *p* is large; the sigmoid's slope, which it is multiplied by, is 0.018.",
            hint="How steep is a sigmoid at −4?",
        ),
        Sketch(
            id="draw-square-slope",
            question="Draw the slope of (1 − σ(*z*))² by *z*. The slope of cross-entropy is there to compare with.",
            axes=Axes(x=(-8.0, 8.0), y=(-1.1, 0.3), x_title="z, the logit", y_title="slope"),
            at=at,
            truth=lambda xs: _slopes(_square, list(xs)),
            within=0.09,
            context=(Line(label="cross-entropy", x=tuple(grid), y=tuple(_slopes(_cross, grid)), hue=_HUE),),
            slips=(
                (
                    tuple(_slopes(_cross, list(at))),
                    "You drew cross-entropy's. Squares are multiplied by *p*(1 − *p*), which pins both ends to 0.",
                ),
                (
                    tuple(2 * s for s in _slopes(_cross, list(at))),
                    "That is 2(*p* − 1), the slope by the probability. By the logit both ends are pinned to 0.",
                ),
            ),
            told="It is deepest near *z* = −0.7 and flat at both ends: on the right because the answer is right, on "
            "the "
            "left because the sigmoid is flat, where the mistake is worst.",
            hint="Two factors: one is 0 at the right end, the other at both.",
            start=-0.1,
        ),
        Pick(
            id="which-lifted",
            question="Descent raises a logit whose slope is negative. Cat is the truth, dog has nearly all. Which "
            "logit do "
            "squares raise most?",
            options=(
                Option(
                    label="cat",
                    said=f"They raise it, with {number(-mse_classes()[_CAT], 2)}. But fox, which is as wrong as dog, "
                    f"is raised with {number(-mse_classes()[_FOX], 2)}.",
                ),
                Option(label="dog", said="It is the one that is pushed down: it took the share that cat should have."),
                Option(label="fox"),
            ),
            right=lifted,
            told="Fox is *wrong*, and is raised more than the truth: the quickest way for squares to shrink dog's "
            "share is "
            "to raise whoever is next, and fox, with 2 %, responds better than cat, with 0.2 %.",
        ),
        Pick(
            id="slip-chain",
            question="*z* = −2, the truth is 1. In which line of this calculation is the slip?",
            options=(
                Option(label="*p* = σ(−2) = 0.119", said="This holds: 1 / (1 + e²) is 0.119."),
                Option(label="slope by *p*: 2(*p* − 1) = −1.762", said="This holds: 2 · (0.119 − 1)."),
                Option(label="slope of σ: *p* = 0.119"),
                Option(label="together: −1.762 · 0.119 = −0.21", said="The product of the two lines above is right."),
            ),
            right=_slip(),
            lines=True,
            told=f"The slope of σ is *p*(1 − *p*) = 0.105, and the whole is {number(square_slope(-2), 3)}.",
        ),
        Pick(
            id="when-squares",
            question="Where are squares the matched choice?",
            options=(
                Option(label="a house price, from a linear output"),
                Option(
                    label="a probability of rain, from a sigmoid",
                    said="A sure mistake would be told next to nothing. Binary cross-entropy.",
                ),
                Option(
                    label="one of ten digits, from a softmax",
                    said="One true class: cross-entropy. Squares would let the worst mistakes rest.",
                ),
            ),
            right=_matched(),
            told="Nothing saturates between a linear output and its loss: the slope is 2(ŷ − *y*), for near and far.",
        ),
    )


def _slip() -> int:
    """Return the first line whose number is not what the library says."""
    p, slope = (found.item() for found in value_and_slope(A.sigmoid, torch.tensor([-2.0], dtype=torch.float64)))
    stated = ((p, 0.119), (2 * (p - 1), -1.762), (slope, 0.119))
    return next(i for i, (exact, said) in enumerate(stated) if abs(exact - said) > 0.001)  # noqa: PLR2004  as rounded


def _matched() -> int:
    """Return which output keeps the slope of squares at a mistake of 1: linear, sigmoid, softmax."""
    far = torch.tensor([-8.0, 8.0], dtype=torch.float64)

    def pull(output: Callable[[Tensor], Tensor]) -> float:
        z = far.clone().requires_grad_()
        target = torch.tensor([1.0, 0.0], dtype=torch.float64)
        return torch.autograd.grad(L.mse(output(z), target, reduction="sum"), z)[0].abs().max().item()

    pulls = [pull(lambda z: z), pull(A.sigmoid), pull(A.softmax)]
    return pulls.index(max(pulls))


def _sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def _p(n: Numbers) -> float:
    return _sigma(n["z"])


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    here = {"z": -4.0, "y": 1.0}
    return (
        Derivation(
            id="square-slope",
            title="The slope of squares at the logit",
            of=r"\frac{d(p - y)^2}{dz}",
            numbers=here,
            value=lambda n: square_slope(n["z"]),
            steps=(
                Step(
                    tex=r"\frac{d(p - y)^2}{dp} \cdot \frac{dp}{dz}",
                    value=lambda n: 2 * (_p(n) - n["y"]) * math.exp(-n["z"]) / (1 + math.exp(-n["z"])) ** 2,
                    because="The loss sees *z* through *p* alone: the chain rule.",
                    shown=r"(-1.964) \cdot 0.01766",
                ),
                Step(
                    tex=r"2 (p - y) \cdot p (1 - p)",
                    value=lambda n: 2 * (_p(n) - n["y"]) * _p(n) * (1 - _p(n)),
                    because="The sigmoid's slope, written by its own value, is *p*(1 − *p*).",
                    shown=r"2 (0.01799 - 1) \cdot 0.01799 (1 - 0.01799)",
                ),
            ),
        ),
        Derivation(
            id="entropy-slope",
            title="The slope of cross-entropy at the logit",
            of=r"\frac{d(-\log p)}{dz}",
            numbers=here,
            value=lambda n: cross_slope(n["z"]),
            steps=(
                Step(
                    tex=r"-\frac{1}{p} \cdot \frac{dp}{dz}",
                    value=lambda n: -1 / _p(n) * math.exp(-n["z"]) / (1 + math.exp(-n["z"])) ** 2,
                    because="The slope of a logarithm is one over its argument.",
                    shown=r"(-55.6) \cdot 0.01766",
                ),
                Step(
                    tex=r"-\frac{1}{p} \cdot p (1 - p)",
                    value=lambda n: -1 / _p(n) * _p(n) * (1 - _p(n)),
                    because="The same factor as before. But now there is a 1/*p* to meet it.",
                    shown=r"(-55.6) \cdot 0.01799 (1 - 0.01799)",
                ),
                Step(
                    tex=r"-(1 - p)",
                    value=lambda n: -(1 - _p(n)),
                    because="They cancel. The same calculation with the truth at 0 gives *p*.",
                    shown=r"-(1 - 0.01799)",
                ),
                Step(
                    tex=r"p - y",
                    value=lambda n: _p(n) - n["y"],
                    because="Both answers in one formula: prediction minus truth.",
                    shown="0.01799 - 1",
                ),
            ),
        ),
    )
