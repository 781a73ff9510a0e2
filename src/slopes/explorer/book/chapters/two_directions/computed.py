"""What the chapter on the two directions computes: divergences over three outcomes, and bells fitted to two bumps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.chapters.two_directions import bells
from slopes.explorer.book.derivation import Derivation, Numbers, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.wording import number
from slopes.shown import palette

GIVEN = frozenset({"0.7"})  # the share of lunch, as the text tells it
WEATHER: Final = (0.7, 0.2, 0.1)
BELIEF: Final = (0.5, 0.3, 0.2)
FORGOT: Final = (0.75, 0.24, 0.01)
_COIN: Final = 0.8
_FORWARD, _REVERSE = palette.hue("kl_divergence"), palette.BLUE


def _of(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def kl(p: Sequence[float], q: Sequence[float]) -> float:
    """Return KL(p‖q)."""
    with slopes.exact():
        return L.kl_divergence(_of(p).log()[None], _of(q).log()[None]).item()


def js(p: Sequence[float], q: Sequence[float]) -> float:
    """Return the Jensen-Shannon divergence."""
    with slopes.exact():
        return L.js_divergence(_of(p).log()[None], _of(q).log()[None]).item()


def dropped(keep: int = 2) -> tuple[float, ...]:
    """Return the weather without its last outcomes, the others in proportion."""
    kept = sum(WEATHER[:keep])
    return tuple(share / kept if i < keep else 0.0 for i, share in enumerate(WEATHER))


def _slopes(q: Sequence[float], *, reverse: bool) -> list[float]:
    z, log_p = _of(q).log().requires_grad_(), _of(WEATHER).log()[None]
    with slopes.exact():
        log_q = z.log_softmax(-1)[None]
        pair = (log_q, log_p) if reverse else (log_p, log_q)
        slope: list[float] = torch.autograd.grad(L.kl_divergence(*pair), z)[0].tolist()
    return slope


def slope_forward(q: Sequence[float]) -> list[float]:
    """Return the slope of KL(p‖q) by the logits of q, p being the weather."""
    return _slopes(q, reverse=False)


def slope_reverse(q: Sequence[float]) -> list[float]:
    """Return the slope of KL(q‖p) by the same."""
    return _slopes(q, reverse=True)


def _curve(xs: Sequence[float], *, reverse: bool) -> list[float]:
    q, p = _of(xs), _of([_COIN]).expand(len(xs))
    log_p, log_q = (torch.stack([side, 1 - side], -1).log() for side in (p, q))
    with slopes.exact():
        pair = (log_q, log_p) if reverse else (log_p, log_q)
        values: list[float] = L.kl_divergence(*pair, reduction="none").tolist()
    return values


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    needless = kl(dropped(), WEATHER)
    return (
        Guess(
            id="needless",
            question="It never snows; sun and rain come as 7 to 2. The forecast is sun 0.7, rain 0.2, snow 0.1. How "
            "many nats is KL(*p*‖*q*)?",
            answer=needless,
            unit="nats",
            within=0.02,
            slips=(
                Slip(
                    answer=0.1,
                    said="That is the tenth that was wasted. What it costs is −log of the nine tenths that are left: "
                    f"{number(needless, 3)}.",
                ),
                Slip(
                    answer=-math.log(0.1),
                    said="That would be the surprise at snow, and it never comes. Each day that does come got 0.9 of "
                    f"what it should have: −log 0.9 is {number(needless, 3)}.",
                ),
            ),
            told="Every day that happens was given 0.9 of its probability, so each costs −log 0.9 too much. Not "
            "nothing, and not infinitely much.",
            hint="What each sunny day was given, over what it should have been given, is 0.9.",
        ),
        _sketch(),
        *bells.places(),
        Reach(
            id="both-covered",
            question="Bring lunch and dinner together until the reverse bell covers both.",
            figure="kl",
            start="distance=7&left=0.7",
            goal="distance=4&left=0.7",
            met=bells.met,
            told="So near, one bell that spans both pays less than one that leaves a part out.",
            hint="A bell over both has little empty middle to answer for.",
        ),
        Pick(
            id="penalty",
            question="The penalty is KL(model‖reference). For which of these is the model charged without limit?",
            options=(
                Option(
                    label="it stops saying what the reference says on one day in ten",
                    said="The average is over what the *model* says. What it no longer says costs only "
                    f"−log 0.9 = {number(needless, 3)}, through the rest that it says more often.",
                ),
                Option(label="it says what the reference never says"),
                Option(
                    label="both, KL being a distance",
                    said="It is no distance: the two directions differ. Only what the model says is asked about.",
                ),
            ),
            right=_charged(),
            told="Invention is charged, omission hardly. So such training keeps to what the reference could say, and "
            "may well get less varied.",
        ),
        Guess(
            id="js-bits",
            question="*p* and *q* have no outcome in common. What is their Jensen-Shannon divergence in **bits**?",
            answer=js((1, 0, 0), (0, 0, 1)) / math.log(2),
            unit="bits",
            within=0.01,
            slips=(
                Slip(answer=math.log(2), said="That is in nats. Divided by log 2 it is one bit."),
                Slip(
                    answer=0.5,
                    said="Each half weighs ½, but each KL to the mixture is a whole bit: ½ + ½ = 1.",
                ),
                Slip(answer=0.0, said="0 is for two that are the same."),
            ),
            told="Whoever sees a sample knows for sure which of the two it came from: one yes or no, one bit.",
        ),
        Guess(
            id="snow-slope",
            question="*p* is (0.7, 0.2, 0.1), *q* is (0.5, 0.3, 0.2). What is the slope of KL(*p*‖*q*) by *q*’s logit "
            "for snow?",
            answer=slope_forward(BELIEF)[2],
            within=0.03,
            slips=(
                Slip(
                    answer=-WEATHER[2] / BELIEF[2],
                    said="That is the slope by the *probability*, −*p*/*q*. Through the softmax it becomes *q* − *p*.",
                ),
                Slip(
                    answer=WEATHER[2] - BELIEF[2],
                    said="The other way round: prediction minus truth. Snow has too much, and descent lowers it.",
                ),
                Slip(
                    answer=slope_reverse(BELIEF)[2],
                    said="That is the slope of KL(*q*‖*p*). The forward one is simply *q* − *p*.",
                ),
            ),
            told="*q* − *p*, as for cross-entropy: the two differ by the entropy of *p*, which no logit moves.",
            hint="A matched pair.",
        ),
    )


def _sketch() -> Sketch:
    at = (0.03, 0.25, 0.5, 0.8, 0.97)
    grid = [0.02 + 0.96 * i / 80 for i in range(81)]
    forward = _curve(grid, reverse=False)
    return Sketch(
        id="draw-reverse",
        question="A coin shows heads with 0.8. Over the probability *q* that a model gives to heads, KL(*p*‖*q*) is "
        "drawn. Draw KL(*q*‖*p*).",
        axes=Axes(x=(0.02, 0.98), y=(0.0, 2.8), x_title="q, of heads", y_title="nats"),
        at=at,
        truth=lambda xs: _curve(xs, reverse=True),
        within=0.2,
        context=(Line(label="KL(p‖q)", x=tuple(grid), y=tuple(forward), hue=_FORWARD),),
        slips=(
            (
                tuple(_curve(at, reverse=False)),
                (
                    "You drew the forward one again. The reverse averages over *q*, so at the ends it is the surprise "
                    "of "
                    "*p* at one sure side: finite."
                ),
            ),
            (
                tuple(reversed(_curve(at, reverse=True))),
                "Mirrored: a model that always says heads is near this coin, one that always says tails is far.",
            ),
        ),
        told=f"At *q* = 1 it ends at −log 0.8 = {number(-math.log(_COIN), 3)}, at *q* = 0 at −log 0.2 = "
        f"{number(-math.log(1 - _COIN), 3)}. Leaving a side out has a price, and a finite one; the forward curve has "
        "no ceiling at either end.",
        hint="What does it cost to claim heads only, when *p* gives heads 0.8?",
        start=1.0,
    )


def _charged() -> int:
    """Return which is charged without limit: leaving an outcome out, or inventing one; 2 for both."""
    left_out, invented = kl(dropped(), WEATHER), kl(WEATHER, dropped())
    return {(False, True): 1, (True, False): 0, (True, True): 2}[math.isinf(left_out), math.isinf(invented)]


_PLAIN = [-60 + 0.1 * i for i in range(1201)]  # far and fine enough that sums over it are integrals


def _bumps(x: float, left: float, distance: float) -> float:
    both = ((left, -distance / 2), (1 - left, distance / 2))
    return sum(share * math.exp(-((x - at) ** 2) / 2) for share, at in both) / math.sqrt(2 * math.pi)


def _mean_slope(n: Numbers) -> float:
    """Return the slope of KL(p‖q) by the bell's mean, p being the two meals."""
    x, m = _of(_PLAIN), _of([n["m"]]).requires_grad_()
    log_p = bells.MEALS.log_density(x).log_softmax(-1)
    with slopes.exact():
        log_q = (-((x - m) ** 2) / (2 * n["s"] ** 2)).log_softmax(-1)
        return torch.autograd.grad(L.kl_divergence(log_p[None], log_q[None]), m)[0].item()


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    return (
        Derivation(
            id="leave-out",
            title="What it costs to leave a part out",
            of=r"\mathrm{KL}(q \,\|\, p)",
            numbers={"p_1": WEATHER[0], "p_2": WEATHER[1]},
            value=lambda _: kl(dropped(), WEATHER),
            steps=(
                Step(
                    tex=r"q_1 \log \frac{q_1}{p_1} + q_2 \log \frac{q_2}{p_2}",
                    value=lambda n: sum(
                        n[s] / _kept(n) * math.log(n[s] / _kept(n) / n[s])  # q_i, and q_i over p_i
                        for s in ("p_1", "p_2")
                    ),
                    because="*q* keeps sun and rain, in proportion, and drops snow. What *q* never says is not in the "
                    "average.",
                    shown=r"0.778 \log \frac{0.778}{0.7} + 0.222 \log \frac{0.222}{0.2}",
                ),
                Step(
                    tex=r"(q_1 + q_2) \log \frac{1}{p_1 + p_2}",
                    value=lambda n: (n["p_1"] + n["p_2"]) / _kept(n) * math.log(1 / _kept(n)),
                    because="What is kept is divided by what is kept in all, so both ratios are the same.",
                    shown=r"1 \cdot \log \frac{1}{0.7 + 0.2}",
                ),
                Step(
                    tex=r"-\log (p_1 + p_2)",
                    value=lambda n: -math.log(_kept(n)),
                    because="The shares of *q* add up to 1. The price is the surprise of *p* at the part that is kept.",
                    shown=r"-\log (0.7 + 0.2)",
                ),
            ),
        ),
        Derivation(
            id="moments",
            title="Where the forward bell comes to rest",
            of=r"\frac{\partial\, \mathrm{KL}(p \,\|\, q)}{\partial m}",
            numbers={"m": 1.0, "s": 3.0, r"\mu": bells.MEALS.mean},
            value=_mean_slope,
            steps=(
                Step(
                    tex=r"-\int p(x)\, \frac{x - m}{s^2}\, dx",
                    value=lambda n: (
                        -sum(
                            0.1 * _bumps(x, bells.MEALS.left, bells.MEALS.distance) * (x - n["m"]) / n["s"] ** 2
                            for x in _PLAIN
                        )
                    ),
                    because="Only log *q* depends on the mean *m*, and it holds −(*x* − *m*)² / 2*s*².",
                    shown=r"-\int p(x)\, \frac{x - 1}{3^2}\, dx",
                ),
                Step(
                    tex=r"\frac{m - \mu}{s^2}",
                    value=lambda n: (n["m"] - n[r"\mu"]) / n["s"] ** 2,
                    because="The average of *x* under *p* is its mean, *μ*. The slope is 0 at *m* = *μ*, whether "
                    "anybody is there or not; the same with *s* gives the spread of *p*.",
                ),
            ),
        ),
        _elbo(),
    )


