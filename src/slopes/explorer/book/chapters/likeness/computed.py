"""What the chapter on likeness computes: pairs, triplets and line-ups, by the library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.info_nce.lineup import LineUp
from slopes.explorer.figures.line_up.batch import found
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

GIVEN = frozenset({"0.2", "0.07", "0.01"})  # a lead, and what CLIP starts and ends with
CAT_1: Final = (0.5, 0.2)
FOX_1: Final = (1.1, 1.6)
FOX_2: Final = (-2.6, -1.7)
_MARGIN: Final = 2.0
_WORKED: Final = (0.9, 0.3, 0.1, -0.5)  # the positive's cosine and those of three negatives
_WARM: Final = 0.5
_HALF: Final = 0.5
_BATCH_WARM: Final = 0.15  # of the plate
_MATE, _ROOM = 1.0, 0.5
_SIZE: Final = 5  # pairs on the plate
_MANY: Final = 1024


def _of(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def _pair(ds: Sequence[float], margin: float, *, similar: bool) -> tuple[list[float], list[float]]:
    """Return contrastive loss and its slope for pairs that are this far apart."""

    def paid(d: Tensor) -> Tensor:
        b = torch.stack([d, torch.zeros_like(d)], -1)
        return L.contrastive(torch.zeros_like(b), b, torch.full(d.shape, similar), margin=margin, reduction="none")

    values, slope = value_and_slope(paid, _of(ds))
    return values.tolist(), slope.tolist()


def pair_loss(d: float, margin: float) -> float:
    """Return what two of different kinds pay."""
    return _pair([d], margin, similar=False)[0][0]


def apart(a: Sequence[float], b: Sequence[float]) -> float:
    """Return how far apart two points are: the root of what two of a kind pay."""
    with slopes.exact():
        return math.sqrt(L.contrastive(_of(a)[None], _of(b)[None], torch.tensor([True])).item())


def pull(d: float) -> float:
    """Return with what force two of a kind pull."""
    return _pair([d], _MARGIN, similar=True)[1][0]


def push(d: float, margin: float) -> float:
    """Return with what force two of different kinds push."""
    return -_pair([d], margin, similar=False)[1][0]


def three(to_positive: float, to_negative: float, margin: float) -> float:
    """Return the loss of a triplet with these distances."""
    anchor, positive, negative = (_of([at, 0.0])[None] for at in (0.0, to_positive, -to_negative))
    with slopes.exact():
        return L.triplet(anchor, positive, negative, margin=margin).item()


def _slopes(cosines: Sequence[float], temperature: float) -> tuple[float, list[float]]:
    """Return the loss of a line-up and its slope by each cosine, the positive's first."""
    s = _of(cosines).requires_grad_()
    query = torch.ones(1, 1, dtype=torch.float64)  # a product with 1 is the similarity itself
    with slopes.exact():
        loss = L.info_nce(query, s[:, None], temperature=temperature, normalize=False)
        slope: list[float] = torch.autograd.grad(loss, s)[0].tolist()
    return loss.item(), slope


def line_up(cosines: Sequence[float], temperature: float) -> float:
    """Return the loss of a line-up."""
    return _slopes(cosines, temperature)[0]


def _share(cosines: Sequence[float], temperature: float, which: int = 1) -> float:
    """Return what share of all pushing one of the negatives gets."""
    slope = _slopes(cosines, temperature)[1]
    return slope[which] / sum(slope[1:])


def pushed(first: tuple[float, float], temperature: float) -> float:
    """Return that share of the hard negative in the plate's line-up of sixteen."""
    positive, hard = first
    made = LineUp(positive=positive, hard=hard, negatives=15, temperature=temperature)
    return _share(made.similarities().tolist(), temperature)


def own(direction: str) -> float:
    """Return what the dog gives its own counterpart on the plate of the batch."""
    return found(0.0, direction, _BATCH_WARM).shares[0, 0].item()


def chance(candidates: int) -> float:
    """Return the loss of a line-up in which all look alike."""
    return line_up([0.0] * candidates, 1.0)


