"""What the chapter on softer targets computes: where smoothed losses rest, and what a teacher says at a temperature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.calibration.smoothing import Over, Smoothed, confidence
from slopes.explorer.figures.calibration.teaching import STUDENTS, TEACHER, lesson
from slopes.explorer.figures.wording import number
from slopes.shown import palette

__all__ = ["confidence"]  # which the text names

GIVEN = frozenset({"0.1", "0.01", "0.7", "0.3"})  # ε and what it gives each of ten; a mixture
_EPSILON: Final = 0.1
_TEN: Final = 10
_WOLF: Final = 1
_HARD: Final = palette.INK
_LEARNT: Final = torch.tensor(STUDENTS["sure"][1], dtype=torch.float64)
_TEACHER: Final = torch.tensor(TEACHER, dtype=torch.float64)


def slope(lead: float, epsilon: float, over: Over = "all") -> float:
    """Return the slope of the smoothed loss by the best of ten logits."""
    return Smoothed(smoothing=epsilon, over=over, classes=_TEN).here(lead)[1]


def kept(epsilon: float, classes: int, over: Over = "all") -> float:
    """Return what the true class keeps of the target."""
    return Smoothed(smoothing=epsilon, over=over, classes=classes).target[0].item()


def smoothed(epsilon: float, classes: int) -> list[float]:
    """Return the smoothed target of the first class."""
    made: list[float] = L.smooth_labels(torch.tensor(0), classes, label_smoothing=epsilon, dtype=torch.float64).tolist()
    return made


def floor() -> float:
    """Return the least that the smoothed loss over ten classes can be."""
    return Smoothed(smoothing=_EPSILON, over="all", classes=_TEN).floor


def teacher(temperature: float) -> list[float]:
    """Return what the teacher gives each class."""
    given: list[float] = lesson("sure", temperature).teacher.tolist()
    return given


def bare(temperature: float) -> float:
    """Return the length of the gradient of KL without the square of the temperature."""
    return lesson("sure", temperature).norms[1]


def distilled(temperature: float) -> float:
    """Return the distillation loss of the student that hard labels taught, half of it the label's."""
    with slopes.exact():
        return L.distillation(_LEARNT, _TEACHER, torch.tensor(0), alpha=0.5, temperature=temperature).item()


def _rest(epsilon: float, classes: int) -> float:
    """Return the lead at which the slope is 0, by halving."""
    loss = Smoothed(smoothing=epsilon, over="all", classes=classes)
    low, high = 0.0, 40.0
    for _ in range(70):
        middle = (low + high) / 2
        low, high = (middle, high) if loss.here(middle)[1] < 0 else (low, middle)
    return (low + high) / 2


def _at(leads: Sequence[float], epsilon: float) -> list[float]:
    return [slope(lead, epsilon) for lead in leads]


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    rest, others = _rest(_EPSILON, _TEN), Smoothed(smoothing=_EPSILON, over="others", classes=_TEN).rest
    least = floor()
    cooled = bare(20.0) / bare(40.0)
    return (
        _sketch(),
        Guess(
            id="rest",
            question="Ten classes, *ε* = 0.1 over all of them. By how much does the best logit lead when the loss is "
            "at "
            "rest?",
            answer=rest,
            within=0.01,
            slips=(
                Slip(
                    answer=others,
                    said="That is where *ε* goes to the nine others: log of 0.9 over 0.0111. Over all ten it is log of "
                    f"0.91 over 0.01, {number(rest, 3)}.",
                ),
                Slip(
                    answer=kept(_EPSILON, _TEN),
                    said=f"That is the *probability* at rest. The lead that makes it is {number(rest, 3)}.",
                ),
                Slip(
                    answer=math.log(_TEN),
                    said=f"At that lead the softmax gives {number(100 * confidence(math.log(_TEN), _TEN), 3)} %. To "
                    f"reach "
                    f"91 % it takes {number(rest, 3)}.",
                ),
            ),
            told="At rest *p* is the target, 0.91 against 0.01, and a lead is the logarithm of such a ratio: log 91.",
            hint="The lead of one logit over another is the logarithm of the ratio of their probabilities.",
        ),
        Guess(
            id="floor",
            question="All answers are right and the smoothed loss is at rest. What is it, in nats?",
            answer=least,
            unit="nats",
            within=0.02,
            slips=(
                Slip(
                    answer=0.0,
                    said="A target that is not one-hot has an entropy, and no model pays less: "
                    f"{number(least, 3)} nats.",
                ),
                Slip(
                    answer=-math.log(kept(_EPSILON, _TEN)),
                    said="That is −log 0.91, the price of the true class. The nine others are in the target too, with "
                    f"0.01 each: {number(least, 3)} in all.",
                ),
            ),
            told="The entropy of (0.91, 0.01, …). So losses with different *ε* cannot be compared.",
            hint="Cross-entropy is entropy plus KL, and KL is 0 here.",
        ),
        _who_says(),
        Guess(
            id="t-squared",
            question="From *T* = 20 to *T* = 40, how many times smaller does the gradient of the bare KL become?",
            answer=cooled,
            unit="times",
            within=0.06,
            slips=(
                Slip(
                    answer=2.0,
                    said="Twice it halves: the chain rule brings 1/*T*, and the two softened distributions are half as "
                    f"far apart. {number(cooled, 3)} times.",
                ),
                Slip(
                    answer=1.0,
                    said=f"With *T*² before it it hardly changes; without, it becomes {number(cooled, 3)} times "
                    f"smaller.",
                ),
            ),
            told="Close to 4, the square of 2. Multiplied by *T*² it hardly changes.",
            hint="Two things shrink with *T*.",
        ),
        _mixed(),
        _small(),
    )


