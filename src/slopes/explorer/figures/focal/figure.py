"""Focal against cross-entropy over the probability of the truth, and a set with few positives."""

from __future__ import annotations

import math
from typing import Final

import torch

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.focal.curves import POINTS, Both, both, curves, grid, points
from slopes.explorer.figures.focal.text import (
    CROSS,
    FOCAL,
    POSITIVE,
    Found,
    formulas,
    printed,
    reading,
    readings,
    snippet,
    totals,
)
from slopes.explorer.figures.focal.worked import corrections, worked
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result, Table
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import layout

_EASY: Final = 0.5  # from here on the answer is right
_PULL: Final = 1.45
_LOSSES: Final = (5.0, 7.4)
_LEAST_TIMES: Final = 0.4

_GAMMA: Final = Number(
    name="gamma",
    label="Focusing",
    symbol=r"\gamma",
    low=0.0,
    high=5.0,
    step=0.1,
    default=2.0,
    help="How much easy examples are turned down; 0 is cross-entropy.",
)
_P: Final = Number(
    name="p",
    label="Probability of the truth",
    symbol="p",
    low=0.001,
    high=0.999,
    step=0.001,
    default=0.9,
    help="Of each easy negative; the crosshair follows the pointer.",
)
_COUNT: Final = Number(
    name="negatives",
    label="Easy negatives for one positive",
    low=1.0,
    high=100_000.0,
    step=0.05,
    default=1000.0,
    log=True,
    help="Rounded to a whole number.",
)
_WEIGHTS: Final = Choice(
    name="weights",
    label="Weight of the classes",
    options=(
        Option(value="none", label="both alike"),
        Option(value="alpha", label="α for positives, 1 − α for negatives"),
    ),
    default="none",
)
_ALPHA: Final = Number(
    name="alpha",
    label="Weight of positives",
    symbol=r"\alpha",
    low=0.01,
    high=0.99,
    step=0.01,
    default=0.25,
    belongs_to=("alpha",),
    help="For how often a class occurs; γ is for how hard an example is.",
)
_HARD: Final = Number(
    name="hard",
    label="Probability of the positive's truth",
    low=0.001,
    high=0.999,
    step=0.001,
    default=0.1,
    more=True,
    help="How well the one positive is known.",
)
_PRESETS: Final = (
    Preset(label="γ = 0 is cross-entropy", state={"gamma": 0.0}),
    Preset(label="Wrong ones pull harder", state={"p": 0.1}),
    Preset(label="γ = 5 hushes a mere 0.6", state={"gamma": 5.0, "p": 0.6}),
    Preset(label="10 among 10,000, at 99.9 %", state={"p": 0.999, "negatives": 999.0}),
    Preset(label="As in RetinaNet, α = 0.25", state={"weights": "alpha", "p": 0.95}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="focal",
        parameters=(_GAMMA, _P, _COUNT, _WEIGHTS, _ALPHA, _HARD),
        presets=_PRESETS,
        compute=_compute,
        cursor=_P.name,
        cursor_on=("loss", "gradient", "lighter"),
    )


def _compute(state: State) -> Result:
    gamma = real(state, "gamma")
    alpha = real(state, "alpha") if word(state, "weights") == "alpha" else None
    lines = curves(gamma, alpha)
    p, hard = real(state, "p"), real(state, "hard")
    here = both(points(p, hard), gamma, alpha)
    found = _found(here, p, hard, round(real(state, "negatives")), gamma, alpha)
    signals = _signals(found)
    return Result(
        datasets={**_datasets(lines, here, found, signals), **_ratios(lines, found, signals)},
        signals=signals,
        reading=reading(found),
        readings=readings(found),
        tables=(totals(found), worked(), _data(lines)),
        formulas=formulas(found),
        snippet=snippet(found),
        printed=printed(found),
        corrections=corrections(),
    )


def _found(here: Both, p: float, hard: float, count: int, gamma: float, alpha: float | None) -> Found:
    """Return the negative at `p` and the positive at `hard`, places 0 and 1 of what was evaluated."""
    (cross, pulls), (focal, sizes) = here.cross_entropy, here.focal
    return Found(
        p=p,
        hard=hard,
        count=count,
        gamma=gamma,
        alpha=alpha,
        loss=(cross[0].item(), focal[1, 0].item()),
        pull=(pulls[0].item(), sizes[1, 0].item()),
        hard_loss=(cross[1].item(), focal[0, 1].item()),
        hard_pull=(pulls[1].item(), sizes[0, 1].item()),
    )


def _signals(found: Found) -> dict[str, float]:
    top = next(end for end in _LOSSES if max(found.loss) <= end)
    times = max(100.0, 1.1 * found.lighter)
    low = min(_LEAST_TIMES, 0.9 * found.lighter, 0.9 * found.weaker)
    return {
        "x_low": 0.0,
        "x_high": 1.0,
        "value_low": -0.03 * top,
        "value_high": top,
        "slope_low": -0.03 * _PULL,
        "slope_high": _PULL,
        "times_low": low,
        "times_high": 10.0 ** math.ceil(math.log10(times)),
        "share_low": 0.0,
        "share_high": 1.08,
    }


def _datasets(lines: Both, here: Both, found: Found, signals: dict[str, float]) -> dict[str, Columns]:
    names, hues = ["cross-entropy", "focal"], [CROSS, FOCAL]
    if found.alpha is not None:
        names, hues = ["cross-entropy", "focal, y = 0", "focal, y = 1"], [CROSS, FOCAL, POSITIVE]
    drawn, read = _rows(lines, len(names)), _rows(here, len(names))
    return {
        "curves": {
            "series": [name for name in names for _ in range(POINTS)],
            "hue": [hue for hue in hues for _ in range(POINTS)],
            "x": grid().repeat(len(names)).numpy(),
            **{quantity: rows.reshape(-1).numpy() for quantity, rows in drawn.items()},
        },
        "ends": {
            "label": names,
            "hue": hues,
            **{
                f"{quantity}_label": layout.spread(
                    rows[:, -1].tolist(), signals[f"{quantity}_low"], signals[f"{quantity}_high"]
                )
                for quantity, rows in drawn.items()
            },
        },
        "cursor": {"x": [found.p]},
        "reading": {
            "x": [found.p] * len(names),
            "hue": hues,
            **{quantity: rows[:, 0].tolist() for quantity, rows in read.items()},
        },
        "easy": {
            "x": [_EASY],
            "x2": [1.0],
            "at": [(1 + _EASY) / 2],
            "label": ["right already"],
            "value_top": [0.93 * signals["value_high"]],
            "slope_top": [0.93 * signals["slope_high"]],
        },
    }


def _rows(of: Both, count: int) -> dict[str, torch.Tensor]:
    """Return losses and gradients, a row for each line: cross-entropy, focal of a negative, focal of a positive."""
    pairs = zip(("value", "slope"), of.cross_entropy, of.focal, strict=True)
    return {quantity: torch.cat([cross[None], focal.flip(0)])[:count] for quantity, cross, focal in pairs}


def _ratios(lines: Both, found: Found, signals: dict[str, float]) -> dict[str, Columns]:
    ratios = [cross / focal[1] for cross, focal in zip(lines.cross_entropy, lines.focal, strict=True)]
    low, high = math.log10(signals["times_low"]), math.log10(signals["times_high"])
    ends = layout.spread([math.log10(ratio[-1].item()) for ratio in ratios], low, high)
    x = grid().numpy()
    drawn = [{"series": [name] * POINTS, "hue": [FOCAL] * POINTS, "x": x} for name in ("loss", "gradient")]
    shares = (*found.loss_share, *found.pull_share)
    return {
        "lighter": {**drawn[0], "times": ratios[0].numpy()},
        "weaker": {**drawn[1], "times": ratios[1].numpy()},
        "lighter_reading": {"x": [found.p] * 2, "hue": [FOCAL] * 2, "times": [found.lighter, found.weaker]},
        "lighter_ends": {
            "label": ["loss", "gradient"],
            "hue": [FOCAL] * 2,
            "times": [10.0**end for end in ends],
        },
        "shares": {
            "label": ["CE, loss", "focal, loss", "CE, slope", "focal, slope"],
            "hue": [CROSS, FOCAL] * 2,
            "share": list(shares),
            "said": [f"{number(100 * share, 3)} %" for share in shares],
        },
    }


def _data(lines: Both) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        taken = [grid(), lines.cross_entropy[0], *lines.focal[0], lines.cross_entropy[1], *lines.focal[1]]
        return tuple(tuple(number(cell, 5) for cell in row) for row in torch.stack(taken, -1)[::3].tolist())

    quantities = ("cross-entropy", "focal, y = 1", "focal, y = 0")
    heads = ("p", *quantities, *(f"gradient, {name}" for name in quantities))
    return Table(title="Data of the charts", columns=heads, fill=rows)
