"""The figure of one elementwise activation, and any chart as a file."""

from __future__ import annotations

from pathlib import Path

import altair as alt

from slopes._core.errors import OptionError
from slopes._core.spec import Spec
from slopes.shown import layout, palette, sampled
from slopes.shown.breaks import find_breaks
from slopes.shown.curve import Series, from_spec
from slopes.shown.style import DASH, SANS, styled, zero_lines


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


def _figure(series: Series, low: float, high: float, theme: str) -> alt.LayerChart:
    drawn = sampled.columns(series, low, high, find_breaks(series.evaluate))
    bottom, top = layout.axis([*drawn["value"], *drawn["slope"]])
    rows = [
        {"x": x, "height": height, "series": name}
        for name in ("value", "slope")
        for x, height in zip(drawn["x"], drawn[name], strict=True)
    ]
    ends = layout.spread([drawn["value"][-1] or 0.0, drawn["slope"][-1] or 0.0], bottom, top)
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