def _puppy(temperature: float) -> float:
    """Return what share of the pushing from the dog's image the puppy's caption gets."""
    row = found(0.0, "rows", temperature).gradient[0]
    return (row[1] / row[1:].sum()).item()


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    share = 100 * _share(_WORKED, _WARM)
    p = _probabilities(_WORKED, _WARM)
    return (
        _sketch(),
        _mined(),
        Guess(
            id="share",
            question="The positive has a cosine of 0.9, three negatives have 0.3, 0.1 and −0.5; *τ* = 0.5. Who is "
            "pushed most, and with how many per cent of all pushing?",
            answer=share,
            unit="%",
            within=0.08,
            slips=(
                Slip(
                    answer=100 * p[1],
                    said="That is its share of the *probability*, most of which the positive has. Of what the "
                    f"negatives have together, it has {number(share, 3)} %.",
                ),
                Slip(
                    answer=100 / 3,
                    said="As if all three were pushed alike. The one that looks most like the query gets most: "
                    f"{number(share, 3)} %.",
                ),
                Slip(
                    answer=100 * _share(_WORKED, _WARM, 3),
                    said="That is what the farthest gets. Whoever is far already is hardly pushed; the nearest gets "
                    f"{number(share, 3)} %.",
                ),
            ),
            told=f"The nearest, 0.3: its share of the probability, {number(100 * p[1], 3)} %, among the "
            f"{number(100 * (1 - p[0]), 3)} % that the negatives have.",
            hint="e to the 0.6, to the 0.2 and to the −1 are 1.82, 1.22 and 0.37.",
        ),
        Reach(
            id="hot",
            question="The puppy’s caption takes nearly all pushing from the image of the dog. Set a temperature at "
            "which it takes less than half.",
            figure="line-up",
            start="",
            goal="temperature=0.6",
            met=_met,
            told="The hotter, the more evenly all are pushed, and the less the one is taught that matters.",
            hint="The reading under the plate says its share.",
        ),
        Guess(
            id="twins",
            question="One pair is in the batch twice. What is the least loss, in nats, that either copy can reach, "
            "however good the encoders are?",
            answer=line_up([1.0, 1.0, -1.0, -1.0, -1.0], 0.01),
            unit="nats",
            within=0.02,
            slips=(
                Slip(
                    answer=0.0,
                    said="It would take all probability for one of two captions that are the same. They share it: "
                    "½ each, log 2.",
                ),
                Slip(
                    answer=chance(_SIZE),
                    said="That is chance among all five. The three others can be ruled out; the twin cannot.",
                ),
                Slip(answer=0.5, said="½ is the probability that it gets. The loss is −log ½."),
            ),
            told="The true caption and its copy get ½ each. What is more, the two are pushed apart for being the same.",
        ),
        Guess(
            id="bits",
            question="How many **bits** of mutual information can InfoNCE certify at most, with 1,024 candidates?",
            answer=chance(_MANY) / math.log(2),
            unit="bits",
            within=0.01,
            slips=(
                Slip(
                    answer=chance(_MANY),
                    said=f"That is in nats, log 1,024 = {number(chance(_MANY), 3)}. In bits it is 10.",
                ),
                Slip(answer=float(_MANY), said="That is the number of candidates. Its logarithm to base 2 is 10."),
            ),
            told="To pick one of 1,024 takes ten yes-or-no answers; no more can come out of the line-up.",
        ),
        Guess(
            id="doubt",
            question="Among 1,000 candidates the mean loss is 2.3 nats. Between how many equal candidates does the "
            "query "
            "seem to waver?",
            answer=math.exp(2.3),
            within=0.05,
            slips=(
                Slip(answer=1000.0, said="That would be chance, with a loss of log 1,000 = 6.91."),
                Slip(answer=2.3, said="That is the loss. *e* to it is a number of choices, the perplexity."),
                Slip(
                    answer=1000 / math.exp(2.3), said="That is how many times better than chance. It wavers between 10."
                ),
            ),
            told="*e* to the loss, as for words: the perplexity of a line-up.",
            hint="What was perplexity?",
        ),
    )


def _probabilities(cosines: Sequence[float], temperature: float) -> list[float]:
    slope = _slopes(cosines, temperature)[1]
    return [1 + temperature * slope[0], *(temperature * each for each in slope[1:])]


def _sketch() -> Sketch:
    at = (0.1, 0.7, 1.3, 2.0, 3.3)
    grid = [4 * i / 80 for i in range(81)]
    alike = tuple(_pair(grid, _MARGIN, similar=True)[0])
    return Sketch(
        id="draw-push",
        question="What do two of *different* kinds pay over their distance, with a margin of 2? What two of one kind "
        "pay is drawn.",
        axes=Axes(x=(0.0, 4.0), y=(0.0, 5.0), x_title="d, the distance", y_title="loss"),
        at=at,
        truth=lambda xs: _pair(xs, _MARGIN, similar=False)[0],
        within=0.25,
        context=(Line(label="of one kind", x=tuple(grid), y=alike, hue=palette.SKY),),
        slips=(
            (
                tuple((_MARGIN - d) ** 2 for d in at),
                (
                    "Up to the margin it is that. Beyond it max(0, *m* − *d*) is 0: a parabola that rose again would "
                    "pull "
                    "strangers back to the margin."
                ),
            ),
            (
                tuple(max(0.0, _MARGIN - d) for d in at),
                (
                    "A straight line would push with 1 everywhere. Here it is squared: 4 when they coincide, and the "
                    "push "
                    "fades as they near the margin."
                ),
            ),
            (
                tuple(_pair(at, _MARGIN, similar=True)[0]),
                "That is what two of one kind pay. Strangers pay for being *near*.",
            ),
        ),
        told="From 4 where they coincide down to 0 at the margin, which it meets without a kink, and 0 from there on.",
        hint="At the margin they pay nothing; half-way to it, 1².",
        start=2.0,
    )


