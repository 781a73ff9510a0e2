"""What the chapter on slips computes: the exact figures, and what the stated ones would have to be of."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.derivation import Derivation, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, word
from slopes.explorer.figures.wording import number
from slopes.explorer.figures.worked_examples.examples import differences, exact, worst
from slopes.explorer.figures.worked_examples.table import Row, rows
from slopes.shown.curve import value_and_slope

GIVEN: Final = frozenset(
    # as the texts state them, their inputs, and the edges of 0.80's room
    {"1.4", "0.80", "0.795", "0.805", "0.395", "0.326", "0.279", "2.4", "0.10", "1.863", "0.95", "0.000125", "0.05"}
    | {"0.1", "0.9"}
)
_LOGITS: Final = (2.1, 0.8, -0.3)
_BY_ID: Final = {row.id: row for row in rows()}
_WEATHER, _BELIEF = (0.7, 0.2, 0.1), (0.5, 0.3, 0.2)


def _of(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def holding() -> int:
    """Return how many of the figures hold."""
    return sum(row.holds for row in rows())


def loss(p: float) -> float:
    """Return binary cross-entropy of a probability that was given to the truth."""
    with slopes.exact():
        return L.binary_cross_entropy(_of(p).logit(), _of(1.0)).item()


def _slope(p: float) -> float:
    return value_and_slope(lambda z: L.binary_cross_entropy(z, _of(1.0)), _of(p).logit())[1].item()


def _slope_by_p(p: float) -> float:
    return value_and_slope(lambda at: L.binary_cross_entropy(at.logit(), _of(1.0)), _of(p))[1].item()


def slope_ratio() -> float:
    """Return how many times as large the slope at the logit is at 5 % than at 92 %."""
    return _slope(0.05) / _slope(0.92)


def share_ratio(temperature: float) -> float:
    """Return by what the first of the three shares exceeds the last."""
    with slopes.exact():
        shares = A.softmax(_of(*_LOGITS), temperature=temperature).tolist()
    return float(shares[0] / shares[-1])


def temperature_of(ratio: float) -> float:
    """Return the temperature at which it does so by a given factor."""
    low, high = 0.1, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if share_ratio(middle) > ratio else (low, middle)
    return (low + high) / 2


def focal_less(p: float, rounded: float) -> float:
    """Return how far focal loss is from what a rounded −log p makes of it."""
    with slopes.exact():
        true = L.focal(_of(p).logit(), _of(1.0), gamma=2.0).item()
    return true - (1 - p) ** 2 * rounded


def _kl(p: tuple[float, ...], q: tuple[float, ...]) -> float:
    return L.kl_divergence(_of(*p).log()[None], _of(*q).log()[None]).item()


def _off(name: str) -> float:
    """Return by how many per cent the worst number of a figure is off."""
    row: Row = _BY_ID[name]
    return 100 * differences(row)[worst(row)]


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    cold, as_stated = share_ratio(0.5), 0.914 / 0.018
    forward, reverse = _kl(_WEATHER, _BELIEF), _kl(_BELIEF, _WEATHER)
    return (
        Pick(
            id="cut",
            question="The softmax of (2.1, 0.8, −0.3) is given as 0.733, 0.200 and 0.067, which add up to 1. Exactly "
            "the "
            "three are 0.73354, 0.19991 and 0.06655. Which is not rounded rightly?",
            options=(
                Option(label="0.733"),
                Option(label="0.200", said="0.19991 is 0.00009 off, less than half of the last place."),
                Option(label="0.067", said="0.06655 is nearer to 0.067 than to 0.066."),
                Option(
                    label="none, since they add up to 1", said="Adding up is no proof: rounded shares need not do so."
                ),
            ),
            right=_unrounded("softmax-3"),
            told="0.73354 is nearer to 0.734. One down, seven to go.",
            hint="Look at the fourth digit of each.",
        ),
        Guess(
            id="cold",
            question="The second: the same three logits, 2.1, 0.8 and −0.3, at T = 0.5, given as 0.914, 0.068 and "
            "0.018. "
            "By which factor does the first share really exceed the last?",
            answer=cold,
            unit="times",
            within=0.03,
            slips=(
                Slip(
                    answer=as_stated,
                    said="That is how it is given, 0.914 / 0.018. By the logits it is e to the power of 2.4 / 0.5: "
                    f"{number(cold, 4)}.",
                ),
                Slip(
                    answer=share_ratio(1.0),
                    said=f"That is at T = 1. At T = 0.5 the difference of the logits counts twice: {number(cold, 4)}.",
                ),
                Slip(
                    answer=share_ratio(2.0),
                    said=f"The logits are *divided* by T: 2.4 / 0.5 = 4.8, and not 1.2. It is {number(cold, 4)}.",
                ),
            ),
            told=f"As given it is {number(as_stated, 3)}: less than half. The last share is "
            f"{number(exact('softmax-3-cold')[-1], 2)} and not 0.018.",
            hint="The logits of the two are 2.4 apart. Divide by T.",
        ),
        Guess(
            id="ratio",
            question="The fourth of the eight. By which factor is the gradient on the *logit* larger at 5 % than at "
            "92 %, the truth being 1?",
            answer=slope_ratio(),
            unit="times",
            within=0.03,
            slips=(
                Slip(
                    answer=loss(0.05) / loss(0.92),
                    said="That is the ratio of the two *losses*. On the logit the slope is *p* − 1: −0.95 and −0.08.",
                ),
                Slip(
                    answer=_slope_by_p(0.05) / _slope_by_p(0.92),
                    said="That is the ratio of the slopes by the *probability*, −1/*p*. On the logit it is *p* − 1.",
                ),
            ),
            told="0.95 / 0.08. What the text gives is the ratio of the losses, 35.9, and even that cut off.",
            hint="On the logit the slope is answer minus truth.",
        ),
        Pick(
            id="early",
            question="The fifth: [InfoNCE](/functions/info_nce) of a positive at 0.9 among 0.1, −0.5 and 0.3, at "
            "temperature "
            "0.5. In which line is the slip?",
            options=(
                Option(label="e to 1.8, 0.2, −1 and 0.6: 6.05, 1.22, 0.37, 1.82", said="All four are rounded rightly."),
                Option(label="their sum: 9.46", said="It holds: 9.461."),
                Option(label="probability of the positive: 0.639", said="It holds: 0.63943."),
                Option(label="loss: −log 0.639 = 0.448"),
            ),
            right=_early(),
            lines=True,
            told="−log 0.639 *is* 0.448, but 0.639 was rounded already. From the exact probability the loss is "
            f"{number(exact('info-nce')[1], 4)}.",
            hint="Each line may be right about the numbers in it and wrong about the example.",
        ),
        Reach(
            id="convention",
            question="The last one. Set the plate to the one of the eight that is right by another convention.",
            figure="worked-examples",
            start="topic=failing&failing=focal-hard",
            goal="topic=failing&failing=lesson-smoothed",
            met=_conventional,
            told="That makes eight.",
            hint="For which of them are there two rules in use?",
        ),
        Rank(
            id="order",
            question="Three of the eight were rounded too early. Whose result is off most, as a share of itself?",
            items=(
                ("focal at 0.10: 1.863", _off("focal-hard")),
                ("focal at 0.95: 0.000125", _off("focal-easy")),
                ("InfoNCE: 0.448", _off("info-nce")),
            ),
            unit="%",
            slips=(
                ((0, 2, 1), "That is the order of the differences themselves: 0.002, 0.0008, 0.000003."),
                ((2, 1, 0), "InfoNCE lost less than 0.1 % of its probability; focal at 0.95 lost 2.5 % of a factor."),
            ),
            told="A product hands on the relative error of its factors: 0.05 for 0.0513 is 2.5 % off, 2.30 for 2.3026 "
            "is 0.1 % off.",
            hint="How far off is the rounded factor, in per cent?",
        ),
        Pick(
            id="exchanged",
            question="KL(*p*‖*q*) of the weather 0.7, 0.2, 0.1 and the belief 0.5, 0.3, 0.2 is given as 0.085 nats. "
            f"Your program prints {number(reverse, 4)}. What happened?",
            options=(
                Option(
                    label="the page rounded too early",
                    said="That moves a last digit. Here the difference is 8 %.",
                ),
                Option(
                    label="your program counts in bits",
                    said=f"In bits it would be {number(forward / math.log(2), 3)}: larger by 1.44.",
                ),
                Option(label="the two distributions changed places"),
            ),
            right=2 if math.isclose(forward, 0.085, abs_tol=0.0005) and reverse > forward else 0,
            told=f"KL(*q*‖*p*) is {number(reverse, 4)}. The two directions are different numbers, and libraries do not "
            "agree on the order of the arguments.",
            hint="Which properties does KL not have?",
        ),
    )


def _unrounded(name: str) -> int:
    """Return which number of a figure is further off than rounding explains."""
    row = _BY_ID[name]
    pairs = zip(row.stated, exact(name), row.room, strict=True)
    return next(i for i, (said, true, room) in enumerate(pairs) if abs(float(said) - true) > room)


def _early() -> int:
    """Return the first line of InfoNCE's calculation that is off by more than half of its last place."""
    with slopes.exact():
        grown = (_of(0.9, 0.1, -0.5, 0.3) / 0.5).exp()
    terms = max(abs(t - s) for t, s in zip(grown.tolist(), (6.05, 1.22, 0.37, 1.82), strict=True))
    probability, paid = exact("info-nce")
    off = [(terms, 0.005), (abs(grown.sum().item() - 9.46), 0.005)]
    off += [(abs(probability - 0.639), 0.0005), (abs(paid - 0.448), 0.0005)]
    return next(i for i, (far, room) in enumerate(off) if far > room)


