"""Figures of functions, for files and notebooks, and the numbers of the lines that every chart draws."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

import altair as alt
import numpy as np
import numpy.typing as npt
import torch

from slopes._core.errors import OptionError
from slopes._core.spec import Spec
from slopes.shown import palette
from slopes.shown.curve import Series, from_spec, grid
from slopes.shown.measure import Break, find_breaks
from slopes.shown.style import DASH, SANS, styled, zero_lines

POINTS: Final = 241
_ROOM: Final = 0.062  # of an axis' height that a label needs to itself


def function_chart(
    spec: Spec,
    *,
    low: float = -6.0,
    high: float = 6.0,
    width: int = 560,
    height: int = 340,
    theme: str = "light",
    **options: float | str,
) -> alt.LayerChart:
    """Return the figure of one elementwise activation: value solid, slope dashed, over the same axes.

    Args:
        spec: The function, from the catalogue.
        low: Left end of the x axis.
        high: Right end of the x axis.
        width: Width of the plot in pixels.
        height: Height of the plot in pixels.
        theme: `"light"` or `"dark"`.
        **options: The function's own parameters; left out, they have their defaults.

    Returns:
        An Altair chart with its data inside, for a notebook or for `save`.

    Raises:
        OptionError: The function is not elementwise, an option is not its own, or the range is empty.
    """
    if not (spec.elementwise and spec.kind == "activation"):
        text = (
            f"plot: {spec.name} does not map one number to one number, expected an elementwise activation; "
            f"`slopes list --kind activation` has them."
        )
        raise OptionError(text)
    if not low < high:
        text = f"plot: `low` is {low:g} and `high` is {high:g}, expected low below high; exchange them."
        raise OptionError(text)
    known = {parameter.name: parameter.default for parameter in spec.parameters}
    if unknown := sorted(set(options) - set(known)):
        has = f"it has {', '.join(known)}: choose one" if known else "it has none: leave it out"
        text = f"plot: {spec.name} has no option {unknown[0]!r}; {has}."
        raise OptionError(text)
    chosen = {**{name: value for name, value in known.items() if value is not None}, **options}
    series = from_spec(spec, chosen, hue=palette.hue(spec.name))
    return _figure(series, low, high, theme).properties(width=width, height=height, title=spec.title)


def save(chart: alt.TopLevelMixin, path: str | Path) -> Path:
    """Write a chart to an SVG or PNG file, offline, and return the path.

    Raises:
        OptionError: The file's ending is neither .svg nor .png.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".svg":
            chart.save(str(path), format="svg")
        case ".png":
            chart.save(str(path), format="png", scale_factor=2)
        case _:
            text = (
                f"plot: {path.name} ends in {path.suffix or 'nothing'}, expected .svg or .png; call it "
                f"{path.with_suffix('.svg').name}."
            )
            raise OptionError(text)
    return path


@lru_cache(maxsize=256)
def columns(series: Series, low: float, high: float, breaks: tuple[Break, ...]) -> dict[str, list[float | None]]:
    """Return x, value and slope of a line over [low, high], with a gap wherever a quantity jumps; not to be changed."""
    at = [found.at for found in breaks]
    x = grid(low, high, POINTS, at)
    values, slopes = series.evaluate(x)
    gaps = {found.at: found.quantity for found in breaks}
    value: list[float | None] = values.tolist()
    slope: list[float | None] = slopes.tolist()
    for i, point in enumerate(x.tolist()):
        if point in gaps:
            slope[i] = None
            value[i] = None if gaps[point] == "value" else value[i]
    return {"x": x.tolist(), "value": value, "slope": slope}


def joined(columns: Iterable[list[float | None]]) -> npt.NDArray[np.float64]:
    """Return columns of lines as one; what jumps there is not a number."""
    return np.concatenate([np.zeros(0), *(np.array(column, dtype=np.float64) for column in columns)])


def axis(values: list[float | None]) -> tuple[float, float]:
    """Return the ends of an axis that shows these values and 0, with a little air."""
    known = [v for v in values if v is not None and math.isfinite(v)]
    low, high = min([0.0, *known]), max([0.0, *known])
    air = 0.06 * (high - low) or 1.0
    return low - air, high + air


def spread(heights: list[float], low: float, high: float) -> list[float]:
    """Return heights of labels, moved apart until none covers another, in the order of the lines."""
    room = _ROOM * (high - low)
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = [min(max(heights[i], low), high) for i in order]
    for _ in range(60):
        for i in range(1, len(placed)):
            overlap = room - (placed[i] - placed[i - 1])
            if overlap > 0:
                placed[i - 1] -= overlap / 2
                placed[i] += overlap / 2
        if placed:
            placed[-1] = min(placed[-1], high)
            placed[0] = max(placed[0], low)
    result = list(heights)
    for place, i in zip(placed, order, strict=True):
        result[i] = place
    return result


def _figure(series: Series, low: float, high: float, theme: str) -> alt.LayerChart:
    drawn = columns(series, low, high, find_breaks(series.evaluate))
    bottom, top = axis([*drawn["value"], *drawn["slope"]])
    rows = [
        {"x": x, "height": height, "series": name}
        for name in ("value", "slope")
        for x, height in zip(drawn["x"], drawn[name], strict=True)
    ]
    ends = spread([drawn["value"][-1] or 0.0, drawn["slope"][-1] or 0.0], bottom, top)
    labels = [{"height": height, "label": name} for height, name in zip(ends, ("value", "slope"), strict=True)]
    x = alt.X("x:Q", title="x", scale=alt.Scale(domain=[low, high], nice=False))
    y = alt.Y("height:Q", title=None, scale=alt.Scale(domain=[bottom, top], nice=False))
    dash = alt.StrokeDash("series:N", scale=alt.Scale(domain=["value", "slope"], range=[[1, 0], DASH]), legend=None)
    lines = alt.Chart(alt.InlineData(rows)).mark_line(
        stroke=palette.LINES[theme][series.hue], strokeWidth=2.25, clip=True
    )
    text = alt.Chart(alt.InlineData(labels)).mark_text(
        align="left", dx=7, font=SANS, fontSize=12.5, color=palette.LABELS[theme][series.hue]
    )
    chart = alt.layer(
        *zero_lines("height", theme),
        lines.encode(x=x, y=y, strokeDash=dash),
        text.encode(x=alt.value("width"), y="height:Q", text="label:N"),
    )
    return styled(chart, theme).properties(padding=8)


def at_point(series: Series, x: float) -> tuple[float, float]:
    """Return value and slope of a line at one point."""
    value, slope = series.evaluate(torch.tensor([x], dtype=torch.float64))
    return value.item(), slope.item()


def thinned(low: float, high: float, points: int) -> list[float]:
    """Return at most `points` of the even grid that lines over [low, high] are drawn on."""
    every = grid(low, high, POINTS, []).tolist()
    return every[:: max(1, -(-(POINTS - 1) // (points - 1)))]
