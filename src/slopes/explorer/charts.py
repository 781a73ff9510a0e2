"""Charts, declared with Altair: the linked plates of the explorer, and one function's figure for files and notebooks.

Value is a solid line and slope a dashed one, lines are labelled at their ends, zero lines are stronger than the grid.
The explorer's charts carry no numbers: datasets and axis ends arrive by name, so that a change moves data only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import altair as alt
import torch

from slopes._core.errors import OptionError
from slopes._core.spec import Spec
from slopes.explorer import palette
from slopes.explorer.curve import Series, from_spec, grid
from slopes.explorer.measure import Break, find_breaks

SANS: Final = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', sans-serif"
SERIF: Final = "Charter, 'Bitstream Charter', 'Iowan Old Style', Georgia, 'Liberation Serif', serif"
DASH: Final = [7, 4]
POINTS: Final = 401
_ROOM: Final = 0.062  # of an axis' height that a label needs to itself


def plate(quantity: str, theme: str) -> alt.LayerChart:
    """Return a chart of one quantity of the datasets `curves`, `ends` and `reading`, over x.

    Args:
        quantity: `"value"` or `"slope"`, the column that is drawn.
        theme: `"light"` or `"dark"`.

    Returns:
        A chart whose width and height the page sets.
    """
    dash = DASH if quantity == "slope" else [1, 0]
    x = alt.X("x:Q", title="x", scale=_scale("x"), axis=alt.Axis(tickCount=7))
    y = alt.Y(f"{quantity}:Q", title=None, scale=_scale(quantity), axis=alt.Axis(tickCount=6, labelExpr=_TICKS))
    curves = (
        alt.Chart(alt.NamedData("curves"))
        .mark_line(strokeWidth=2.25, strokeDash=dash, clip=True, interpolate="linear")
        .encode(x=x, y=y, color=_colour(theme, palette.LINES), detail="series:N")
    )
    ends = (
        alt.Chart(alt.NamedData("ends"))
        .mark_text(align="left", dx=7, font=SANS, fontSize=12.5, fontWeight=500)
        .encode(
            x=alt.value("width"),
            y=alt.Y(f"{quantity}_label:Q", title=None),
            text="label:N",
            color=_colour(theme, palette.LABELS),
        )
    )
    cursor = (
        alt.Chart(alt.NamedData("cursor"))
        .mark_rule(stroke=palette.TEXT[theme], strokeWidth=1, strokeDash=[2, 3], clip=True)
        .encode(x="x:Q")
    )
    dots = (
        alt.Chart(alt.NamedData("reading"))
        .mark_point(size=46, filled=True, opacity=1, clip=True, stroke=palette.PAPER[theme], strokeWidth=1.5)
        .encode(x="x:Q", y=f"{quantity}:Q", fill=_colour(theme, palette.LINES))
    )
    layers = alt.layer(*_zero_lines(quantity, theme), curves, cursor, dots, ends).resolve_scale(color="independent")
    signals = [alt.param(name=f"{axis}_{end}", value=value) for axis in ("x", quantity) for end, value in _ENDS]
    chart = layers.add_params(*signals)
    # The room around the plot is fixed, so that plots stay aligned and never move when a label changes.
    around = {"left": 44, "top": 8, "right": 100, "bottom": 42}
    return _styled(chart, theme).properties(padding=around, autosize="none")


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
        text = f"plot: {spec.name} does not map one number to one number; a figure needs an elementwise activation."
        raise OptionError(text)
    if not low < high:
        text = f"plot: low must be less than high; they were {low:g} and {high:g}."
        raise OptionError(text)
    known = {parameter.name: parameter.default for parameter in spec.parameters}
    if unknown := sorted(set(options) - set(known)):
        text = f"plot: {spec.name} has no option {unknown[0]}; it has {', '.join(known) or 'none'}."
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
            text = f"plot: a figure is written as .svg or .png; {path.name} ends in neither."
            raise OptionError(text)
    return path


def columns(series: Series, low: float, high: float, breaks: tuple[Break, ...]) -> dict[str, list[float | None]]:
    """Return x, value and slope of a line over [low, high], with a gap wherever a quantity jumps."""
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


def axis(values: list[float | None]) -> tuple[float, float]:
    """Return the ends of an axis that shows these values and 0, with a little air."""
    known = [v for v in values if v is not None and abs(v) < float("inf") and v == v]  # noqa: PLR0124  NaN
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


# Small numbers as 5e−4, so that they fit beside the axis.
_TICKS: Final = (
    "abs(datum.value) > 0 && abs(datum.value) < 0.01 ? format(datum.value, '.1~e') : format(datum.value, '~g')"
)
_ENDS: Final = (("low", -1.0), ("high", 1.0))


def _scale(axis_name: str) -> alt.Scale:
    ends = [{"expr": f"{axis_name}_low"}, {"expr": f"{axis_name}_high"}]
    return alt.Scale(domain=ends, nice=False, zero=False)


def _colour(theme: str, inks: Mapping[str, tuple[str, ...]]) -> alt.Color:
    scale = alt.Scale(domain=list(range(len(inks[theme]))), range=list(inks[theme]))
    return alt.Color("hue:O", scale=scale, legend=None)


def _zero_lines(quantity: str, theme: str) -> tuple[alt.Chart, alt.Chart]:
    origin = alt.Chart(alt.InlineData([{"x": 0, quantity: 0}]))
    rule = origin.mark_rule(stroke=palette.ZERO[theme], strokeWidth=1, clip=True)
    return rule.encode(x="x:Q"), rule.encode(y=f"{quantity}:Q")


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
        *_zero_lines("height", theme),
        lines.encode(x=x, y=y, strokeDash=dash),
        text.encode(x=alt.value("width"), y="height:Q", text="label:N"),
    )
    return _styled(chart, theme).properties(padding=8)


def _styled(chart: Any, theme: str) -> alt.LayerChart:  # noqa: ANN401  Altair widens layers to unions
    muted, text = palette.MUTED[theme], palette.TEXT[theme]
    styled: alt.LayerChart = (
        chart.properties(background=palette.PAPER[theme])
        .configure_view(stroke=None)
        .configure_axis(
            gridColor=palette.GRID[theme],
            domain=False,
            ticks=False,
            labelColor=muted,
            labelFont=SANS,
            labelFontSize=12,
            labelPadding=6,
            titleColor=muted,
            titleFont=SERIF,
            titleFontStyle="italic",
            titleFontWeight="normal",
            titleFontSize=14,
        )
        .configure_title(
            anchor="start",
            color=text,
            font=SERIF,
            fontSize=15,
            fontWeight="normal",
            fontStyle="italic",
            offset=8,
        )
    )
    return styled


def specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as Vega-Lite; that it is valid is a test's business, since checking takes longer than drawing."""
    return chart.to_dict(validate=False)


def at_point(series: Series, x: float) -> tuple[float, float]:
    """Return value and slope of a line at one point."""
    value, slope = series.evaluate(torch.tensor([x], dtype=torch.float64))
    return value.item(), slope.item()


def thinned(low: float, high: float, points: int) -> list[float]:
    """Return at most `points` of the even grid that lines over [low, high] are drawn on."""
    every = grid(low, high, POINTS, []).tolist()
    return every[:: max(1, -(-(POINTS - 1) // (points - 1)))]
