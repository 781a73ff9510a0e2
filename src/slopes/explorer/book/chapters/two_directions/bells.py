"""One bell for two meals: the Gaussian that each direction of KL fits to them, and the questions on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

import torch
from torch import Tensor

from slopes.explorer.book.by_hand import Axes, Line, Place
from slopes.explorer.figures.kl.bumps import Fit, Target, fitted, over
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette

MEALS: Final = Target(distance=7.0, width=1.0, left=0.7)
_EDGE: Final = 8.0  # hours, to either side


def _of(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def best(direction: str) -> Fit:
    """Return the bell that a direction fits to the two meals."""
    fits = fitted(MEALS)
    return fits.forward if direction == "forward" else fits.reverse


def _covers(target: Target) -> bool:
    """Whether the reverse bell stands between the bumps instead of on one."""
    fits = fitted(target)
    near = min(abs(fits.reverse.mean - place) for place in target.places)
    return abs(fits.reverse.mean - fits.forward.mean) <= near


def parting() -> float:
    """Return how many widths apart two equal bumps must be for the reverse bell to leave one of them."""
    low, high = 4.0, 8.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if _covers(Target(distance=middle, width=1.0, left=0.5)) else (low, middle)
    return low


def _summit(deviation: float) -> float:
    return 1 / (deviation * math.sqrt(2 * math.pi))


def _paid(mean: float, summit: float) -> tuple[float, float]:
    """Return both divergences of a bell with this summit."""
    deviation = _summit(summit)  # the same formula, solved for the other
    forward, reverse = over(MEALS, _of([mean]), deviation, deviation)
    return forward[0].item(), reverse[0].item()


def _scored(way: int, name: str) -> Callable[[float, float], str]:
    def score(mean: float, summit: float) -> str:
        if not (0.02 < summit <= 1 and abs(mean) <= _EDGE):  # noqa: PLR2004  wider than the day, or between its points
            return "Put the summit inside the chart, and not on its floor."
        return f"Your bell pays {number(_paid(mean, summit)[way], 3)} nats of {name}."

    return score


def places() -> tuple[Place, Place]:
    """Return the questions where the summit belongs, by either direction."""
    xs = [-8 + 16 * i / 160 for i in range(161)]
    guests = Line(label="guests", x=tuple(xs), y=tuple(MEALS.log_density(_of(xs)).exp().tolist()), hue=palette.INK)
    axes = Axes(x=(-8.0, 8.0), y=(0.0, 0.44), x_title="hours from half past three", y_title="density")
    wide, narrow = best("forward"), best("reverse")
    summit = (wide.mean, _summit(wide.deviation)), (narrow.mean, _summit(narrow.deviation))
    half = number(-math.log(1 - MEALS.left), 3)
    forward = Place(
        id="place-forward",
        question="Put the summit of the bell that pays the least KL(*p*‖*q*), *p* being the guests.",
        axes=axes,
        answer=summit[0],
        within=(0.7, 0.02),
        context=(guests,),
        score=_scored(0, "KL(p‖q)"),
        slips=(
            (
                summit[1],
                (
                    "So narrow a bell gives the dinner guests next to nothing, and this average is over the guests: "
                    "each "
                    f"of them is a huge surprise. The best pays {number(wide.forward, 3)}."
                ),
            ),
            (
                (wide.mean, summit[1][1]),
                (
                    "The right middle, but too narrow: both crowds stand in its thin tails. A lower summit is a wider "
                    f"bell; the best pays {number(wide.forward, 3)}."
                ),
            ),
        ),
        told=f"The best stands at the mean of all guests and is as wide as they are spread: {number(wide.forward, 3)} "
        "nats.",
        hint="No guest may stand where the bell is thin.",
        start=(0.0, 0.2),
    )
    reverse = Place(
        id="place-reverse",
        question="And the bell that pays the least KL(*q*‖*p*)?",
        axes=axes,
        answer=summit[1],
        within=(0.5, 0.04),
        context=(guests,),
        score=_scored(1, "KL(q‖p)"),
        slips=(
            (
                summit[0],
                (
                    "That one covers the empty afternoon, and this average is over the bell: much of it lies where "
                    "nobody "
                    f"comes. The best pays {number(narrow.reverse, 3)}."
                ),
            ),
            (
                (-narrow.mean, summit[1][1]),
                (
                    f"A hollow, but not the deepest: whoever describes dinner alone leaves out 70 % and pays −log 0.3 "
                    f"= "
                    f"{half}. Lunch alone pays {number(narrow.reverse, 3)}."
                ),
            ),
        ),
        told=f"The best describes lunch, as exactly as it can, and pays {number(narrow.reverse, 3)} nats for leaving "
        "dinner out.",
        hint="No part of the bell may stand where guests are rare.",
        start=(0.0, 0.2),
    )
    return forward, reverse


def met(state: State) -> tuple[bool, str]:
    """Return whether the reverse bell covers both bumps of a state, and what is said of it."""
    target = Target(distance=real(state, "distance"), width=real(state, "width"), left=real(state, "left"))
    fit = fitted(target).reverse
    said = f"At a distance of {number(target.distance, 3)} it stands at {number(fit.mean, 3)}, "
    said += f"{number(fit.deviation, 3)} wide"
    return (True, f"{said}.") if _covers(target) else (False, f"{said}: on the heavier crowd alone.")
