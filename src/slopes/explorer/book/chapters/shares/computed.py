"""What the chapter on shares computes: softmaxes of the chapter's logits, and their Jacobian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette

THREE: Final = (2.1, 0.8, -0.3)
BIG: Final = (1000.0, 999.0, 998.0)
_FIVE: Final = (3.2, 2.1, 1.5, 0.8, -0.3)
GIVEN: Final = frozenset({"2.1", "0.8", "0.3", "0.5", "0.7"})  # logits, a temperature, and a share to speak of
_CAT, _DOG, _FOX = range(3)
_NAMES: Final = ("cat", "dog", "fox", "owl", "bee")
_CHOICES, _NEAR = 4.0, 0.1  # equal choices to be reached, and how nearly


def shares(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Return a softmax."""
    with slopes.exact():
        p: list[float] = A.softmax(torch.tensor(logits, dtype=torch.float64), temperature=temperature).tolist()
    return p


def log_shares(logits: Sequence[float]) -> list[float]:
    """Return the logarithms of the same."""
    with slopes.exact():
        p: list[float] = A.log_softmax(torch.tensor(logits, dtype=torch.float64)).tolist()
    return p


def p(i: int) -> float:
    """Return the share of one of the three classes."""
    return shares(THREE)[i]


def five(temperature: float) -> list[float]:
    """Return the shares of the five classes."""
    return shares(_FIVE, temperature)


def naive(i: int) -> float:
    """Return a logit divided by the sum of the three."""
    return THREE[i] / sum(THREE)


def lead(by: float) -> float:
    """Return the ratio of two shares whose logits are so far apart."""
    first, second = shares([by, 0.0])
    return first / second


def share_behind() -> float:
    """Return the share, in float32, of a class that is 200 behind."""
    return A.softmax(torch.tensor([0.0, -200.0], dtype=torch.float32))[1].item()


def log_behind() -> float:
    """Return the logarithm of the same, from the logits."""
    return A.log_softmax(torch.tensor([0.0, -200.0], dtype=torch.float32))[1].item()


def slope(i: int, j: int) -> float:
    """Return the slope of the share of one of the three classes by the logit of one."""
    return _jacobian(THREE)[i][j]


def _jacobian(logits: Sequence[float]) -> list[list[float]]:
    z = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    with slopes.exact():
        found = A.softmax(z)
        return [torch.autograd.grad(one, z, retain_graph=True)[0].tolist() for one in found]


