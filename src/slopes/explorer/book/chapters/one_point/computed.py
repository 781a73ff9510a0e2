"""What the chapter on one point computes: lines through the plate's points, and the pull of a bell curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Final

import numpy as np
import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.book.answers import Guess, Option, Pick, Rank, Reach, Slip
from slopes.explorer.book.by_hand import Axes, Line, Sketch
from slopes.explorer.book.derivation import Derivation, Step
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.figures.line_fit.fit import Lines, fit
from slopes.explorer.figures.line_fit.fitted import HEIGHTS, PLACES
from slopes.explorer.figures.residual_losses import kinds
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import palette
from slopes.shown.curve import value_and_slope

GIVEN: Final = frozenset({"7.75", "0.9", "0.1"})  # the right height, and the quantiles
_X, _Y, _RIGHT = 11.5, 16.0, 7.75
_UP: Final = (-4.0, 18.0)  # heights that the plate has
_OFF, _TURN = 5.0, 0.01  # an outlier, and a turn that is not seen
_KINDS: Final = kinds(None, "")


def _lines(name: str, x: float, heights: Sequence[float], option: float, scale: float = 1.0) -> Lines:
    """Return the lines of a loss through the points, one for each height of the twelfth."""
    kind, count = _KINDS[name], len(heights)
    xs = np.tile([*PLACES, x], (count, 1))
    ys = np.column_stack([np.tile(HEIGHTS, (count, 1)), heights])
    return fit(partial(kind.at, option=option), xs, ys * scale, kinked=kind.kinked)


def slope(name: str, x: float, y: float, option: float = 1.0) -> float:
    """Return the slope of the line that a loss lays through the eleven points and one more."""
    return float(_lines(name, x, [y], option).slope[0])


def intercept(name: str, x: float, y: float, option: float = 1.0) -> float:
    """Return its height at x = 0."""
    return float(_lines(name, x, [y], option).intercept[0])


def _over(name: str, heights: Sequence[float]) -> list[float]:
    found: list[float] = _lines(name, _X, heights, 1.0).slope.tolist()
    return found


def without(name: str, option: float = 1.0) -> float:
    """Return the slope of the line through the eleven."""
    kind = _KINDS[name]
    lines = fit(partial(kind.at, option=option), np.array([PLACES]), np.array([HEIGHTS]), kinked=kind.kinked)
    return float(lines.slope[0])


def lever(x: float) -> float:
    """Return by how much the line of squares turns for each unit of the point's height."""
    low, high = _lines("mse", x, _UP, 1.0).slope.tolist()
    return float(high - low) / (_UP[1] - _UP[0])


def crossing() -> float:
    """Return where the lines of the quantiles 0.1 and 0.9 meet, without an outlier."""
    low, high = (_lines("quantile", _X, [_RIGHT], tau) for tau in (0.1, 0.9))
    return float((high.intercept[0] - low.intercept[0]) / (low.slope[0] - high.slope[0]))


def _nll(m: Tensor, y: float, log_variance: Tensor) -> Tensor:
    return L.gaussian_nll(m, log_variance, torch.full_like(m, y))


def _bell(sigma: float) -> Tensor:
    return torch.tensor([2 * math.log(sigma)], dtype=torch.float64)


def nll(m: float, y: float, sigma: float) -> float:
    """Return the Gaussian negative log-likelihood without its constant."""
    with slopes.exact():
        return _nll(torch.tensor([m], dtype=torch.float64), y, _bell(sigma)).item()


def pull_mean(r: float, sigma: float) -> float:
    """Return its slope by the mean at a residual."""
    return value_and_slope(lambda m: _nll(m, 0.0, _bell(sigma)), torch.tensor([r], dtype=torch.float64))[1].item()


def pull_width(r: float, sigma: float) -> float:
    """Return its slope by the logarithm of the variance there."""
    residual = torch.tensor([r], dtype=torch.float64)
    return value_and_slope(lambda width: _nll(residual, 0.0, width), _bell(sigma))[1].item()


