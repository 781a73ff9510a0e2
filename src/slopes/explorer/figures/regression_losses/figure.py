"""The losses of a residual, their slopes, and how three houses share each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch

from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Number, Several
from slopes.explorer.figures.regression_losses.houses import HOUSES, Drawn, Houses, marks, shares, table
from slopes.explorer.figures.regression_losses.text import corrections, formulas, reading, snippet, units
from slopes.explorer.figures.residual_losses import YOURS, Kind, kinds, vector
from slopes.explorer.figures.result import Columns, Problem, Result, Table
from slopes.explorer.figures.state import State, check_range, real, words
from slopes.explorer.figures.wording import number
from slopes.shown import layout, sampled
from slopes.shown.curve import grid

_WIDEST: Final = 300.0
_NARROWEST: Final = 0.1
_POINTS: Final = 121
_JUMP: Final = 1e-6  # of the steepest slope: more than any smooth slope changes between two points so close

_R: Final = Number(
    name="r",
    label="Residual",
    symbol="r",
    low=-_WIDEST,
    high=_WIDEST,
    step=0.05,
    default=3.0,
    within=("from", "to"),
    help="Prediction minus target; it also follows the pointer over the upper charts.",
)
_DELTA: Final = Number(
    name="delta",
    label="Huber: delta",
    symbol=r"\delta",
    low=0.1,
    high=_WIDEST,
    step=0.01,
    default=1.5,
    belongs_to=("huber",),
    log=True,
    help="Where Huber's parabola turns into a line.",
)
_BETA: Final = Number(
    name="beta",
    label="Smooth L1: beta",
    symbol=r"\beta",
    low=0.1,
    high=_WIDEST,
    step=0.01,
    default=1.0,
    belongs_to=("smooth_l1",),
    log=True,
    help="Where smooth L1's parabola turns into a line.",
)
_TAU: Final = Number(
    name="tau",
    label="Pinball: quantile",
    symbol=r"\tau",
    low=0.01,
    high=0.99,
    step=0.01,
    default=0.9,
    belongs_to=("quantile",),
    help="The share of targets that should lie below the prediction.",
)
_LOW: Final = Number(name="from", label="r from", low=-_WIDEST, high=_WIDEST, step=0.5, default=-4.0, more=True)
_HIGH: Final = Number(name="to", label="r to", low=-_WIDEST, high=_WIDEST, step=0.5, default=4.0, more=True)

_PRESETS: Final = (
    Preset(
        label="An outlier", state={"losses": ("mse", "mae", "huber"), "r": 4.0, "delta": 1.0, "from": -5.0, "to": 5.0}
    ),
    Preset(
        label="Close to the target",
        state={"losses": ("mse", "mae", "huber"), "r": 0.05, "delta": 1.0, "from": -1.0, "to": 1.0},
    ),
    Preset(
        label="Huber is not smooth L1",
        state={"losses": ("huber", "smooth_l1"), "r": 3.0, "delta": 2.0, "beta": 2.0},
    ),
    Preset(label="Too low costs nine times", state={"losses": ("quantile", "mae"), "r": -2.0}),
    Preset(
        label="The three houses",
        state={"losses": ("mse", "mae", "huber"), "r": 220.0, "delta": 15.0, "from": -60.0, "to": 240.0},
    ),
)


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """What stays the same from request to request."""

    kinds: Mapping[str, Kind]
    problems: tuple[Problem, ...]


def build(context: Context) -> Figure:
    """Return the figure, with the visitor's own loss where there is one."""
    found = kinds(context.loss, context.loss_from)
    default = ("mse", "mae", "huber", "quantile")
    picked = Several(
        name="losses",
        label="Losses",
        options=tuple(kind.choice() for kind in found.values()),
        default=(YOURS, *default[:3]) if YOURS in found else default,
        most=len(found),
    )
    setting = _Setting(kinds=found, problems=context.problems)
    return Figure(
        id="regression-losses",
        parameters=(picked, _R, _DELTA, _BETA, _TAU, _LOW, _HIGH),
        presets=_PRESETS,
        compute=lambda state: _compute(state, setting),
        cursor="r",
        cursor_on=("value", "slope"),
        check=lambda state: check_range(state, _NARROWEST),
    )


def _compute(state: State, setting: _Setting) -> Result:
    drawn, problems = _draw(state, setting)
    r = real(state, "r")
    signals = _signals(drawn, state)
    return Result(
        datasets=_datasets(drawn, r, signals),
        signals=signals,
        reading=reading(r, drawn),
        readings=_readings(r, drawn),
        tables=(table(drawn), _data(drawn)),
        formulas=formulas(r, drawn),
        snippet=snippet(r, drawn),
        printed=tuple(figure for d in drawn for figure in (*d.under, d.houses.mean)),
        corrections=corrections(),
        problems=tuple(problems),
    )


