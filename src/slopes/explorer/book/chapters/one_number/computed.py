"""What the chapter on one number computes: two losses of six points over one weight, and steps downhill."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Place
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.one_weight.model import HEIGHTS, PLACES
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

GIVEN: Final = frozenset({"0.2", "0.05", "0.24"})  # weights and rates that the plate is set to
_START, _RATE = 0.2, 0.05
_LEVEL = 0.3  # a slope that counts as level; one slider's step of w changes it by 0.08
_LOSSES: Final[dict[str, Callable[..., Tensor]]] = {"mse": L.mse, "mae": L.mae}


def _points() -> tuple[Tensor, Tensor]:
    return torch.tensor(PLACES, dtype=torch.float64), torch.tensor(HEIGHTS, dtype=torch.float64)


def _both(loss: str, w: float) -> tuple[float, float]:
    x, y = _points()
    found, slope = value_and_slope(lambda at: _LOSSES[loss](at * x, y), torch.tensor(w, dtype=torch.float64))
    return found.item(), slope.item()


def value(loss: str, w: float) -> float:
    """Return the mean loss of the six points at a weight."""
    return _both(loss, w)[0]


def slope(loss: str, w: float) -> float:
    """Return its slope by the weight."""
    return _both(loss, w)[1]


@cache
def rest(loss: str) -> float:
    """Return the weight of least loss: halved in on, between where it falls and where it rises."""
    low, high = -1.0, 5.0
    for _ in range(100):
        middle = (low + high) / 2
        if slope(loss, middle) < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def stepped(w: float, rate: float) -> float:
    """Return the weight after one step down the MSE."""
    return w - rate * slope("mse", w)


def walked(steps: int) -> float:
    """Return the weight after so many steps of the plate's rate from its start."""
    w = _START
    for _ in range(steps):
        w = stepped(w, _RATE)
    return w