def exercises() -> tuple[Exercise, ...]:
    """Return the chapter's questions."""
    at = (-4.0, 1.5, 7.0, 12.5, 18.0)
    true = _over("mse", at)
    middle, end = true[2], true[-1]
    grid = [_UP[0] + (_UP[1] - _UP[0]) * i / 80 for i in range(81)]
    return (
        Sketch(
            id="draw-height",
            question="Let the twelfth point have any height from −4 to 18. Draw the *slope* of the line of least "
            "squares over that height. What absolutes do is there to compare with.",
            axes=Axes(x=_UP, y=(-0.2, 1.0), x_title="height of the twelfth point", y_title="slope of the line"),
            at=at,
            truth=lambda heights: _over("mse", heights),
            within=0.06,
            context=(Line(label="MAE", x=tuple(grid), y=tuple(_over("mae", grid)), hue=palette.hue("mae")),),
            slips=(
                (
                    tuple(_over("huber", at)),
                    "That is how Huber does it: it follows for a while and lets go. Squares never let go.",
                ),
                (
                    tuple(middle + abs(s - middle) * (s - middle) / (end - middle) for s in true),
                    "The *loss* bends like that. Its pull grows evenly, and so does what it does to a line.",
                ),
            ),
            told="A straight line: each centimetre turns it by the same amount, however many there have been before.",
            hint="The slope of a square is 2*r*. What happens to the pull when the point moves up by one?",
            start=0.4,
        ),
        Reach(
            id="still",
            question="Put the outlier somewhere at least 5 above or below 2 + *x*/2, where it does not turn the line "
            "at all.",
            figure="line-fit",
            start="losses=mse&x=11.5&y=16",
            goal="losses=mse&x=6&y=16",
            met=_still,
            told="In the middle it has no lever: it lifts the whole line and does not turn it.",
            hint="Where is *x* − x̄ zero?",
        ),
        Rank(
            id="steepest",
            question="The twelfth point is at 16. Which loss lays the steepest line?",
            items=(
                ("squares", slope("mse", _X, _Y)),
                ("absolutes", slope("mae", _X, _Y)),
                ("Huber, δ = 1", slope("huber", _X, _Y)),
                ("pinball, τ = 0.9", slope("quantile", _X, _Y, 0.9)),
            ),
            slips=(
                (
                    (0, 3, 2, 1),
                    "Its pull is bounded, but at τ = 0.9 about one point in twelve may lie above: the outlier itself.",
                ),
                (
                    (0, 2, 1, 3),
                    "At 0.9 it pulls up with 0.9 and down with 0.1: nine points below are needed to hold one.",
                ),
            ),
            told="The line of the 0.9 quantile goes through the outlier, squares follow it, Huber lets go at δ, and "
            "absolutes do not move.",
            hint="Pinball at 0.9 pulls up nine times as hard as down.",
        ),
        Guess(
            id="noisy",
            question="On a day when the model says σ = 3 it is off by 6. How hard is *m* pulled?",
            answer=pull_mean(6.0, 3.0),
            within=0.03,
            slips=(
                Slip(
                    answer=2.0,
                    said=f"That is *r*/σ, how many widths it is off. The pull is *r*/σ²: "
                    f"{number(pull_mean(6.0, 3.0), 3)}.",
                ),
                Slip(
                    answer=pull_mean(6.0, 1.0),
                    said="That would be the pull at σ = 1. A day known to be noisy counts a ninth of it.",
                ),
            ),
            told="6 divided by 9. An error of 2 at σ = 1 is pulled three times as hard.",
            hint="It is the slope of *r*²/2σ² by *r*.",
        ),
        Pick(
            id="slip-weight",
            question="One model, one bad day: *r* = 6, σ = 3. In which line is the slip?",
            options=(
                Option(label="*r*² = 36 and σ² = 9", said="This holds."),
                Option(
                    label="loss without the constant: 36 / (2 · 9) + log 3 = 3.1",
                    said="This holds: 2 + 1.099, and ½ log σ² is log σ.",
                ),
                Option(label="pull on *m*: 6 / 9 = 0.67", said="This holds: *r*/σ²."),
                Option(label="pull on log σ²: ½(1 − 36/9) = 1.5"),
                Option(label="so one step of descent raises σ", said="This is so: the residual is larger than σ."),
            ),
            right=_slip(),
            lines=True,
            told=f"½(1 − 4) is {number(pull_width(6.0, 3.0))}. The sign matters: a negative slope means that descent "
            "raises σ.",
        ),
        Pick(
            id="millimetres",
            question="Somebody writes the heights in millimetres and leaves Huber's δ at 1. Measured in centimetres "
            "again, the line is now …",
            options=(
                Option(
                    label="the same as before",
                    said="It would be if δ were changed to 10. δ has the unit of the heights.",
                ),
                Option(label="nearly that of absolutes"),
                Option(
                    label="nearly that of squares",
                    said="That happens to a δ that is too large. Here the residuals grew tenfold and δ did not.",
                ),
            ),
            right=_nearest(),
            told="δ is now a millimetre: nearly every residual is beyond it, and Huber counts votes.",
            hint="Is δ now large or small beside the residuals?",
        ),
    )


def _still(state: State) -> tuple[bool, str]:
    x, y = real(state, "x"), real(state, "y")
    turn, off = slope("mse", x, y) - without("mse"), abs(y - (2 + x / 2))
    if off < _OFF:
        return False, f"There it is only {number(off, 3)} from 2 + *x*/2: no outlier."
    if abs(turn) >= _TURN:
        return False, f"There it turns the line by {number(turn, 2)}."
    return True, f"It is {number(off, 3)} off and turns the line by {number(abs(turn), 2)}."


