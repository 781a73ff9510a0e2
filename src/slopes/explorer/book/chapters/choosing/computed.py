"""What the chapter on choosing computes: pairs that do not fit, thresholds from costs, where weights rest."""

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
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.book.reads import reads
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown.curve import value_and_slope

GIVEN: Final = frozenset[str]()
_RATE: Final = 0.001
_FARTHEST: Final = 60.0  # a logit that no sigmoid tells from the end
_WRONG: Final = -4.0  # the logit of the first set-up
_ORDERS: Final = (10.0, 20.0, 400.0)


def _of(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _twice(z: Tensor, y: float) -> Tensor:
    return L.binary_cross_entropy(A.sigmoid(z), torch.full_like(z, y), reduction="sum")


def twice_value(z: float, y: float) -> float:
    """Return binary cross-entropy of logits at a logit that has been through a sigmoid already."""
    with slopes.exact():
        return _twice(_of(z), y).item()


def _slope(loss: Callable[[Tensor], Tensor], z: float) -> float:
    return value_and_slope(loss, _of(z))[1].item()


def twice_slope(z: float, y: float) -> float:
    """Return its slope by the logit."""
    return _slope(lambda at: _twice(at, y), z)


def _zero(rises: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function is 0."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if rises(middle) < 0 else (low, middle)
    return (low + high) / 2


def alarm_above(missed: float, false_alarm: float) -> float:
    """Return the probability at which an alarm and silence cost the same."""
    return _zero(lambda p: p * missed - (1 - p) * false_alarm, 0.0, 1.0)


def weighted_rest(weight: float, rate: float = _RATE) -> float:
    """Return what one answer for all comes to rest at, under a weight on the ones."""

    def slope(z: float) -> float:
        def loss(at: Tensor) -> Tensor:
            both = (L.binary_cross_entropy(at, _of(y), pos_weight=_of(weight)) for y in (1.0, 0.0))
            ones, zeros = both
            return rate * ones + (1 - rate) * zeros

        return _slope(loss, z)

    with slopes.exact():
        return A.sigmoid(_of(_zero(slope, -30.0, 30.0))).item()


def back_from_logs(values: Sequence[float] = _ORDERS) -> float:
    """Return the exponential of where squares rest on the logarithms of values."""
    targets = _of(*values).log()

    def slope(m: float) -> float:
        return _slope(lambda at: L.mse(at.expand(len(targets)), targets), m)

    return math.exp(_zero(slope, 0.0, 20.0))


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    floor = twice_value(_FARTHEST, 1.0)
    sure = (-6.0, 1.0)
    return (
        Reach(
            id="mend",
            question="Set-up 1. Mend it on the plate: at *z* = −4, where the truth is 1, the pull should be as strong "
            "as "
            "it can be for a probability.",
            figure="pairing",
            start="activation=relu&loss=bce&z=-4",
            goal="activation=none&loss=bce&z=-4",
            met=_mended,
            told="No bend at all between the network and a loss of logits: the loss has its own.",
            hint="What does a loss *of logits* do with its input first?",
        ),
        Guess(
            id="floor",
            question="Set-up 2: a sigmoid, then binary cross-entropy *of logits*. The truth is 1, and the model is as "
            "sure of it as can be. How low does the loss get?",
            answer=floor,
            within=0.02,
            slips=(
                Slip(
                    answer=0.0,
                    said="It would with one sigmoid. Here the loss receives 1 as a *logit*, and a logit of 1 is a "
                    f"probability of 0.731: {number(floor, 3)}.",
                ),
                Slip(
                    answer=math.log(2),
                    said="That is the loss at a logit of 0, one half. The first sigmoid gets as far as 1, whose loss "
                    "is "
                    f"{number(floor, 3)}.",
                ),
            ),
            told="The first sigmoid ends at 1; as a logit that is 73 %, and −log 0.731 is what remains, whatever the "
            "model does.",
            hint="The largest logit that the loss can be given is 1.",
        ),
        Pick(
            id="two-labels",
            question="Set-up 3. The tags that are true reach one half and stop. What is to be changed?",
            options=(
                Option(
                    label="the loss, to squares: they are not so strict",
                    said="The shares of a softmax still add up to 1, so two tags still cannot both be sure.",
                ),
                Option(label="the head: a sigmoid for each tag, with binary cross-entropy"),
                Option(
                    label="the decision: accept every tag above 40 %",
                    said="With three true tags each gets a third. The shares depend on how many there are.",
                ),
                Option(
                    label="the temperature: a sharper softmax",
                    said="A sharper softmax makes one of the two win. Their sum stays 1.",
                ),
            ),
            right=_both_sure(),
            told="Tags do not exclude each other. Each is a question of its own and gets a sigmoid of its own; then "
            "all can "
            "be sure at once.",
            hint="What do the answers of a softmax add up to?",
        ),
        Guess(
            id="alarm",
            question="Set-up 4. A fraud that is missed costs 50, a false alarm costs 1. Above which probability, in "
            "per "
            "cent, should it raise an alarm?",
            answer=100 * alarm_above(50, 1),
            unit="%",
            within=0.03,
            slips=(
                Slip(
                    answer=50.0,
                    said="That is right if both mistakes cost the same. Here one costs fifty times the other: alarm "
                    f"above {number(100 * alarm_above(50, 1), 3)} %.",
                ),
                Slip(
                    answer=100 * alarm_above(1, 50),
                    said="That is the other way round: it would let a fraud pass that is nearly certain, to save a "
                    "call that costs 1.",
                ),
            ),
            told="1 in 51. At that probability a fraud that is let pass costs on average as much as a call that was "
            "for "
            "nothing.",
            hint="At the threshold both choices cost the same on average.",
        ),
        Pick(
            id="month",
            question="Set-up 5. Why is the sum too low?",
            options=(
                Option(
                    label="the model is too small: it misses the large orders",
                    said="Even a model without error does this. Of 10, 20 and 400 the best single answer in "
                    f"logarithms is {number(back_from_logs(), 3)}.",
                ),
                Option(
                    label="squares of logarithms aim at a mean of logarithms, and its exponential is below the mean"
                ),
                Option(
                    label="squares give large orders too much pull",
                    said="Of the logarithms they are not large: log 400 is twice log 20. It is the way back that "
                    "loses.",
                ),
            ),
            right=1 if back_from_logs() < sum(_ORDERS) / len(_ORDERS) else 0,
            told=f"Of orders of 10, 20 and 400 it says {number(back_from_logs(), 3)}, where the mean is "
            f"{number(sum(_ORDERS) / len(_ORDERS), 3)}. Where logarithms spread evenly to both sides it says the "
            f"median. "
            "Good for one order; for a sum aim at the mean.",
            hint="Take orders of 10, 20 and 400, and one answer for all three.",
        ),
        Pick(
            id="zeros",
            question="A sixth set-up: the [hinge](/functions/hinge) loss, max(0, 1 − *y* · score), with labels 0 and "
            "1. "
            "What does an example with label 0 teach?",
            options=(
                Option(label="nothing"),
                Option(
                    label="that its score should be below −1",
                    said="It would with the label −1. With 0 the score is multiplied by 0.",
                ),
                Option(
                    label="that its score should be near 0",
                    said="The score does not occur any more: 1 − 0 · score is 1, wherever it is.",
                ),
            ),
            right=0
            if not reads("pairing", "activation=none&loss=hinge01&z=6", "gradient at the logit", "y = 0")
            else 1,
            told="Its loss is 1 for every score, and its slope 0. Target and loss have to be written in the same way: "
            "the hinge counts −1 and +1.",
            hint="Put *y* = 0 into the formula.",
        ),
        Rank(
            id="pull",
            question="The truth is 1 and the logit is −6. Which pair pulls hardest?",
            items=(
                ("a sigmoid, then squares", abs(_slope(lambda z: L.mse(A.sigmoid(z), _of(sure[1])), sure[0]))),
                ("a ReLU, then binary cross-entropy", abs(_slope(_after_relu, sure[0]))),
                ("no bend, binary cross-entropy", abs(_slope(_matched, sure[0]))),
                ("a sigmoid, then binary cross-entropy", abs(twice_slope(*sure))),
            ),
            slips=(
                (
                    (2, 3, 0, 1),
                    "The sigmoid in the way costs both the same; squares have the factor 2 and an error of nearly 1.",
                ),
                (
                    (2, 1, 0, 3),
                    "A sigmoid at −6 is nearly level, but not quite. A ReLU is level: nothing comes through.",
                ),
            ),
            told="All but one have a bend in the way. A sigmoid's slope at −6 is 0.0025; squares multiply it by 2, a "
            "second sigmoid by one half, and a ReLU has none.",
            hint="Which of them goes through which slope?",
        ),
    )


def _matched(z: Tensor) -> Tensor:
    return L.binary_cross_entropy(z, torch.ones_like(z))


def _after_relu(z: Tensor) -> Tensor:
    return _matched(A.relu(z))


def _mended(state: State) -> tuple[bool, str]:
    activation, loss = word(state, "activation"), word(state, "loss")
    z = real(state, "z")
    if word(state, "task") != "binary" or abs(z - _WRONG) > 1 / 2:
        return False, f"Leave the task as it is, and *z* at {number(_WRONG)}."
    if activation == "none" and loss in {"own", "bce"}:
        return True, f"The pull is ŷ − *y*, {number(_slope(_matched, z), 3)}."
    if activation == "none":
        return False, "The bend is gone. Now the loss: one that is made for logits and leaves a probability."
    return False, f"There is still a {activation} before the loss, and the slope has to go through it."


def _both_sure() -> int:
    """Return which change lets two true tags be likely at once: a change of the head, if softmax does not."""
    with slopes.exact():
        scores = _of(8.0, 8.0, -8.0)
        shared = A.softmax(scores)[:2].min().item()
        alone = A.sigmoid(scores)[:2].min().item()
    return 1 if shared <= 1 / 2 < alone else 0


def _sigma(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def _chained(n: Numbers) -> float:
    return (_sigma(_sigma(n["z"])) - n["y"]) * math.exp(-n["z"]) / (1 + math.exp(-n["z"])) ** 2


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    costs = {r"c_{\text{miss}}": 50.0, r"c_{\text{alarm}}": 1.0}
    miss, alarm = costs
    return (
        Derivation(
            id="twice",
            title="What a second sigmoid costs",
            of=r"\frac{d\ell}{dz}",
            numbers={"z": 6.0, "y": 0.0},
            value=lambda n: twice_slope(n["z"], n["y"]),
            steps=(
                Step(
                    tex=r"\frac{d\ell}{ds} \cdot \frac{ds}{dz}, \quad s = \sigma(z)",
                    value=_chained,
                    because="The loss takes *s* for a logit, and *s* is a sigmoid of the network's own number.",
                    shown=r"0.7306 \cdot 0.002467",
                ),
                Step(
                    tex=r"(\sigma(s) - y) \cdot s (1 - s)",
                    value=lambda n: (_sigma(_sigma(n["z"])) - n["y"]) * _sigma(n["z"]) * (1 - _sigma(n["z"])),
                    because="By its logit the loss has answer minus truth. But there is a sigmoid in the way, whose "
                    "slope nothing cancels.",
                    shown=r"(0.7306 - 0) \cdot 0.9975 (1 - 0.9975)",
                ),
            ),
        ),
        Derivation(
            id="threshold",
            title="The threshold that the costs ask for",
            of=rf"p^* {miss}",
            numbers=costs,
            value=lambda n: alarm_above(n[miss], n[alarm]) * n[miss],
            steps=(
                Step(
                    tex=rf"(1 - p^*) {alarm}",
                    value=lambda n: (1 - alarm_above(n[miss], n[alarm])) * n[alarm],
                    because="Silence costs on average *p* times a miss, an alarm costs 1 − *p* times a false one. At "
                    "the threshold *p*\\* both are equal.",
                    shown=r"(1 - 0.01961) \cdot 1",
                ),
                Step(
                    of="p^*",
                    left=lambda n: alarm_above(n[miss], n[alarm]),
                    tex=rf"\frac{{{alarm}}}{{{alarm} + {miss}}}",
                    value=lambda n: n[alarm] / (n[alarm] + n[miss]),
                    because="Solved for *p*\\*. With equal costs it is one half, and only then.",
                    shown=r"\frac{1}{1 + 50}",
                ),
            ),
        ),
    )