def _kept(n: Numbers) -> float:
    return n["p_1"] + n["p_2"]


def _elbo() -> Derivation:
    """Return it for wet grass: rain or a sprinkler, how likely each is, and how likely each wets the grass."""
    prior, wet, q = (0.2, 0.8), (0.9, 0.3), (0.5, 0.5)
    joint = [a * b for a, b in zip(prior, wet, strict=True)]

    def posterior() -> list[float]:
        return [part / sum(joint) for part in joint]

    def bound() -> float:
        return sum(a * math.log(b / a) for a, b in zip(q, joint, strict=True))

    return Derivation(
        id="elbo",
        title="The bound and its gap",
        of=r"\log p(x)",
        numbers={},
        value=lambda _: -L.binary_cross_entropy(_of([sum(joint)]).logit(), _of([1.0])).item(),
        steps=(
            Step(
                tex=r"\sum_z q(z) \log \frac{p(x, z)}{p(z \mid x)}",
                value=lambda _: sum(a * math.log(b / c) for a, b, c in zip(q, joint, posterior(), strict=True)),
                because="The grass is wet, *x*; *z* is rain (0.2, and wets it with 0.9) or sprinkler (0.8, and with "
                "0.3). For either *z* the ratio is p(*x*), so any average of its logarithm is log p(*x*). Here *q* is "
                "½ and ½.",
                shown=r"0.5 \log \frac{0.18}{0.4286} + 0.5 \log \frac{0.24}{0.5714}",
            ),
            Step(
                tex=r"\sum_z q(z) \log \frac{p(x, z)}{q(z)} + \sum_z q(z) \log \frac{q(z)}{p(z \mid x)}",
                value=lambda _: bound() + sum(a * math.log(a / c) for a, c in zip(q, posterior(), strict=True)),
                because="Multiply and divide by *q*(*z*) inside the logarithm.",
                shown=r"0.5 \log \frac{0.18}{0.5} + 0.5 \log \frac{0.24}{0.5} + 0.5 \log \frac{0.5}{0.4286} + 0.5 \log "
                r"\frac{0.5}{0.5714}",
            ),
            Step(
                tex=r"\mathrm{ELBO} + \mathrm{KL}(q \,\|\, p(z \mid x))",
                value=lambda _: bound() + kl(q, posterior()),
                because="The first sum needs no posterior and can be raised. The second is never below 0, so the first "
                "is a lower bound; log p(*x*) does not depend on *q*, so raising the one lowers the other.",
                shown=rf"({number(bound(), 4).replace('−', '-')}) + {number(kl(q, posterior()), 3)}",
            ),
        ),
    )
