"""Twelve points, one of which can be dragged, and the line of least loss through them under each loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Handle, Preset
from slopes.explorer.figures.line_fit.charts import ACROSS, HIGH, UP, WIDE
from slopes.explorer.figures.line_fit.fitted import (
    HEIGHTS,
    MADE_WITH,
    PLACES,
    Fitted,
    NoLineError,
    fitted,
    sweep,
)
from slopes.explorer.figures.line_fit.text import corrections, formulas, reading, snippet
from slopes.explorer.figures.parameters import Choice, Number, Option, Several
from slopes.explorer.figures.residual_losses import YOURS, Kind, kinds
from slopes.explorer.figures.result import Columns, Problem, Result, Table
from slopes.explorer.figures.state import State, real, words
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

_CORNER: Final = 0.8  # lines that start above this part of the chart leave its upper corner no room

_X: Final = Number(
    name="x",
    label="Outlier, across",
    symbol="x",
    low=ACROSS[0],
    high=ACROSS[1],
    step=0.05,
    default=11.5,
    help="Where the outlier stands; it can also be dragged.",
)
_Y: Final = Number(
    name="y",
    label="Outlier, up",
    symbol="y",
    low=UP[0],
    high=UP[1],
    step=0.05,
    default=16.0,
    help="Its height; it also follows the pointer over the chart of all heights.",
)
_DELTA: Final = Number(
    name="delta",
    label="Huber: delta",
    symbol=r"\delta",
    low=0.1,
    high=20.0,
    step=0.01,
    default=1.0,
    belongs_to=("huber",),
    log=True,
    help="Where Huber's parabola turns into a line.",
)
_TAU: Final = Number(
    name="tau",
    label="Pinball: quantile",
    symbol=r"\tau",
    low=0.05,
    high=0.95,
    step=0.01,
    default=0.9,
    belongs_to=("quantile",),
    help="The share of the points that should lie below the line.",
)
_SHOW: Final = Choice(
    name="show",
    label="Over every height",
    options=(
        Option(value="slope", label="slope of the fitted line"),
        Option(value="gradient", label="gradient at the outlier"),
    ),
    default="slope",
)
_PRESETS: Final = (
    Preset(label="Back in line", state={"x": 9.0, "y": 6.5}),
    Preset(label="A long lever", state={"x": 16.0, "y": -3.0}),
    Preset(label="Huber turns into MSE", state={"delta": 12.0}),
    Preset(label="What the outlier hands back", state={"show": "gradient"}),
    Preset(label="A high quantile follows", state={"losses": ("quantile", "mae")}),
)


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """What stays the same from request to request."""

    kinds: Mapping[str, Kind]
    problems: tuple[Problem, ...]


def build(context: Context) -> Figure:
    """Return the figure, with the line of the visitor's own loss where there is one."""
    found = kinds(context.loss, context.loss_from, without=("smooth_l1",))
    default = ("mse", "mae", "huber")
    picked = Several(
        name="losses",
        label="Losses",
        options=tuple(kind.choice() for kind in found.values()),
        default=(YOURS, *default) if YOURS in found else default,
        most=len(found),
        help="Smooth L1 is Huber divided by its delta: it fits the same line.",
    )
    setting = _Setting(kinds=found, problems=context.problems)
    return Figure(
        id="line-fit",
        parameters=(picked, _X, _Y, _DELTA, _TAU, _SHOW),
        presets=_PRESETS,
        compute=lambda state: _compute(state, setting),
        cursor="y",
        cursor_on=("heights",),
        handles=(Handle(chart="fit", x="x", y="y", label="Outlier", hue=palette.VERMILLION),),
    )


def _compute(state: State, setting: _Setting) -> Result:
    lines, problems = _fit(state, setting)
    x, y = real(state, "x"), real(state, "y")
    shown = 0 if state["show"] == "slope" else 1
    signals = {"x_low": WIDE[0], "x_high": WIDE[1], "y_low": HIGH[0], "y_high": HIGH[1]}
    signals |= {"height_low": UP[0], "height_high": UP[1]}
    signals["v_low"], signals["v_high"] = layout.axis([v for f in lines for v in f.swept[shown].tolist()])
    return Result(
        datasets=_datasets(lines, x, y, shown, signals),
        signals=signals,
        reading=reading(lines, x, y, gradient=shown == 1),
        readings=_readings(lines, x, y),
        tables=(_fits(lines, x, y), _points(lines, x, y), _heights(lines)),
        formulas=formulas(lines, x, y),
        snippet=snippet(lines, x, y),
        printed=tuple(figure for f in lines for figure in (f.slope, f.intercept, f.loss)),
        corrections=corrections(setting.kinds["mae"], setting.kinds["huber"]),
        problems=tuple(problems),
    )


def _fit(state: State, setting: _Setting) -> tuple[list[Fitted], list[Problem]]:
    lines: list[Fitted] = []
    problems = list(setting.problems)
    for name in words(state, "losses"):
        kind = setting.kinds[name]
        try:
            lines.append(fitted(kind, kind.number(state), real(state, "x"), real(state, "y")))
        except (UserFunctionError, NoLineError) as error:
            problems.append(Problem.of(f"{kind.label} could not be fitted", error))
    return lines, problems


