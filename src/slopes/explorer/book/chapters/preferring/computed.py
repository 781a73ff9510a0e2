"""What the chapter on preference computes: rewards, the best tethered policy, and losses over a margin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Place, Sketch
from slopes.explorer.book.chapters.preferring.derived import RARE, REWARD, TETHER, derivations, kl, of, order, verdict
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

__all__ = ["GIVEN", "derivations", "exercises", "verdict"]

# β, the rewards of the worked pair, PPO's clip, and what Tversky and Kahneman measured in 1992
GIVEN = frozenset({"0.1", "0.82", "0.31", "0.2", "2.25", "1.5", "2.5"})
_BETA = 0.1  # of the plate
_CLIP = 0.2
_WRONG_LABELS = 0.2
_SIDES = 41  # points of a curve that is drawn beforehand


def _clip_loss(log_ratio: Tensor, advantage: float) -> Tensor:
    return L.ppo(log_ratio, torch.zeros_like(log_ratio), torch.full_like(log_ratio, advantage), reduction="none")


def clip_objective(ratios: Sequence[float], advantage: float) -> list[float]:
    """Return what PPO maximises at these ratios."""
    with slopes.exact():
        objective: list[float] = (-_clip_loss(of(*ratios).log(), advantage)).tolist()
    return objective


def clip_slope(ratio: float, advantage: float) -> float:
    """Return its slope by the log-probability."""
    return -value_and_slope(lambda at: _clip_loss(at, advantage), of(ratio).log())[1].item()


def clipped(ratio: float, advantage: float) -> float:
    """Return PPO's loss of one sample."""
    return -clip_objective([ratio], advantage)[0]


def tethered(p: float) -> float:
    """Return reward minus β KL of a policy that gives the better answer this share."""
    return p * REWARD - TETHER * kl(p, RARE)


def best_share() -> float:
    """Return the share at which that is greatest: the reference's, tilted by the reward."""
    logits = of(RARE, 1 - RARE).log() + of(REWARD, 0.0) / TETHER
    return A.softmax(logits)[0].item()


def one(loss: Callable[..., Tensor], chosen: float, rejected: float, **options: Any) -> float:  # noqa: ANN401
    """Return a loss of one pair, by the log-ratios of its answers."""
    with slopes.exact():
        return loss(of(chosen), of(rejected), of(0.0), of(0.0), **options).item()


def good(log_ratio: float, kl: float, beta: float) -> float:
    """Return KTO's loss of a desirable answer."""
    with slopes.exact():
        return L.kto(of(log_ratio), of(0.0), torch.tensor([True]), kl, beta=beta).item()


def odds(chosen: float, rejected: float, nll: float, lam: float) -> float:
    """Return ORPO's loss, by the mean probabilities of the answers' tokens."""
    with slopes.exact():
        return L.orpo(of(chosen).log(), of(rejected).log(), of(nll), lam=lam).item()


def dpo_slope(margin: float) -> float:
    """Return the slope of DPO's loss by the margin, with the plate's β."""
    zero = of(0.0)
    return _slope_at(lambda at: L.dpo(at, zero, zero, zero, beta=_BETA), margin)


def _slope_at(loss: Callable[[Tensor], Tensor], margin: float) -> float:
    return value_and_slope(loss, of(margin))[1].item()


def rests_at(loss: Callable[[Tensor], Tensor]) -> float:
    """Return the first margin, from 0 to 300, at which a loss no longer widens it; infinity where there is none."""
    low, high = 0.0, 300.0
    if _slope_at(loss, high) < 0:
        return math.inf
    while high - low > 1e-9:  # noqa: PLR2004  nats
        middle = (low + high) / 2
        low, high = (middle, high) if _slope_at(loss, middle) < 0 else (low, middle)
    return high


def _pair(loss: Callable[..., Tensor], **options: float) -> Callable[[Tensor], Tensor]:
    def at(margin: Tensor) -> Tensor:
        zero = torch.zeros_like(margin)
        return loss(margin, zero, zero, zero, **options)

    return at


def _rests() -> tuple[tuple[str, float], ...]:
    return (
        ("DPO, β = 0.5", rests_at(_pair(L.dpo, beta=0.5))),
        ("a hinge on β Δ, β = 0.1", rests_at(lambda margin: L.hinge(_BETA * margin, torch.ones_like(margin)))),
        ("IPO, β = 0.02", rests_at(_pair(L.ipo, beta=0.02))),
        (
            "DPO told that one label in five is wrong, β = 0.1",
            rests_at(_pair(L.dpo, beta=_BETA, label_smoothing=_WRONG_LABELS)),
        ),
    )


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    return (_order(), _bad_token(), _tether(), _where(), _both_fall(), _start(), _slope())