def _conventional(state: State) -> tuple[bool, str]:
    if word(state, "topic") != "failing":
        return False, "Look among the eight that do not hold."
    chosen = word(state, "failing")
    if chosen == "lesson-smoothed":
        return True, "By the rule that spreads ε over the others, 0.9 and 0.05 are right."
    return False, f"This one is off by {number(_off(chosen), 2)} %, and no rule in use makes it right."


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (
        Derivation(
            id="odds",
            title="The ratio of two shares",
            of=r"\frac{p_1}{p_3}",
            numbers={"z_1": 2.1, "z_2": 0.8, "z_3": -0.3, "T": 5.0},
            value=lambda n: share_ratio(n["T"]),
            steps=(
                Step(
                    tex=r"\frac{e^{z_1 / T}}{\sum_k e^{z_k / T}} \cdot \frac{\sum_k e^{z_k / T}}{e^{z_3 / T}}",
                    value=lambda n: math.exp(n["z_1"] / n["T"]) / math.exp(n["z_3"] / n["T"]),
                    because="Each share is its own e-power over the sum of all. The sum is the same in both.",
                    shown=r"\frac{1.522}{3.637} \cdot \frac{3.637}{0.9418}",
                ),
                Step(
                    tex=r"e^{(z_1 - z_3) / T}",
                    value=lambda n: math.exp((n["z_1"] - n["z_3"]) / n["T"]),
                    because="The quotient of two powers of e. No other logit is left in it.",
                    shown=r"e^{(2.1 + 0.3) / 5}",
                ),
            ),
        ),
        Derivation(
            id="early-focal",
            title="What rounding a factor costs",
            of=r"\ell - 0.81 \cdot 2.30",
            numbers={"p": 0.1},
            value=lambda n: focal_less(n["p"], 2.30),
            steps=(
                Step(
                    tex=r"(1 - p)^2 (-\log p) - (1 - p)^2 \cdot 2.30",
                    value=lambda n: (1 - n["p"]) ** 2 * -math.log(n["p"]) - (1 - n["p"]) ** 2 * 2.30,
                    because="The loss, less what was written down: 0.81 times the rounded logarithm.",
                    shown=r"1.8651 - 1.863",
                ),
                Step(
                    tex=r"(1 - p)^2 (-\log p - 2.30)",
                    value=lambda n: (1 - n["p"]) ** 2 * (-math.log(n["p"]) - 2.30),
                    because="0.0026 was within the room of 2.30. What is left of it after the product is four times "
                    "the "
                    "room of 1.863, which is 0.0005.",
                    shown=r"0.81 \cdot 0.002585",
                ),
            ),
        ),
    )