def _sketch() -> Sketch:
    at = (-1.0, 1.0, 3.0, 5.0, 9.0)
    grid = [-2 + 13 * i / 80 for i in range(81)]
    return Sketch(
        id="draw-smoothed",
        question="The slope by the best logit is drawn for hard labels. Draw it for *ε* = 0.1.",
        axes=Axes(x=(-2.0, 11.0), y=(-1.1, 0.3), x_title="g, the lead", y_title="slope"),
        at=at,
        truth=lambda xs: _at(xs, _EPSILON),
        within=0.06,
        context=(Line(label="hard labels", x=tuple(grid), y=tuple(_at(grid, 0.0)), hue=_HARD),),
        slips=(
            (
                tuple(_at(at, 0.0)),
                (
                    "You drew hard labels again. The target is 0.91 now, so *p* − 0.91 is what is left: higher "
                    "everywhere, "
                    "and above 0 at the right."
                ),
            ),
            (
                tuple((1 - _EPSILON) * s for s in _at(at, 0.0)),
                (
                    "That shrinks the slope and leaves its zero out of reach. But the *target* moved: *p* − 0.91 "
                    "crosses "
                    "0."
                ),
            ),
        ),
        told="The same curve, higher by 0.09: it crosses 0 and ends at +0.09. Whoever is too sure is pulled back.",
        hint="Prediction minus target, and the target is 0.91.",
        start=-0.4,
    )


def _who_says() -> Pick:
    told = lesson("swapped", 2.0)
    hard, soft = told.hard[_WOLF].item(), told.gradient[_WOLF].item()
    return Pick(
        id="who-says",
        question="The label says “dog”. What does it do to this student’s logit for *wolf*, which is far too low?",
        options=(
            Option(
                label="it raises it",
                said="A label knows one class. Wolf is a wrong one to it, and is lowered like any other.",
            ),
            Option(label="it lowers it a little more"),
            Option(
                label="nothing",
                said=f"Nearly: the slope is the share that wolf has, {number(hard, 2)}. But it points down.",
            ),
        ),
        right=1 if hard > 0 else 0,
        told=f"With {number(hard, 2)}, as any wrong class. The teacher at *T* = 2 raises it, with {number(-soft, 2)}, "
        "and lowers the van by as much.",
        hint="Slope by a wrong class’s logit: *p* − 0.",
    )


def _mixed() -> Guess:
    p = torch.tensor([[0.9, 0.1]], dtype=torch.float64).log().requires_grad_()
    target = torch.tensor([[0.7, 0.3]], dtype=torch.float64)
    with slopes.exact():
        cat = torch.autograd.grad(L.cross_entropy(p, target), p)[0][0, 0].item()
    return Guess(
        id="mixed-slope",
        question="A picture is 70 % cat and 30 % dog, and so is its target. The model says 0.9 and 0.1. What is the "
        "slope of cross-entropy by the logit of the cat?",
        answer=cat,
        within=0.03,
        slips=(
            Slip(answer=0.9 - 1, said="That would be the slope with a hard label, *p* − 1. The target is 0.7."),
            Slip(answer=-cat, said="Prediction minus target, not the other way round: the cat has too much."),
            Slip(answer=-0.7 / 0.9, said="That is a slope by the *probability*. By the logit it is *p* − *y*."),
        ),
        told="*p* − *y*, for soft targets too: 0.9 − 0.7. Descent lowers the cat.",
        hint="A matched pair does not ask whether the target is hard.",
    )