def _order() -> Guess:
    right = 100 * order(0.5)
    return Guess(
        id="order",
        question="A reward model gives the chosen answer 1.5 and the rejected one 1. With what probability, in per "
        "cent, is that the order in which people put them?",
        answer=right,
        unit="%",
        within=0.015,
        slips=(
            Slip(
                answer=60.0,
                said="That is the share of the rewards themselves, 1.5 of 2.5. It is the *strengths* that are shared, "
                f"and a reward is a strength's logarithm: σ(0.5) is {number(right, 3)} %.",
            ),
            Slip(
                answer=100.0,
                said=f"The better of two rewards does not always win. A lead of half a unit gives {number(right, 3)} "
                "%.",
            ),
            Slip(
                answer=100 * order(1.5),
                said="That is σ of the chosen reward alone. A reward means nothing without the other: σ(1.5 − 1).",
            ),
        ),
        told="Only the lead counts: 101.5 against 101 would give the same.",
        hint="Subtract first.",
    )


def _bad_token() -> Sketch:
    at = (0.2, 0.6, 1.0, 1.6, 2.2)
    grid = [0.02 + 2.48 * i / (_SIDES - 1) for i in range(_SIDES)]
    held = [-min(max(r, 1 - _CLIP), 1 + _CLIP) for r in at]
    return Sketch(
        id="bad-token",
        question="A token with *A* = −1: worse than expected. Draw what PPO maximises over the ratio *r*, with ε = "
        "0.2. The line *r A*, without a clip, is there already.",
        axes=Axes(x=(0.0, 2.5), y=(-2.5, 0.0), x_title="r, the ratio", y_title="objective"),
        at=at,
        truth=lambda xs: clip_objective([max(x, 1e-9) for x in xs], -1.0),
        within=0.13,
        context=(Line(label="r A", x=tuple(grid), y=tuple(-r for r in grid), hue=palette.hue("mae")),),
        slips=(
            (
                tuple(held),
                (
                    "You clipped both sides. The minimum takes the *worse* term, and to the right of 1.2 that is the "
                    "unclipped one: a bad token that has become likelier is never let off."
                ),
            ),
            (
                tuple(-r for r in at),
                (
                    "Without any clip it would be that. To the left of 0.8 the token has become rare enough, and the "
                    "objective goes flat."
                ),
            ),
            (
                tuple(max(-r, -1.2) for r in at),
                (
                    "That is the curve for *A* = 1, turned over. The minimum does not turn over: with *A* = −1 it is "
                    "the left side that goes flat."
                ),
            ),
        ),
        told="Flat to the left of 0.8, where the token is rare enough; to the right it falls without end.",
        hint="Of two negative numbers the smaller one is the worse one.",
        start=-1.25,
    )


def _tether() -> Place:
    best = best_share()
    grid = [0.001 + 0.998 * i / (_SIDES - 1) for i in range(_SIDES)]

    def score(x: float, _: float) -> str:
        share = min(max(x, 0.0), 1.0)
        return f"With a share of {number(share, 3)} reward minus β KL is {number(tethered(share), 3)}."

    return Place(
        id="tether",
        question="The reference gives the better of two answers 20 %. Its reward is 1, the other's is 0, and β = 0.5. "
        "The straight line is the mean reward, the bowl is β KL. Put the point where the first minus the second is "
        "greatest: across, the policy's share of the better answer; up, that difference.",
        axes=Axes(x=(0.0, 1.0), y=(-0.2, 1.0), x_title="share", y_title="reward − β KL"),
        answer=(best, tethered(best)),
        within=(0.06, 0.06),
        context=(
            Line(label="mean reward", x=tuple(grid), y=tuple(p * REWARD for p in grid), hue=palette.hue("mae")),
            Line(
                label="β KL",
                x=tuple(grid),
                y=tuple(TETHER * kl(p, RARE) for p in grid),
                hue=palette.hue("kl_divergence"),
            ),
        ),
        score=score,
        slips=(
            (
                (1.0, tethered(1.0)),
                "All on the better answer earns the whole reward, and pays β log 5 for it. That is too dear.",
            ),
            (
                (RARE, tethered(RARE)),
                (
                    "Staying at the reference costs nothing. But near it the bowl is flat: the first steps away are "
                    "nearly free, and each of them earns."
                ),
            ),
            (
                (best, best * REWARD),
                "The share is right. Up, the KL that it costs has still to be taken off the reward.",
            ),
        ),
        told=f"The best share is {number(best, 3)}: 0.2 *e*², made to sum to 1 with the other's 0.8. The point is at "
        f"{number(tethered(best), 3)}.",
        hint="Where do line and bowl have the same slope?",
        start=(0.1, 0.1),
    )