def _overflows() -> int:
    """Return the first whole number whose exponential is infinite in float32."""
    powers = torch.arange(200, dtype=torch.float32).exp()
    return int(powers.isinf().nonzero()[0].item())


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    apart = lead(THREE[_CAT] - THREE[_DOG])
    at = (-1.0, 0.0, 0.5, 1.0, 2.0)
    grid = [-1 + 3 * i / 80 for i in range(81)]
    moved = [slope(i, _FOX) for i in range(3)]
    sure = max(abs(entry) for row in _jacobian([math.log(0.999), math.log(0.001)]) for entry in row)
    return (
        Guess(
            id="ratio",
            question="Cat's logit is 1.3 above dog's. How many times dog's share does cat get?",
            answer=apart,
            unit="times",
            within=0.04,
            slips=(
                Slip(answer=1.3, said=f"A difference of logits becomes a *power*: *e* to 1.3 is {number(apart, 3)}."),
                Slip(
                    answer=THREE[_CAT] / THREE[_DOG],
                    said="That is the ratio of the logits. Shares go by their difference: *e* to 1.3 is "
                    f"{number(apart, 3)}.",
                ),
                Slip(answer=10**1.3, said=f"The base is *e* and not ten: *e* to 1.3 is {number(apart, 3)}."),
            ),
            told="The sum cancels in the ratio, and *e* to one logit over *e* to another is *e* to the difference.",
            hint="Divide the two formulas. What cancels?",
        ),
        Guess(
            id="overflow",
            question="float32 ends near 3.4 × 10³⁸. What is the first whole *z* for which it cannot hold *e*ᶻ?",
            answer=float(_overflows()),
            within=1.0,
            absolute=True,
            slips=(
                Slip(answer=39.0, said="That would be for powers of ten. A power of *e* is 0.434 of one, so 89."),
                Slip(answer=128.0, said="That is for powers of 2, where float32 ends. *e* is larger, so 89."),
                Slip(answer=1000.0, said="It is over long before: 38 powers of ten are some 89 powers of *e*."),
            ),
            told="Ten is *e* to 2.3, and 38.5 times 2.3 is 88.7. A logit of 89 is rare, but one is enough.",
            hint="Ten is about *e* to 2.3.",
        ),
        Sketch(
            id="draw-cat",
            question="Draw cat's share over the temperature, from a tenth to a hundred. Dog's is there.",
            axes=Axes(x=(-1.0, 2.0), y=(0.0, 1.05), x_title="power of ten of T", y_title="share of cat"),
            at=at,
            truth=_cat_over,
            within=0.07,
            context=(
                Line(
                    label="dog",
                    x=tuple(grid),
                    y=tuple(five(10**x)[_DOG] for x in grid),
                    hue=palette.hue("softmax"),
                ),
            ),
            slips=(
                (
                    (1.0, 0.61, 0.2, 0.05, 0.0),
                    "It does not fall to 0. In the heat all five become alike, and a fifth each is what is left.",
                ),
                (
                    tuple(reversed(_cat_over(at))),
                    (
                        "The other way round: in the cold the differences are divided by a small number and grow, and "
                        "the largest takes all."
                    ),
                ),
            ),
            told="All of it in the cold, a fifth in the heat.",
            hint="How much is each of five equal shares?",
            start=0.5,
        ),
        Pick(
            id="accuracy",
            question="A classifier picks the class with the largest share. What does another *T* > 0 do to its "
            "accuracy?",
            options=(
                Option(
                    label="a lower one raises it: the model becomes more decided",
                    said="It becomes more decided for the same class, right or wrong.",
                ),
                Option(label="nothing"),
                Option(
                    label="a higher one lowers it: the classes become alike",
                    said="They become alike, but stay in order. The largest is still the largest.",
                ),
            ),
            right=1 if _same_winner() else 0,
            told="To divide by a positive number keeps the order. What changes is the loss, and whether the shares "
            "match how often the model is right.",
        ),
        Reach(
            id="four-choices",
            question="The reading beside the plate says among how many equal choices the model seems to hesitate. Turn "
            "*T* until it is as of four.",
            figure="softmax-temperature",
            start=_address(1.0),
            goal=_address(1.69),
            met=_hesitates,
            told="That number is *e* to the entropy, of which the next chapter speaks.",
            hint="It grows with *T*, from 1 to 5.",
        ),
        Rank(
            id="raise-fox",
            question="Fox's logit is raised a little. Order the three by how their shares change, the largest gain "
            "first, the largest loss last.",
            items=(("cat", moved[_CAT]), ("dog", moved[_DOG]), ("fox", moved[_FOX])),
            slips=(
                ((2, 0, 1), "Whoever has most loses most, and not who is nearest: the slope is −*p* · *p* of fox."),
                (
                    (0, 1, 2),
                    "To raise a logit raises its own share. The others lose, in proportion to what they have.",
                ),
            ),
            told="What fox gains the others lose in proportion to what they have, so cat loses most.",
            hint="Off the diagonal the slope is −*p*ᵢ*p*ⱼ.",
        ),
        Pick(
            id="slip-cold",
            question="The softmax of 2.1, 0.8 and −0.3 at *T* = 0.5. In which line is the slip?",
            options=(
                Option(label="divided by *T*: 4.2, 1.6, −0.6", said="To divide by a half is to double."),
                Option(label="exponentials: 66.7, 4.95, 0.549", said="These hold: *e* to 4.2 is 66.7, and so on."),
                Option(label="their sum: 72.2", said="66.7 + 4.95 + 0.549 is 72.2."),
                Option(label="shares: 0.924, 0.069, 0.018"),
            ),
            right=_slip(),
            lines=True,
            told="0.549 / 72.2 is 0.0076. The three shares as stated add up to 1.011, which gives it away.",
            hint="What must the last line add up to?",
        ),
        Guess(
            id="saturated",
            question="From the chapter on flat ends: of two classes one has a share of 0.999. What is the largest "
            "entry of the softmax's Jacobian, by size?",
            answer=sure,
            within=0.05,
            slips=(
                Slip(answer=0.999, said="That is the share. The entries are products *p*(1 − *p*), here 0.001."),
                Slip(answer=0.25, said="That is the most it can be, at a half. At 0.999 it is 0.999 · 0.001."),
                Slip(answer=0.0, said="Nearly, but not quite: 0.999 · 0.001. Only a share of exactly 1 has 0."),
            ),
            told="*p*(1 − *p*) again, as at the flat end of a sigmoid: with two classes it is one.",
            hint="The diagonal is *p*(1 − *p*).",
        ),
    )


