"""What the short version asks: names, formulas and uses, checked by the functions themselves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

GIVEN: Final = frozenset({"1.1", "1.5", "1.702", "1.7159"})  # T5's version; an α; factors that CLIP and LeCun gave
_WEAK: Final = 0.01  # of a slope of 1
_CLASSES: Final = 10


def _of(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _value(function: Callable[[Tensor], Tensor], x: float) -> float:
    return value_and_slope(function, _of(x))[0].item()


def _slope(function: Callable[[Tensor], Tensor], x: float) -> float:
    return value_and_slope(function, _of(x))[1].item()


def perfect_shares() -> float:
    """Return what cross-entropy charges for a perfect answer that is handed to it as shares."""
    return L.cross_entropy(_of(1.0, 0.0, 0.0)[None], torch.tensor([0])).item()


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    return (
        _order(),
        _saturated(),
        _draw_swish(),
        _name_from_formula(),
        _name_from_use(),
        _use_from_formula(),
        _two_of_a_kind(),
        _same_logit(),
    )


def _order() -> Rank:
    return Rank(
        id="order-at-minus-one",
        question="Order these by their *value* at *x* = −1, the greatest first.",
        items=(
            ("ELU", _value(A.elu, -1.0)),
            ("ReLU", _value(A.relu, -1.0)),
            ("GELU", _value(A.gelu, -1.0)),
            ("sigmoid", _value(A.sigmoid, -1.0)),
            ("leaky ReLU", _value(A.leaky_relu, -1.0)),
        ),
        slips=(
            (
                (1, 3, 4, 2, 0),
                "A sigmoid is never 0 or below: at −1 it is 0.269, above ReLU.",
            ),
            (
                (3, 1, 4, 0, 2),
                "GELU dips to about −0.17 and comes back to 0. ELU sinks to −α, and at −1 it is *e*⁻¹ − 1.",
            ),
        ),
        told="0.269, 0, a hundredth below, then the dip of GELU, then ELU on its way to −1.",
    )


def _saturated() -> Reach:
    return Reach(
        id="saturated",
        question="Move the plate to a place where tanh hands back less than 1 % of the gradient and ReLU all of it.",
        figure="activations",
        start="at=-2",
        goal="at=3.2",
        met=_weak,
        told="Saturation needs no large number: 3 will do.",
        hint="tanh has two flat ends. ReLU has one.",
    )


def _weak(state: State) -> tuple[bool, str]:
    x = real(state, "at")
    flat, open_ = _slope(A.tanh, x), _slope(A.relu, x)
    said = f"At *x* = {number(x, 3)} tanh has a slope of {number(flat, 3)} and ReLU one of {number(open_, 3)}."
    return flat < _WEAK and open_ == 1, said


def _draw_swish() -> Sketch:
    at = (-5.0, -2.5, -1.0, 1.0, 2.5)
    grid = [-6 + 9 * i / 40 for i in range(41)]

    def swish(xs: Sequence[float]) -> list[float]:
        with slopes.exact():
            values: list[float] = A.swish(_of(*xs)).tolist()
        return values

    return Sketch(
        id="draw-swish",
        question="Draw *x* σ(*x*). ReLU is there already.",
        axes=Axes(x=(-6.0, 3.0), y=(-1.0, 3.0), x_title="x", y_title="value"),
        at=at,
        truth=swish,
        within=0.15,
        context=(Line(label="ReLU", x=tuple(grid), y=tuple(max(0.0, x) for x in grid), hue=palette.hue("relu")),),
        slips=(
            (
                tuple(max(0.0, x) for x in at),
                "That is ReLU. A sigmoid is a soft gate: at 1 it is open by 0.73, and at −1 still by 0.27.",
            ),
            (
                tuple(A.softplus(_of(*at)).tolist()),
                "That is softplus, which is above 0. Below 0 *x* is negative and σ positive, so Swish dips.",
            ),
        ),
        told="It dips to about −0.28 near −1.28, comes back to 0 on the left, and nears *x* on the right.",
        hint="At −1: −1 times σ(−1).",
        start=0.0,
    )


def _name_from_formula() -> Pick:
    error, bend = _of(3.0), 2.0
    wanted = bend * (3.0 - bend / 2)
    values = (
        L.smooth_l1(error, torch.zeros_like(error), beta=bend).item(),
        L.huber(error, torch.zeros_like(error), delta=bend).item(),
        L.mae(error, torch.zeros_like(error)).item(),
        L.quantile(error[:, None], torch.zeros_like(error), [0.5]).item(),
    )
    return Pick(
        id="name-from-formula",
        question="Name it: ½*r*² for errors up to 2, and 2(*r* − 1) beyond, for positive *r*.",
        options=(
            Option(
                label="smooth L1 with β = 2",
                said="That is this divided by β: ½*r*²/2, then *r* − 1. Its far slope is 1.",
            ),
            Option(label="Huber with δ = 2"),
            Option(
                label="the absolute error", said="It has no square in it. Far out its slope is 1, and here it is 2."
            ),
            Option(label="the pinball loss", said="It has two straight sides and no curve between."),
        ),
        right=next(i for i, value in enumerate(values) if math.isclose(value, wanted, rel_tol=1e-12)),
        told="δ(*r* − δ/2) continues ½*r*² with its slope at δ, which is δ.",
    )


def _name_from_use() -> Pick:
    z, both = _of(4.0, 4.0, -4.0), _of(1.0, 1.0, 0.0)
    costs = (
        L.cross_entropy(z[None], (both / 2)[None]).item(),
        L.binary_cross_entropy(z, both).item(),
        L.multiclass_hinge(z[None], torch.tensor([0])).item(),
    )
    return Pick(
        id="name-from-use",
        question="A picture may show a dog *and* a cat. Which loss is content with a network that is sure of both and "
        "of nothing else?",
        options=(
            Option(
                label="cross-entropy",
                said="A softmax makes them share: with two true classes neither can get more than half, and log 2 has "
                "to be paid.",
            ),
            Option(label="binary cross-entropy, once per label"),
            Option(
                label="the multi-class hinge",
                said="It knows one true class, which has to lead all others. Dog and cat cannot lead each other.",
            ),
        ),
        right=costs.index(min(costs)),
        told="One logit per label, each a yes or no of its own.",
    )


def _use_from_formula() -> Pick:
    logits, answer = torch.zeros(1, 4, dtype=torch.float64), torch.tensor([2])
    wanted = math.log(4)
    values = (
        L.triplet(*torch.ones(3, 1, 4, dtype=torch.float64)).item(),
        L.info_nce(torch.ones(1, 4, dtype=torch.float64), torch.ones(4, 4, dtype=torch.float64), answer).item(),
        L.hinge(logits[0, :1], torch.ones(1, dtype=torch.float64)).item(),
    )
    return Pick(
        id="use-from-formula",
        question="−log of a softmax over similarities divided by a temperature, at the right one. What is it for?",
        options=(
            Option(
                label="three pictures of which two show one person",
                said="For three there is the triplet loss: distances and a margin, with no softmax.",
            ),
            Option(label="a query that has to find its own key among many"),
            Option(
                label="a decision between two classes with a margin",
                said="That is the hinge, which has neither softmax nor temperature.",
            ),
        ),
        right=next(i for i, value in enumerate(values) if math.isclose(value, wanted, rel_tol=1e-9)),
        told="InfoNCE. With four keys alike it is log 4: cross-entropy over a line-up.",
        hint="It is cross-entropy. What are its classes?",
    )


def _two_of_a_kind() -> Pick:
    margin = _of(1.0)
    zero = torch.zeros_like(margin)
    wanted = L.dpo(margin, zero, zero, zero, beta=0.5).item()
    values = (
        L.ipo(margin, zero, zero, zero, beta=0.5).item(),
        L.hinge(0.5 * margin, torch.ones_like(margin)).item(),
        L.binary_cross_entropy(0.5 * margin, torch.ones_like(margin)).item(),
        L.mse(0.5 * margin, torch.ones_like(margin)).item(),
    )
    return Pick(
        id="two-of-a-kind",
        question="DPO with a margin Δ is the same number as which of these, of the prediction βΔ and the truth 1?",
        options=(
            Option(label="IPO", said="IPO is a square of Δ, and rests at a margin. DPO never does."),
            Option(label="the hinge", said="The hinge is straight, then 0. DPO bends and never is 0."),
            Option(label="binary cross-entropy"),
            Option(label="the squared error", said="Squares would pull back beyond 1. DPO goes on."),
        ),
        right=next(i for i, value in enumerate(values) if math.isclose(value, wanted, rel_tol=1e-9)),
        told="−log σ(βΔ): a yes-or-no question whose logit is the margin. Bradley-Terry asks the same of rewards.",
    )


def _same_logit() -> Guess:
    even = L.cross_entropy(torch.zeros(1, _CLASSES, dtype=torch.float64), torch.tensor([0])).item()
    return Guess(
        id="same-logit",
        question="Ten classes, all logits 7. What does cross-entropy charge?",
        answer=even,
        unit="nats",
        within=0.01,
        slips=(
            Slip(
                answer=7.0,
                said=f"A softmax ignores what is common to all logits. Ten even shares: log 10 = {number(even, 3)}.",
            ),
            Slip(answer=0.1, said=f"That is the share of the truth. Its price is −log 0.1 = {number(even, 3)}."),
            Slip(answer=1.0, said=f"That is log 10 to base 10. In nats it is {number(even, 3)}."),
            Slip(answer=math.log2(_CLASSES), said=f"That is in bits. In nats it is {number(even, 3)}."),
        ),
        told="log 10: what everybody pays who knows nothing, whatever the common logit is.",
        hint="What does adding 7 to all logits change?",
    )