def curvature() -> float:
    """Return by how much the slope of the MSE grows when the weight grows by 1."""
    return slope("mse", 1.0) - slope("mse", 0.0)


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    grid = [3.5 * i / 80 for i in range(81)]
    landing = stepped(_START, 0.1)
    squared, absolute = rest("mse"), rest("mae")
    return (
        Guess(
            id="next-step",
            question="From *w* = 0.2, where the slope is −12.17, with a learning rate of 0.1: where does the next step "
            "land?",
            answer=landing,
            within=0.02,
            slips=(
                Slip(
                    answer=2 * _START - landing,
                    said="That is uphill. The step goes *against* the slope: minus 0.1 times −12.17 is up by 1.217.",
                ),
                Slip(answer=landing - _START, said="That is how long the step is. It starts at 0.2."),
                Slip(
                    answer=stepped(_START, _RATE),
                    said="That is with a rate of 0.05, as the plate has it. The question is for 0.1.",
                ),
                Slip(
                    answer=_START + 12.17,
                    said="That is the whole slope as a step. The learning rate takes a tenth of it.",
                ),
            ),
            told="0.2 − 0.1 · (−12.17): minus a negative number is up.",
            hint="Put the three numbers into the formula above.",
        ),
        Reach(
            id="valley",
            question="Find by hand the weight at which training would come to rest.",
            figure="one-weight",
            start="w=0.2",
            goal="w=1.8",
            met=_level,
            told="The tangent lies level there, and a step of any rate goes next to nowhere.",
            hint="Where is the slope 0?",
        ),
        Reach(
            id="too-long",
            question="Make the learning rate so large that the next step ends higher than it began.",
            figure="one-weight",
            start="w=0.2&rate=0.05",
            goal="w=0.2&rate=0.28",
            met=_higher,
            told="From there the slope is steeper still and the next step longer: this diverges.",
            hint="It lies a little above 0.24.",
        ),
        Place(
            id="absolute-rest",
            question="Put the point at the lowest place of the mean *absolute* error. The curve of the squares is "
            "there, on its own scale divided by 5.",
            axes=Axes(x=(0.0, 3.5), y=(0.0, 3.5), x_title="w", y_title="MAE"),
            answer=(absolute, value("mae", absolute)),
            within=(0.12, 0.35),
            context=(
                Line(
                    label="MSE / 5",
                    x=tuple(grid),
                    y=tuple(value("mse", w) / 5 for w in grid),
                    hue=palette.hue("mse"),
                ),
            ),
            score=lambda w, _: f"At *w* = {number(w, 3)} the MAE is {number(value('mae', w), 3)}.",
            slips=(
                (
                    (squared, value("mae", squared)),
                    (
                        "That is where the *squares* rest. To them the sixth parcel counts by its miss squared; to the "
                        "absolutes by its miss, and the five have a say."
                    ),
                ),
                (
                    (3.0, value("mae", 3.0)),
                    "That *w* meets the sixth parcel exactly, and misses all the others by twice their size.",
                ),
            ),
            told=f"It is lowest at {number(absolute, 3)}, where the line meets one of the five parcels: the MAE has a "
            "kink at each.",
            hint="Which parcels does a line meet that cares little about the sixth?",
            start=(2.5, 2.0),
        ),
        Pick(
            id="accuracy-slope",
            question="A model is judged by its share of right answers. Why is it not trained by walking down the share "
            "of wrong ones?",
            options=(
                Option(
                    label="the share of wrong answers cannot be computed during training",
                    said="It can, and often is, to be looked at. But it does not say where to go.",
                ),
                Option(
                    label="it would lead to the same weights, only slower",
                    said="It would not lead anywhere. Move a weight by a little and nearly always not one answer "
                    "changes.",
                ),
                Option(label="its slope is 0 nearly everywhere"),
            ),
            right=2 if _level_share() else 1,
            told="A small move of a weight changes no answer, or rarely one. A loss has to change with every move.",
        ),
        Pick(
            id="slip-step",
            question="One parcel, *x* = 3 and *y* = 9, and *w* = 2. The loss is (*w x* − *y*)², the rate 0.01. In "
            "which line is the slip?",
            options=(
                Option(label="prediction: 2 · 3 = 6", said="This holds."),
                Option(label="prediction minus target: 6 − 9 = −3", said="This holds: too low, so negative."),
                Option(label="slope by *w*: 2 · (−3) = −6"),
                Option(label="step: 2 − 0.01 · (−6) = 2.06", said="From the slope above it this follows."),
            ),
            right=_slip(),
            lines=True,
            told="That is the slope by the prediction. *w* reaches it through *x* = 3, so the slope by *w* is −18, and "
            "the step ends at 2.18.",
            hint="By how much does the prediction rise when *w* rises by 1?",
        ),
        Pick(
            id="which-is-which",
            question="Somebody trains on the mean squared error plus 0.01 · *w*², and reports in how many of a hundred "
            "cases the cost was right to within 10 %. What are the three?",
            options=(
                Option(
                    label="loss, metric, regulariser",
                    said="What is added to the loss and knows no target is the regulariser; what is reported is the "
                    "metric.",
                ),
                Option(label="loss, regulariser, metric"),
                Option(
                    label="metric, loss, regulariser",
                    said="The squared error is what is walked down, so it is the loss. Reported is the share of cases.",
                ),
            ),
            right=1,
            told="The errors are the loss, the wish for a small *w* a regulariser, the share that is reported a "
            "metric.",
        ),
    )


def _level(state: State) -> tuple[bool, str]:
    w, loss = real(state, "w"), word(state, "loss")
    if loss != "mse":
        return False, "The plate has another loss now. Set it back to the MSE."
    here = slope("mse", w)
    said = f"At *w* = {number(w, 3)} the slope is {number(here, 2)}."
    if abs(here) <= _LEVEL:
        return True, said
    return False, f"{said} Down is to the {'right' if here < 0 else 'left'}."


def _higher(state: State) -> tuple[bool, str]:
    w, rate = real(state, "w"), real(state, "rate")
    before, after = value("mse", w), value("mse", stepped(w, rate))
    said = f"The loss goes from {number(before, 3)} to {number(after, 3)}."
    return after > before, said if after > before else f"{said} It still falls."


def _level_share() -> bool:
    """Return whether the share of costs that are missed by more than 10 % is level at most places."""
    x, y = _points()
    w = torch.linspace(0, 4, 4001, dtype=torch.float64)
    wrong = ((w[:, None] * x - y).abs() > 0.1 * y).double().mean(1)
    return (wrong.diff() == 0).double().mean().item() > 0.99  # noqa: PLR2004  nearly everywhere