def _small() -> Pick:
    zero = torch.tensor([[0.5, 0.5, 0.0]], dtype=torch.float64).log()
    cover, leave = (torch.tensor([row], dtype=torch.float64).log() for row in ([0.34, 0.33, 0.33], [1.0, 0.0, 0.0]))
    with slopes.exact():
        forward = [L.kl_divergence(zero, student).item() for student in (cover, leave)]
        reverse = [L.kl_divergence(student, zero).item() for student in (cover, leave)]
    return Pick(
        id="small-student",
        question="A student is too small to imitate all of its teacher. With KL(teacher‖student), what will it do?",
        options=(
            Option(label="spread, and give some probability to what the teacher would never say"),
            Option(
                label="keep to what the teacher is surest of, and drop the rest",
                said="That is what KL(student‖teacher) allows. Here the average is over the teacher, and whatever it "
                "says that the student rules out costs without limit.",
            ),
            Option(
                label="the same in either direction",
                said="Only a student that can match the teacher exactly ends at the same place.",
            ),
        ),
        right=0 if forward[0] < forward[1] and reverse[1] < reverse[0] else 2,
        told="Forward KL covers. It is the default, and a choice.",
        hint="Which of the two is averaged over?",
    )


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (
        Derivation(
            id="rest-line",
            title="Where the smoothed loss comes to rest",
            of="g",
            numbers={r"\varepsilon": _EPSILON, "K": float(_TEN)},
            value=lambda n: _rest(n[r"\varepsilon"], round(n["K"])),
            steps=(
                Step(
                    tex=r"\log \frac{1 - \varepsilon + \varepsilon / K}{\varepsilon / K}",
                    value=lambda n: math.log(
                        (1 - n[r"\varepsilon"] + n[r"\varepsilon"] / n["K"]) / (n[r"\varepsilon"] / n["K"])
                    ),
                    because="At rest *p* is the target. The lead of one logit over another is the logarithm of the "
                    "ratio "
                    "of their probabilities.",
                ),
                Step(
                    tex=r"\log \left(1 + K\, \frac{1 - \varepsilon}{\varepsilon}\right)",
                    value=lambda n: math.log(1 + n["K"] * (1 - n[r"\varepsilon"]) / n[r"\varepsilon"]),
                    because="Divide. With more classes the lead is longer, since each of the others gets less; without "
                    "smoothing there is none.",
                    shown=r"\log \left(1 + 10 \cdot \frac{1 - 0.1}{0.1}\right)",
                ),
            ),
        ),
        Derivation(
            id="squared",
            title="What the square is for",
            of=r"T^2\, \frac{\partial\, \mathrm{KL}}{\partial z_i}",
            numbers={"T": 4.0},
            value=lambda n: lesson("sure", n["T"]).gradient[_WOLF].item(),
            steps=(
                Step(
                    tex=r"T^2 \cdot \frac{1}{T} \left(q_i^{(T)} - p_i^{(T)}\right)",
                    value=lambda n: n["T"] ** 2 / n["T"] * _gap(n),
                    because="By *z*/*T* the slope is prediction minus target, as for any softmax; *z* itself is "
                    "divided "
                    "by *T*, which brings 1/*T*. Here for the wolf.",
                    shown=r"4^2 \cdot \frac{1}{4} (0.1179 - 0.2511)",
                ),
                Step(
                    tex=r"T \left(q_i^{(T)} - p_i^{(T)}\right)",
                    value=lambda n: n["T"] * _gap(n),
                    because="One *T* is left, and it is needed: both softened shares come near to 1/*K*, and their "
                    "difference shrinks like 1/*T* too. The product settles.",
                    shown=r"4 \cdot (0.1179 - 0.2511)",
                ),
            ),
        ),
    )


def _gap(n: Numbers) -> float:
    """Return what student and teacher give the wolf at a temperature, the one less the other."""
    shares = []
    for logits in (STUDENTS["sure"][1], TEACHER):
        raised = [math.exp(z / n["T"]) for z in logits]
        shares.append(raised[_WOLF] / sum(raised))
    return shares[0] - shares[1]