def _address(t: float) -> str:
    return "&".join([*(f"{name}={z}" for name, z in zip(_NAMES, _FIVE, strict=True)), f"t={t}"])


def _cat_over(powers: Sequence[float]) -> list[float]:
    return [five(10**x)[_CAT] for x in powers]


def _same_winner() -> bool:
    orders = {tuple(sorted(range(5), key=five(t).__getitem__)) for t in (0.2, 0.5, 1.0, 5.0, 50.0)}
    return len(orders) == 1


def _hesitates(state: State) -> tuple[bool, str]:
    z = torch.tensor([real(state, name) for name in _NAMES], dtype=torch.float64)
    with slopes.exact():
        choices = L.entropy(A.log_softmax(z, temperature=real(state, "t"))).exp().item()
    said = f"At *T* = {number(real(state, 't'), 3)} it hesitates as among {number(choices, 3)}."
    if abs(choices - _CHOICES) <= _NEAR:
        return True, said
    return False, f"{said} {'Hotter.' if choices < _CHOICES else 'Colder.'}"


def _slip() -> int:
    """Return the first line whose numbers are not what the library says."""
    doubled = [2 * z for z in THREE]
    powers = torch.tensor(doubled, dtype=torch.float64).exp().tolist()
    lines = (
        zip(doubled, (4.2, 1.6, -0.6), strict=True),
        zip(powers, (66.7, 4.95, 0.549), strict=True),
        [(math.fsum(powers), 72.2)],
        zip(shares(THREE, 0.5), (0.924, 0.069, 0.018), strict=True),
    )
    off = [max(abs(exact - said) / abs(exact) for exact, said in line) for line in lines]
    return next(i for i, share in enumerate(off) if share > 0.01)  # noqa: PLR2004  as rounded