def _draw(state: State, setting: _Setting) -> tuple[list[Drawn], list[Problem]]:
    drawn: list[Drawn] = []
    problems = list(setting.problems)
    chosen = [setting.kinds[name] for name in words(state, "losses")]
    bends = {0.0} | {s * k.number(state) for k in chosen if k.name in {"huber", "smooth_l1"} for s in (-1, 1)}
    x = grid(real(state, "from"), real(state, "to"), _POINTS, sorted(bends))
    predictions = torch.cat([x, vector(real(state, "r")), vector(*(h.predicted for h in HOUSES))])
    targets = torch.cat([torch.zeros(len(x) + 1, dtype=torch.float64), vector(*(h.price for h in HOUSES))])
    for kind in chosen:
        option = kind.number(state)
        try:
            values, slopes = (found.tolist() for found in kind.at(predictions, targets, option))
        except UserFunctionError as error:
            problems.append(Problem.of(f"{kind.label} could not be drawn", error))
            continue
        n = len(x)
        curve = {"x": x.tolist(), "value": values[:n], "slope": _with_gaps(x.tolist(), slopes[:n], bends)}
        houses = Houses(values=tuple(values[n + 1 :]), slopes=tuple(slopes[n + 1 :]))
        drawn.append(Drawn(kind=kind, option=option, curve=curve, under=(values[n], slopes[n]), houses=houses))
    return drawn, problems


def _with_gaps(x: list[float], slopes: list[float], bends: set[float]) -> list[float | None]:
    """Return slopes with a gap where they jump; the grid brackets every bend."""
    gaps: list[float | None] = list(slopes)
    steepest = max(map(abs, slopes))
    for i in range(1, len(x) - 1):
        if x[i] in bends and abs(slopes[i + 1] - slopes[i - 1]) > _JUMP * steepest:
            gaps[i] = None
    return gaps


def _signals(drawn: list[Drawn], state: State) -> dict[str, float]:
    signals = {"x_low": real(state, "from"), "x_high": real(state, "to")}
    for quantity in ("value", "slope"):
        low, high = layout.axis([v for d in drawn for v in d.curve[quantity]])
        signals[f"{quantity}_low"], signals[f"{quantity}_high"] = low, high
    return signals


def _datasets(drawn: list[Drawn], r: float, signals: dict[str, float]) -> dict[str, Columns]:
    below = drawn[::-1]  # what was chosen first is drawn last, on top
    n = len(below[0].curve["x"]) if below else 0
    ends: Columns = {"label": [d.kind.label for d in drawn], "hue": [d.kind.hue for d in drawn]}
    for quantity in ("value", "slope"):
        last = [d.curve[quantity][-1] or 0.0 for d in drawn]
        ends[f"{quantity}_label"] = layout.spread(last, signals[f"{quantity}_low"], signals[f"{quantity}_high"])
    return {
        "curves": {
            "series": [d.kind.name for d in below for _ in range(n)],
            "hue": [d.kind.hue for d in below for _ in range(n)],
            **{column: sampled.joined(d.curve[column] for d in below) for column in ("x", "value", "slope")},
        },
        "ends": ends,
        "cursor": {"x": [r]},
        "reading": {
            "hue": [d.kind.hue for d in drawn],
            "x": [r for _ in drawn],
            "value": [d.under[0] for d in drawn],
            "slope": [d.under[1] for d in drawn],
        },
        "houses": marks(signals),
        **shares(drawn),
    }


def _readings(r: float, drawn: list[Drawn]) -> Table:
    return Table(
        title=f"At r = {number(r, 6)}",
        columns=("", "value", "slope"),
        rows=tuple((d.kind.label, number(d.under[0], 6), number(d.under[1], 6)) for d in drawn),
        hues=tuple(d.kind.hue for d in drawn),
        note=units(r, drawn),
    )


def _data(drawn: list[Drawn]) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        places = range(0, len(drawn[0].curve["x"]) if drawn else 0, 3)
        return tuple(
            (
                number(drawn[0].curve["x"][i] or 0.0, 5),
                *(_cell(d.curve[quantity][i]) for d in drawn for quantity in ("value", "slope")),
            )
            for i in places
        )

    heads = [f"{d.kind.label}{what}" for d in drawn for what in ("", ", slope")]
    return Table(title="Data of the charts", columns=("r", *heads), fill=rows)


def _cell(value: float | None) -> str:
    return "jump" if value is None else number(value, 5)