def _slip() -> int:
    """Return the first line whose number is not what the library says."""
    w = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    prediction = 3 * w
    by_w = torch.autograd.grad(L.mse(prediction, torch.tensor([9.0], dtype=torch.float64)), w)[0].item()
    stated = ((prediction.item(), 6.0), (prediction.item() - 9, -3.0), (by_w, -6.0), (2 - 0.01 * by_w, 2.06))
    return next(i for i, (exact, said) in enumerate(stated) if abs(exact - said) > 1e-9)  # noqa: PLR2004  exact


def _mean_xx() -> float:
    return sum(x * x for x in PLACES) / len(PLACES)


def _mean_xy() -> float:
    return sum(x * y for x, y in zip(PLACES, HEIGHTS, strict=True)) / len(PLACES)


def _six(n: Numbers) -> float:
    return sum(2 * (n["w"] * x - y) * x for x, y in zip(PLACES, HEIGHTS, strict=True)) / len(PLACES)


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (
        Derivation(
            id="loss-slope",
            title="The slope of the mean squared error by the weight",
            of=r"\frac{dL}{dw}",
            numbers={"w": 0.2},
            value=lambda n: slope("mse", n["w"]),
            steps=(
                Step(
                    tex=r"\frac{1}{6} \sum_i 2 (w x_i - y_i) \, x_i",
                    value=_six,
                    because="The slope of a square is twice what is squared. That rises by *x* when *w* rises by 1.",
                    shown=r"\frac{1}{6} (-0.5 - 1.4 - 4.2 - 6 - 10.5 - 50.4)",
                ),
                Step(
                    tex=r"2 (w \, \overline{x^2} - \overline{x y})",
                    value=lambda n: 2 * (n["w"] * _mean_xx() - _mean_xy()),
                    because="The same, sorted. A bar is a mean over the six parcels.",
                    shown=r"2 (0.2 \cdot 3.792 - 6.842)",
                ),
                Step(
                    of="w^*",
                    left=lambda _: rest("mse"),
                    tex=r"\frac{\overline{x y}}{\overline{x^2}}",
                    value=lambda _: _mean_xy() / _mean_xx(),
                    because="The slope is 0 where the two terms are equal. Here the lowest place can be calculated. In "
                    "a network it cannot, and one walks.",
                    shown=r"\frac{6.842}{3.792}",
                ),
            ),
        ),
        Derivation(
            id="shrinks",
            title="What a step does to the distance from the lowest place",
            of="w' - w^*",
            numbers={"w": 0.2, r"\eta": 0.24},
            value=lambda n: stepped(n["w"], n[r"\eta"]) - rest("mse"),
            steps=(
                Step(
                    tex=r"w - \eta \cdot \frac{dL}{dw} - w^*",
                    value=lambda n: n["w"] - n[r"\eta"] * _six(n) - _mean_xy() / _mean_xx(),
                    because="*w*′ is the weight after the step.",
                    shown=r"0.2 - 0.24 \cdot (-12.17) - 1.804",
                ),
                Step(
                    tex=r"w - \eta \cdot c \, (w - w^*) - w^*",
                    value=lambda n: (
                        n["w"]
                        - n[r"\eta"] * 2 * _mean_xx() * (n["w"] - _mean_xy() / _mean_xx())
                        - _mean_xy() / _mean_xx()
                    ),
                    because="The slope is a straight line that is 0 at the lowest place. It rises by *c*, twice the "
                    "mean "
                    "of *x*², for each 1 of *w*.",
                    shown=r"0.2 - 0.24 \cdot 7.583 \cdot (0.2 - 1.804) - 1.804",
                ),
                Step(
                    tex=r"(1 - \eta c) (w - w^*)",
                    value=lambda n: (1 - n[r"\eta"] * 2 * _mean_xx()) * (n["w"] - _mean_xy() / _mean_xx()),
                    because="The distance is in both terms. With this rate the factor is −0.82: over to the other "
                    "side, "
                    "and nearer.",
                    shown=r"(1 - 0.24 \cdot 7.583) (0.2 - 1.804)",
                ),
            ),
        ),
    )
