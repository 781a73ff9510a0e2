"""What the chapter on rare and hard examples computes: slopes, shares of a batch, and where a loss comes to rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

GIVEN = frozenset({"99.9", "0.25"})  # a state of the plate, and what a paper used
_EASY, _HARD, _MANY = 0.9, 0.1, 1000
_ILL: Final = 0.01
_HALF: Final = 0.5
_FINE: Final = 0.1  # the step of the plate's γ
_SURE: Final = 10.0  # a logit
Loss = Callable[[Tensor, Tensor], Tensor]


def _measured(loss: Loss, z: Sequence[float], y: Sequence[float]) -> tuple[list[float], list[float]]:
    """Return values and slopes at logits."""
    labels = torch.tensor(y, dtype=torch.float64)
    values, slope = value_and_slope(lambda at: loss(at, labels), torch.tensor(z, dtype=torch.float64))
    return values.tolist(), slope.tolist()


def _focal(gamma: float) -> Loss:
    return lambda z, y: L.focal(z, y, gamma=gamma, reduction="none")


def _weighted(w: float) -> Loss:
    return lambda z, y: L.binary_cross_entropy(z, y, pos_weight=w, reduction="none")


def weighted(z: float, y: float, w: float) -> float:
    """Return cross-entropy with a weight for positives."""
    return _measured(_weighted(w), [z], [y])[0][0]


def weighted_slope(z: float, w: float) -> float:
    """Return its slope at a positive."""
    return _measured(_weighted(w), [z], [1.0])[1][0]


def focal_loss(z: float, y: float) -> float:
    """Return focal loss with γ = 2."""
    return _measured(_focal(2.0), [z], [y])[0][0]


def asymmetric_loss(z: float, y: float) -> float:
    """Return the asymmetric loss as it comes."""
    return _measured(_three()["asymmetric"], [z], [y])[0][0]


def _three() -> dict[str, Loss]:
    return {
        "binary_cross_entropy": _weighted(1.0),
        "focal": _focal(2.0),
        "asymmetric": lambda z, y: L.asymmetric(z, y, reduction="none"),
    }


def negative_pull(name: str, z: float) -> float:
    """Return the slope of one of the three losses at a negative."""
    return _measured(_three()[name], [z], [0.0])[1][0]


def _at(p: float, gamma: float) -> tuple[float, float]:
    """Return loss and size of the slope where the truth has this probability."""
    (value,), (slope,) = _measured(_focal(gamma), [math.log(p / (1 - p))], [1.0])
    return value, abs(slope)


def pull(p: float, gamma: float) -> float:
    """Return the size of the slope alone."""
    return _at(p, gamma)[1]


def share(what: str, gamma: float) -> float:
    """Return what the easy negatives have of the loss, or of the gradient, beside one hard positive."""
    of = ("loss", "gradient").index(what)
    easy, hard = _MANY * _at(_EASY, gamma)[of], _at(_HARD, gamma)[of]
    return easy / (easy + hard)


def lighter(p: float) -> tuple[float, float]:
    """Return how many times smaller γ = 2 makes loss and slope."""
    cross, focal = _at(p, 0.0), _at(p, 2.0)
    return cross[0] / focal[0], cross[1] / focal[1]


def _rest(loss: Loss, rate: float) -> float:
    """Return the logit at which the mean loss is least when this share is positive and no more can be known."""
    low, high = -20.0, 20.0
    for _ in range(80):
        middle = (low + high) / 2
        yes, no = _measured(loss, [middle, middle], [1.0, 0.0])[1]
        low, high = (middle, high) if rate * yes + (1 - rate) * no < 0 else (low, middle)
    return (low + high) / 2


def _sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def resting(rate: float, gamma: float) -> float:
    """Return the probability at which focal loss rests."""
    return _sigma(_rest(_focal(gamma), rate))


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    return (
        Guess(
            id="constant",
            question="One in a hundred is ill, and the model must say the same probability to everybody. Positives "
            "weigh 99. Which probability pays least?",
            answer=_sigma(_rest(_weighted(99.0), _ILL)),
            within=0.01,
            slips=(
                Slip(
                    answer=0.01,
                    said="That is the truth, and what cross-entropy without a weight would say. With it each ill "
                    "person counts for 99: as many as the healthy.",
                ),
                Slip(
                    answer=0.99,
                    said="That would be the ill outweighing the healthy 99 to 1. The weight makes them *even*.",
                ),
            ),
            told="The weight makes both sides even, so the best constant is ½: right for the decision, and wrong by a "
            "factor of 50 as a probability.",
            hint="After weighting, how many count on either side?",
        ),
        _reach(
            "loss",
            "Starting from γ = 0, what is the *least* γ at which the easy thousand hold less than half of the "
            "**loss**?",
        ),
        _sketch(),
        _reach("gradient", "And the least γ at which they hold less than half of the **gradient**?"),
        _false_alarm(),
        _who_speaks(),
        Pick(
            id="rests",
            question="Cross-entropy rests where the model says the true rate. Of all cases that look the same, one in "
            "ten is positive. Where does focal loss with γ = 2 rest?",
            options=(
                Option(
                    label="at 10 % too: it has the same minimum",
                    said="Surprise rests at the truth because its slope is *p* − *y*. The factor takes that away: it "
                    "hushes the nine negatives, which are easy, more than the one positive.",
                ),
                Option(label="above 10 %, nearer to the middle"),
                Option(
                    label="below 10 %: rare ones are turned down",
                    said="The *easy* ones are turned down, and these are the nine negatives.",
                ),
            ),
            right=1 if _ILL * 10 < resting(0.1, 2.0) < _HALF else 0,
            told=f"It rests at {number(100 * resting(0.1, 2.0), 3)} %, drawn towards the middle. A log that is not "
            f"multiplied by "
            "anything is what made the output a probability.",
        ),
    )


def _reach(what: str, question: str) -> Reach:
    gamma = next(i * _FINE for i in range(51) if share(what, i * _FINE) < _HALF)

    def met(state: State) -> tuple[bool, str]:
        here = real(state, "gamma")
        same = {"p": _EASY, "negatives": _MANY, "hard": _HARD}
        if state.get("weights") != "none" or any(not math.isclose(real(state, k), v) for k, v in same.items()):
            return False, "Leave the thousand at 90 % and the one at 10 %, without weights; move γ alone."
        held = f"At γ = {number(here, 2)} they hold {number(100 * share(what, here), 3)} % of the {what}"
        if share(what, here) >= _HALF:
            return False, f"{held}: still the majority."
        if here >= _FINE and share(what, here - _FINE) < _HALF:
            return False, f"{held}; a smaller γ does as well."
        return True, f"{held}."

    told = {
        "loss": "The factor of each is a tenth to the power γ, so the thousand shrink quickly.",
        "gradient": f"It takes more than the {number(_least('loss'), 2)} that the loss took: an easy gradient shrinks "
        "less, "
        "and the hard one’s is about 1 where its loss is about 2.",
    }[what]
    return Reach(
        id=f"majority-{what}",
        question=question,
        figure="focal",
        start=f"p={_EASY}&gamma=0&negatives={_MANY}",
        goal=f"p={_EASY}&gamma={gamma:.1f}&negatives={_MANY}",
        met=met,
        told=told,
        hint="The bars of the plate, and small steps.",
    )


def _least(what: str) -> float:
    return next(i * _FINE for i in range(51) if share(what, i * _FINE) < _HALF)


def _slope_over(ps: Sequence[float], gamma: float) -> list[float]:
    return [pull(p, gamma) for p in ps]


def _sketch() -> Sketch:
    at = (0.05, 0.3, 0.5, 0.7, 0.95)
    grid = [0.02 + 0.96 * i / 80 for i in range(81)]
    cross = tuple(_slope_over(grid, 0.0))
    return Sketch(
        id="draw-slope",
        question="The size of cross-entropy’s slope by the logit is 1 − *p*. Draw that of focal loss with γ = 2.",
        axes=Axes(x=(0.02, 0.98), y=(0.0, 1.3), x_title="p, of the truth", y_title="size of the slope"),
        at=at,
        truth=lambda xs: _slope_over(xs, 2.0),
        within=0.1,
        context=(Line(label="γ = 0", x=tuple(grid), y=cross, hue=palette.hue("binary_cross_entropy")),),
        slips=(
            (
                tuple((1 - p) ** 3 for p in at),
                (
                    "That is 1 − *p* times the factor (1 − *p*)². But the factor depends on *p* as well, and its own "
                    "slope "
                    "pulls the same way: at *p* = 0.3 that doubles it."
                ),
            ),
            (
                tuple(_slope_over(at, 0.0)),
                "You drew cross-entropy’s. Where the answer is right already, hardly anything is left.",
            ),
        ),
        told="Above 1 at the sure mistake, next to nothing where the answer is right, and the crossing lies near "
        "*p* = 0.3.",
        hint="The factor has a slope too, and it points the same way.",
        start=0.5,
    )


def _false_alarm() -> Pick:
    pulls = [negative_pull(name, _SURE) for name in _three()]
    least = number(min(pulls), 2)
    return Pick(
        id="false-alarm",
        question="A picture shows a dog, and whoever labelled it forgot to say so: a negative at *z* = 10. Which of "
        "the "
        "three hardly pulls at it?",
        options=(
            Option(label="cross-entropy", said="It pulls with 1, at the worst mistake as hard as it ever does."),
            Option(label="focal", said="The example is as hard as can be, so focal loss leaves it at full strength."),
            Option(label="asymmetric"),
        ),
        right=pulls.index(min(pulls)),
        told=f"The shift keeps its probability below 1, and where the sigmoid is flat nothing makes up for it: "
        f"{least}. "
        "A forgotten label is forgiven, and so is a real false alarm.",
    )


def _who_speaks() -> Rank:
    crowds = (
        ("9,990 at 99 %", 9990, 0.99),
        ("1,000 at 90 %", 1000, 0.9),
        ("30 at 50 %", 30, 0.5),
        ("1 at 10 %", 1, 0.1),
    )

    def order(gamma: float) -> tuple[int, ...]:
        sums = [count * pull(p, gamma) for _, count, p in crowds]
        return tuple(sorted(range(len(sums)), key=lambda i: -sums[i]))

    return Rank(
        id="who-speaks",
        question="Four crowds, each with what the truth got. Order them by the gradient that they hold together under "
        "focal loss with γ = 2.",
        items=tuple((label, count * pull(p, 2.0)) for label, count, p in crowds),
        slips=(
            (
                order(0.0),
                "That is the order under cross-entropy, where numbers win. The factor is 10⁻⁴ at 99 % and ¼ at 50 %.",
            ),
            (
                (3, 2, 1, 0),
                "That is how much each *single* one of them pulls. There are a thousand at 90 % for the one at 10 %.",
            ),
        ),
        told="The undecided speak loudest, the crowd of the sure is silent.",
        hint="Each pulls with about (1 + 2) · (1 − *p*)³ where it is easy.",
    )


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    easy = {"p": _EASY, r"\gamma": 2.0}
    return (
        Derivation(
            id="rest",
            title="Where a weighted loss comes to rest",
            of="z",
            numbers={"w": 20.0, r"\pi": _ILL},
            value=lambda n: _rest(_weighted(n["w"]), n[r"\pi"]),
            steps=(
                Step(
                    of=r"w \pi \, \sigma(-z)",
                    left=lambda n: n["w"] * n[r"\pi"] * _sigma(-_rest(_weighted(n["w"]), n[r"\pi"])),
                    tex=r"(1 - \pi)\, \sigma(z)",
                    value=lambda n: (1 - n[r"\pi"]) * _sigma(_rest(_weighted(n["w"]), n[r"\pi"])),
                    because="At rest both sides pull alike: the share *π* of positives up, each with *w* σ(−*z*), the "
                    "others down, each with σ(*z*).",
                    shown=r"(1 - 0.01)\, \sigma(-1.599)",
                ),
                Step(
                    tex=r"\log \frac{w \pi}{1 - \pi}",
                    value=lambda n: math.log(n["w"] * n[r"\pi"] / (1 - n[r"\pi"])),
                    because="σ(*z*) over σ(−*z*) is *e* to the *z*: the logit is the logarithm of the odds.",
                ),
                Step(
                    tex=r"\log \frac{\pi}{1 - \pi} + \log w",
                    value=lambda n: math.log(n[r"\pi"] / (1 - n[r"\pi"])) + math.log(n["w"]),
                    because="The first part is the truth, the second the weight. Any *π* gets the same log *w*.",
                ),
            ),
        ),
        Derivation(
            id="focal-slope",
            title="The slope of focal loss at the logit",
            of=r"\frac{d\ell}{dz}",
            numbers=easy,
            value=lambda n: -pull(n["p"], n[r"\gamma"]),
            steps=(
                Step(
                    tex=r"\left(\gamma (1 - p)^{\gamma - 1} \log p - \frac{(1 - p)^\gamma}{p}\right) \frac{dp}{dz}",
                    value=lambda n: _by_p(n) * n["p"] * (1 - n["p"]),
                    because="The product rule: once the factor moves, once the logarithm.",
                    shown=r"\left(2 \cdot 0.1 \log 0.9 - \frac{0.1^2}{0.9}\right) \cdot 0.09",
                ),
                Step(
                    tex=r"(1 - p)^\gamma \left(\gamma\, p \log p - (1 - p)\right)",
                    value=lambda n: (
                        (1 - n["p"]) ** n[r"\gamma"] * (n[r"\gamma"] * n["p"] * math.log(n["p"]) - (1 - n["p"]))
                    ),
                    because="*dp*/*dz* is *p*(1 − *p*). The second term is cross-entropy’s slope, times the factor. "
                    "The "
                    "first is the factor’s own; near *p* = 1, where −log *p* is nearly 1 − *p*, it is *γ* times as "
                    "large.",
                    shown=r"0.1^2 \left(2 \cdot 0.9 \log 0.9 - 0.1\right)",
                ),
            ),
        ),
    )


def _by_p(n: Numbers) -> float:
    p, gamma = n["p"], n[r"\gamma"]
    return gamma * math.pow(1 - p, gamma - 1) * math.log(p) - math.pow(1 - p, gamma) / p