def _slip() -> int:
    """Return the first line whose number is not what the library says."""
    r, sigma = 6.0, 3.0
    exact = (r * r, nll(r, 0.0, sigma), pull_mean(r, sigma), pull_width(r, sigma))
    stated = ((36.0, 0.1), (3.1, 0.05), (0.67, 0.005), (1.5, 0.05))
    return next(i for i, (e, (s, room)) in enumerate(zip(exact, stated, strict=True)) if abs(e - s) > room)


def _nearest() -> int:
    """Return which line Huber's at a tenth of δ is nearest to: its own, that of absolutes, that of squares."""
    now = float(_lines("huber", _X, [_Y], 1.0, scale=10.0).slope[0]) / 10
    off = [abs(now - slope(name, _X, _Y)) for name in ("huber", "mae", "mse")]
    return off.index(min(off))


def derivations() -> tuple[Derivation, ...]:
    """Return the chapter's derivations."""
    x, y = (*PLACES, _X), (*HEIGHTS, _Y)
    middle, level = sum(x) / len(x), sum(y) / len(y)
    spread = sum((a - middle) ** 2 for a in x)
    return (
        Derivation(
            id="lever",
            title="How far one point turns the line of least squares",
            of="b",
            numbers={"x_{12}": _X, r"\bar x": middle, "S": spread},
            value=lambda _: slope("mse", _X, _Y),
            steps=(
                Step(
                    tex=r"\frac{1}{S} \sum_i (x_i - \bar x)(y_i - \bar y), \quad S = \sum_i (x_i - \bar x)^2",
                    value=lambda n: sum((a - middle) * (b - level) for a, b in zip(x, y, strict=True)) / n["S"],
                    because="At the least sum of squares the residuals add up to 0, and so do the residuals times *x*. "
                    "Two equations, solved for the slope *b*.",
                    shown=rf"\frac{{1}}{{{spread:.1f}}} \cdot {slope('mse', _X, _Y) * spread:.1f}",
                ),
                Step(
                    tex=r"\sum_i \frac{x_i - \bar x}{S} \, y_i",
                    value=lambda n: sum((a - middle) / n["S"] * b for a, b in zip(x, y, strict=True)),
                    because="All *x* − x̄ together are 0, so ȳ drops out. Each height has a fixed weight.",
                    shown=r"\frac{-5.458}{137.7} \cdot 2.83 + \dots + \frac{5.042}{137.7} \cdot 16",
                ),
                Step(
                    of=r"\frac{db}{dy_{12}}",
                    left=lambda _: lever(_X),
                    tex=r"\frac{x_{12} - \bar x}{S}",
                    value=lambda n: (n["x_{12}"] - n[r"\bar x"]) / n["S"],
                    because="The weight of the twelfth. Its height is not in it.",
                    shown=rf"\frac{{11.5 - {middle:.3f}}}{{{spread:.1f}}}",
                ),
            ),
        ),
        Derivation(
            id="pull-mean",
            title="What a predicted width does to the pull",
            of=r"\frac{d\ell}{dm}",
            numbers={"r": 3.0, r"\sigma": 2.0},
            value=lambda n: pull_mean(n["r"], n[r"\sigma"]),
            steps=(
                Step(
                    tex=r"\frac{d}{dm} \left( \frac{r^2}{2 \sigma^2} + \log \sigma \right)",
                    value=lambda n: ((n["r"] + 1e-3) ** 2 - (n["r"] - 1e-3) ** 2) / (2 * n[r"\sigma"] ** 2) / 2e-3,
                    because="−log of a bell curve, without its constant; *r* = *m* − *y*.",
                    shown=r"\frac{d}{dr} \frac{r^2}{8}",
                ),
                Step(
                    tex=r"\frac{r}{\sigma^2}",
                    value=lambda n: n["r"] / n[r"\sigma"] ** 2,
                    because="The square's slope over twice the variance; log σ has no *m* in it.",
                    shown=r"\frac{3}{2^2}",
                ),
                Step(
                    of=r"\frac{d\ell}{d \log \sigma^2}",
                    left=lambda n: pull_width(n["r"], n[r"\sigma"]),
                    tex=r"\frac{1}{2} \left( 1 - \frac{r^2}{\sigma^2} \right)",
                    value=lambda n: (1 - n["r"] ** 2 / n[r"\sigma"] ** 2) / 2,
                    because="The slope of ½*r*²e^(−*s*) + ½*s* by *s* = log σ². Negative where the residual is larger "
                    "than σ: descent then widens the bell.",
                    shown=r"\frac{1}{2} \left( 1 - \frac{9}{4} \right)",
                ),
            ),
        ),
    )