def _where() -> Rank:
    items = _rests()
    return Rank(
        id="rests",
        question="At which margin Δ does each loss come to rest? The greatest first.",
        items=items,
        unit="nats",
        slips=(
            (
                (2, 3, 1, 0),
                "Plain DPO has no margin at which it rests, whatever β is: its slope, −β σ(−βΔ), is never 0.",
            ),
            (
                (0, 3, 1, 2),
                (
                    "The hinge asks for βΔ = 1 and IPO for βΔ = ½. But β = 0.02 makes that a margin of 25, and β = "
                    "0.1 makes the other one 10."
                ),
            ),
        ),
        told="DPO never rests. IPO does at 1/(2β), DPO with ε = 0.2 at log 4 / β, the hinge at 1/β; and beyond 1/(2β) "
        "IPO pulls *back*.",
        hint="Which slopes on the plate meet 0? And what does β do to the place?",
    )


def _both_fall() -> Reach:
    return Reach(
        id="both-fall",
        question="Move the plate to a state where DPO is more content than at Δ = 0 although the *chosen* answer has "
        "become less likely than it was under the reference.",
        figure="preference",
        start="losses=dpo,ipo,hinge&at=12&share=0.5",
        goal="losses=dpo,ipo,hinge&at=12&share=-0.5",
        met=_fallen,
        told="DPO sees Δ and nothing else. It cannot tell this from a chosen answer that has gained.",
        hint="The chosen answer's log-ratio is *s* Δ.",
    )


def _fallen(state: State) -> tuple[bool, str]:
    margin, share = real(state, "at"), real(state, "share")
    ratio = share * margin
    now, before = one(L.dpo, ratio, ratio - margin, beta=_BETA), one(L.dpo, 0.0, 0.0, beta=_BETA)
    if now >= before:
        return False, f"DPO's loss is {number(now, 3)} here, no less than the {number(before, 3)} at Δ = 0."
    if ratio >= 0:
        said = f"The chosen answer is {number(math.exp(ratio), 3)} times as likely as under the reference."
        return False, f"{said} It has to fall below 1."
    return True, (
        f"The chosen answer is {number(math.exp(ratio), 2)} times as likely as before, and DPO's loss fell from "
        f"{number(before, 3)} to {number(now, 3)}."
    )


def _start() -> Guess:
    first = one(L.dpo, 0.0, 0.0, beta=_BETA)
    return Guess(
        id="at-the-start",
        question="At the first step of DPO the policy *is* the reference. What is the loss?",
        answer=first,
        unit="nats",
        within=0.01,
        slips=(
            Slip(answer=0.0, said=f"A loss of 0 would be certainty. With no margin σ is ½, and −log ½ is {_n(first)}."),
            Slip(
                answer=good(0.0, kl=0.0, beta=_BETA),
                said=f"That is where KTO starts, 1 − σ(0), and σ(0) itself. DPO takes −log of it: {_n(first)}.",
            ),
            Slip(answer=1.0, said=f"The hinge starts at 1. DPO starts at −log ½, {_n(first)}."),
        ),
        told="log 2, whatever β is. Anything else means that policy and reference were not computed alike: dropout, "
        "another template, another precision.",
        hint="What is Δ?",
    )


def _slope() -> Pick:
    slope = dpo_slope(-20.0)
    options = (-_BETA * A.sigmoid(of(-2.0)).item(), A.sigmoid(of(-2.0)).item() - 1, _BETA * (order(-2.0) - 1))
    return Pick(
        id="dpo-slope",
        question="DPO is a binary cross-entropy with the logit βΔ and the truth 1. With β = 0.1 and Δ = −20, what is "
        "its slope by Δ? σ(−2) is 0.119.",
        options=(
            Option(
                label="−0.1 · 0.119 = −0.0119",
                said="That would be a small push for a pair in the wrong order. ŷ − *y* is 0.119 − 1, and then times "
                "β.",
            ),
            Option(
                label="0.119 − 1 = −0.881",
                said="That is ŷ − *y*, the slope by the *logit*. By Δ it comes times β, since the logit is βΔ.",
            ),
            Option(label="0.1 · (0.119 − 1) = −0.0881"),
        ),
        right=next(i for i, value in enumerate(options) if math.isclose(value, slope, rel_tol=1e-9)),
        told="Prediction minus truth, as at every matched pair, times β by the chain rule. It stays below β.",
    )


def _n(value: float) -> str:
    return number(value, 3)