def _mined() -> Rank:
    away = (1.8, 0.6, 1.4, 1.2)
    items = tuple((f"{d} away", three(_MATE, d, _ROOM)) for d in away)
    nearest_last = tuple(sorted(range(len(away)), key=lambda i: -away[i]))
    return Rank(
        id="mined",
        question="An anchor’s positive is 1.0 away, the margin is 0.5. Order four negatives by the loss of their "
        "triplet.",
        items=items,
        slips=(
            (
                nearest_last,
                (
                    "The other way round: the *nearest* stranger is the worst, and whoever is farther than 1.5 costs "
                    "nothing."
                ),
            ),
        ),
        told="The first is hard: nearer than the positive. The next two are semi-hard, in the right order but inside "
        "the margin. The last is easy and teaches nothing.",
        hint="1.0 − *d* + 0.5, and never below 0.",
    )


def _met(state: State) -> tuple[bool, str]:
    if word(state, "direction") != "rows" or word(state, "which") != "dog" or real(state, "twin") != 0:
        return False, "Look at the row of the dog, and move the temperature alone."
    share = _puppy(real(state, "temperature"))
    said = f"At *τ* = {number(real(state, 'temperature'), 2)} it takes {number(100 * share, 3)} %"
    return (True, f"{said}.") if share < _HALF else (False, f"{said}: the nearest rival still gets most.")


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    numbers = {"s_+": _WORKED[0], "s_1": _WORKED[1], r"\tau": _WARM}

    def total(n: Numbers) -> float:
        return sum(math.exp(s / n[r"\tau"]) for s in (n["s_+"], n["s_1"], *_WORKED[2:]))

    def slope(n: Numbers) -> list[float]:
        return _slopes((n["s_+"], n["s_1"], *_WORKED[2:]), n[r"\tau"])[1]

    return (
        Derivation(
            id="push",
            title="How hard a negative is pushed",
            of=r"\frac{\partial \ell}{\partial s_1}",
            numbers=numbers,
            value=lambda n: slope(n)[1],
            steps=(
                Step(
                    of=r"\ell",
                    left=lambda n: line_up((n["s_+"], n["s_1"], *_WORKED[2:]), n[r"\tau"]),
                    tex=r"\log \sum_i e^{s_i / \tau} - \frac{s_+}{\tau}",
                    value=lambda n: math.log(total(n)) - n["s_+"] / n[r"\tau"],
                    because="The logarithm of a quotient. The line-up is 0.9 for the positive and 0.3, 0.1, −0.5 for "
                    "the others.",
                    shown=r"\log (e^{1.8} + e^{0.6} + e^{0.2} + e^{-1}) - 1.8",
                ),
                Step(
                    tex=r"\frac{1}{\tau} \cdot \frac{e^{s_1 / \tau}}{\sum_i e^{s_i / \tau}}",
                    value=lambda n: math.exp(n["s_1"] / n[r"\tau"]) / total(n) / n[r"\tau"],
                    because="Only one term of the sum knows *s*₁, and the slope of log is one over its argument.",
                    shown=r"\frac{1}{0.5} \cdot \frac{e^{0.6}}{e^{1.8} + e^{0.6} + e^{0.2} + e^{-1}}",
                ),
                Step(
                    tex=r"\frac{p_1}{\tau}",
                    value=lambda n: math.exp(n["s_1"] / n[r"\tau"]) / total(n) / n[r"\tau"],
                    because="Its share of the probability, over the temperature: prediction minus target, as ever, the "
                    "target being 0.",
                    shown=r"\frac{0.1926}{0.5}",
                ),
                Step(
                    of=r"\frac{\partial \ell}{\partial s_+}",
                    left=lambda n: slope(n)[0],
                    tex=r"\frac{p_+ - 1}{\tau}",
                    value=lambda n: (math.exp(n["s_+"] / n[r"\tau"]) / total(n) - 1) / n[r"\tau"],
                    because="The positive is in the sum as well, and has −1/*τ* of its own: it is pulled by as much as "
                    "all others are pushed.",
                    shown=r"\frac{0.6394 - 1}{0.5}",
                ),
            ),
        ),
    )