def _datasets(lines: list[Fitted], x: float, y: float, shown: int, signals: dict[str, float]) -> dict[str, Columns]:
    below = lines[::-1]  # what was chosen first is drawn last, on top
    hues, labels = [f.kind.hue for f in lines], [f.kind.label for f in lines]
    heights = sweep()
    swept: Columns = {
        "series": [f.kind.name for f in below for _ in heights],
        "hue": [f.kind.hue for f in below for _ in heights],
        "height": np.tile(heights, len(below)),
        "v": np.concatenate([f.swept[shown] for f in below] or [np.zeros(0)]),
    }
    empty: Columns = {name: [] for name in swept}
    now = [(f.slope, f.gradients[-1])[shown] for f in lines]
    low, high = signals["v_low"], signals["v_high"]
    last = [float(f.swept[shown][-1]) for f in lines]
    return {
        "points": {"x": list(PLACES), "y": list(HEIGHTS)},
        "outlier": {"x": [x], "y": [y], "hue": [palette.VERMILLION]},
        "fits": {
            "series": [f.kind.name for f in below for _ in WIDE],
            "hue": [f.kind.hue for f in below for _ in WIDE],
            "x": [at for _ in below for at in WIDE],
            "y": [f.at(at) for f in below for at in WIDE],
        },
        "ends": {"label": labels, "hue": hues, "y_label": layout.spread([f.at(WIDE[1]) for f in lines], *HIGH)},
        "slopes": swept if shown == 0 else empty,
        "gradients": swept if shown == 1 else empty,
        "made": {"v": [MADE_WITH] if shown == 0 else []},
        "titles": _titles([float(f.swept[shown][0]) for f in lines], shown, low, high),
        "cursor": {"height": [y]},
        "reading": {"height": [y for _ in lines], "v": now, "hue": hues},
        "sides": {"label": labels, "hue": hues, "v_label": layout.spread(last, low, high)},
    }


def _titles(first: list[float], shown: int, low: float, high: float) -> Columns:
    """Return what the second chart shows, in its upper left corner, or in the lower one where a line starts above."""
    said = [
        ("slope of the fitted line", f"dotted: made with {MADE_WITH:g}"),
        ("gradient at the outlier",),
    ]
    at_top = all(v < low + _CORNER * (high - low) for v in first)
    heights = [0.95, 0.87] if at_top else [0.13, 0.05]
    rows = list(zip(said[shown], heights, strict=False))
    return {
        "height": [UP[0] for _ in rows],
        "v": [low + place * (high - low) for _, place in rows],
        "label": [label for label, _ in rows],
    }


def _readings(lines: list[Fitted], x: float, y: float) -> Table:
    rows = tuple(
        (
            f.kind.label,
            number(f.slope, 5),
            number(f.without, 5),
            "0, on the kink" if f.kind.kinked and f.residual(x, y) == 0 else number(f.gradients[-1], 4),
            f"{number(100 * f.share, 3)} %",
        )
        for f in lines
    )
    columns = ("", "slope", "without the outlier", "gradient at the outlier", "share of all gradient")
    return Table(title="The fitted lines", columns=columns, rows=rows, hues=tuple(f.kind.hue for f in lines))


def _fits(lines: list[Fitted], x: float, y: float) -> Table:
    rows = tuple(
        (
            f.kind.label,
            number(f.slope, 6),
            number(f.intercept, 6),
            number(f.loss, 6),
            number(f.residual(x, y), 5),
        )
        for f in lines
    )
    note = (
        "Each line minimises the library's loss: where the loss is smooth, its gradients over the points add up to 0; "
    )
    note += "where it has a kink, the line goes through two points, and is the best of all such lines."
    return Table(
        title="Best line under each loss",
        columns=("", "slope", "height at x = 0", "mean loss", "residual of the outlier"),
        rows=rows,
        hues=tuple(f.kind.hue for f in lines),
        note=note,
    )


def _points(lines: list[Fitted], x: float, y: float) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        names = [*(str(i) for i in range(1, len(PLACES) + 1)), "outlier"]
        points = zip(names, (*PLACES, x), (*HEIGHTS, y), range(len(names)), strict=True)
        return tuple(
            (name, number(at, 4), number(up, 4), *(number(f.gradients[i], 4) for f in lines))
            for name, at, up, i in points
        )

    heads = ("point", "x", "y", *(f"{f.kind.label}, gradient" for f in lines))
    return Table(title="The points, and the gradient at each", columns=heads, fill=rows)


def _heights(lines: list[Fitted]) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        return tuple(
            (number(height, 4), *(number(float(part[i]), 5) for f in lines for part in f.swept))
            for i, height in enumerate(sweep().tolist())
        )

    heads = tuple(f"{f.kind.label}, {what}" for f in lines for what in ("slope", "gradient"))
    return Table(title="Data of the second chart", columns=("height of the outlier", *heads), fill=rows)