def _powers(n: Numbers) -> list[float]:
    return [math.exp(n[f"z_{i}"]) for i in (1, 2, 3)]


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    three = {"z_1": 2.1, "z_2": 0.8, "z_3": -0.3}
    return (
        Derivation(
            id="shift",
            title="The same number on all logits cancels",
            of="p_1",
            numbers={**three, "c": 2.0},
            value=lambda n: shares([n[f"z_{i}"] + n["c"] for i in (1, 2, 3)])[0],
            steps=(
                Step(
                    tex=r"\frac{e^{z_1 + c}}{\sum_j e^{z_j + c}}",
                    value=lambda n: (
                        math.exp(n["z_1"] + n["c"]) / sum(math.exp(n[f"z_{i}"] + n["c"]) for i in (1, 2, 3))
                    ),
                    because="Every logit has *c* more.",
                    shown=r"\frac{e^{4.1}}{e^{4.1} + e^{2.8} + e^{1.7}}",
                ),
                Step(
                    tex=r"\frac{e^c \, e^{z_1}}{e^c \sum_j e^{z_j}}",
                    value=lambda n: math.exp(n["c"]) * _powers(n)[0] / (math.exp(n["c"]) * sum(_powers(n))),
                    because="*e* to a sum is a product, and *e*ᶜ comes out of every term of the sum.",
                    shown=r"\frac{7.389 \cdot 8.166}{7.389 \cdot 11.13}",
                ),
                Step(
                    tex=r"\frac{e^{z_1}}{\sum_j e^{z_j}}",
                    value=lambda n: _powers(n)[0] / sum(_powers(n)),
                    because="It cancels. *c* may be anything; minus the largest logit is the safe choice.",
                    shown=r"\frac{8.166}{11.13}",
                ),
            ),
        ),
        Derivation(
            id="two-classes",
            title="A softmax of two is a sigmoid",
            of="p_1",
            numbers={"z_1": 2.1, "z_2": 0.8},
            value=lambda n: shares([n["z_1"], n["z_2"]])[0],
            steps=(
                Step(
                    tex=r"\frac{e^{z_1}}{e^{z_1} + e^{z_2}}",
                    value=lambda n: math.exp(n["z_1"]) / (math.exp(n["z_1"]) + math.exp(n["z_2"])),
                    because="The softmax, written out for two classes.",
                    shown=r"\frac{8.166}{8.166 + 2.226}",
                ),
                Step(
                    tex=r"\frac{1}{1 + e^{-(z_1 - z_2)}}",
                    value=lambda n: 1 / (1 + math.exp(-(n["z_1"] - n["z_2"]))),
                    because="Divide above and below by the first power.",
                    shown=r"\frac{1}{1 + e^{-1.3}}",
                ),
                Step(
                    tex=r"\sigma(z_1 - z_2)",
                    value=lambda n: A.sigmoid(torch.tensor(n["z_1"] - n["z_2"], dtype=torch.float64)).item(),
                    because="That is the sigmoid of the difference. A second output for two classes adds nothing.",
                    shown=r"\sigma(1.3)",
                ),
            ),
        ),
        Derivation(
            id="jacobian",
            title="How a share moves with its own logit, and with another's",
            of=r"\frac{\partial p_1}{\partial z_1}",
            numbers=three,
            value=lambda n: _jacobian([n[f"z_{i}"] for i in (1, 2, 3)])[0][0],
            steps=(
                Step(
                    tex=r"\frac{e^{z_1} S - e^{z_1} e^{z_1}}{S^2}",
                    value=lambda n: (_powers(n)[0] * sum(_powers(n)) - _powers(n)[0] ** 2) / sum(_powers(n)) ** 2,
                    because="The rule for quotients. *S* is the sum of all powers, and its slope by the first logit is "
                    "the first power.",
                    shown=r"\frac{8.166 \cdot 11.13 - 8.166^2}{11.13^2}",
                ),
                Step(
                    tex=r"p_1 (1 - p_1)",
                    value=lambda n: (_powers(n)[0] / sum(_powers(n))) * (1 - _powers(n)[0] / sum(_powers(n))),
                    because="Each power over *S* is a share.",
                    shown=r"0.7335 \cdot (1 - 0.7335)",
                ),
                Step(
                    of=r"\frac{\partial p_1}{\partial z_2}",
                    left=lambda n: _jacobian([n[f"z_{i}"] for i in (1, 2, 3)])[0][1],
                    tex=r"\frac{0 - e^{z_1} e^{z_2}}{S^2}",
                    value=lambda n: -_powers(n)[0] * _powers(n)[1] / sum(_powers(n)) ** 2,
                    because="By another logit the power above does not move, and the sum below does.",
                    shown=r"\frac{-8.166 \cdot 2.226}{11.13^2}",
                ),
                Step(
                    of=r"\frac{\partial p_1}{\partial z_2}",
                    left=lambda n: _jacobian([n[f"z_{i}"] for i in (1, 2, 3)])[0][1],
                    tex="-p_1 p_2",
                    value=lambda n: -_powers(n)[0] * _powers(n)[1] / sum(_powers(n)) ** 2,
                    because="Both cases in one: *p*ᵢ(δᵢⱼ − *p*ⱼ).",
                    shown=r"-0.7335 \cdot 0.1999",
                ),
            ),
        ),
    )
