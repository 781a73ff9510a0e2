"""How a chart of this atlas looks, declared with Altair: the linked plates of the explorer, and the house style.

Value is a solid line and slope a dashed one, lines are labelled at their ends, zero lines are stronger than the grid.
The plates carry no numbers: datasets and the ends of axes arrive by name, so that a change moves data only. Nothing
here imports torch, so that the axes stand on the page before torch does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import altair as alt

from slopes.explorer import palette

SANS: Final = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', sans-serif"
SERIF: Final = "Charter, 'Bitstream Charter', 'Iowan Old Style', Georgia, 'Liberation Serif', serif"
DASH: Final = [7, 4]

# Small numbers as 5e−4, so that they fit beside the axis.
_TICKS: Final = (
    "abs(datum.value) > 0 && abs(datum.value) < 0.01 ? format(datum.value, '.1~e') : format(datum.value, '~g')"
)
# Ends of the axes until the first numbers arrive.
_ENDS: Final = {"x": (-6.0, 6.0), "value": (-1.5, 6.5), "slope": (-0.25, 1.25)}


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
    layers = alt.layer(*zero_lines(quantity, theme), curves, cursor, dots, ends).resolve_scale(color="independent")
    signals = [
        alt.param(name=f"{axis}_{end}", value=value)
        for axis in ("x", quantity)
        for end, value in zip(("low", "high"), _ENDS[axis], strict=True)
    ]
    chart = layers.add_params(*signals)
    # The room around the plot is fixed, so that plots stay aligned and never move when a label changes.
    around = {"left": 44, "top": 8, "right": 100, "bottom": 42}
    return styled(chart, theme).properties(padding=around, autosize="none")


def specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as Vega-Lite; that it is valid is a test's business, since checking takes longer than drawing."""
    return chart.to_dict(validate=False)


def zero_lines(quantity: str, theme: str) -> tuple[alt.Chart, alt.Chart]:
    """Return the lines x = 0 and y = 0, stronger than the grid."""
    origin = alt.Chart(alt.InlineData([{"x": 0, quantity: 0}]))
    rule = origin.mark_rule(stroke=palette.ZERO[theme], strokeWidth=1, clip=True)
    return rule.encode(x="x:Q"), rule.encode(y=f"{quantity}:Q")


def styled(chart: Any, theme: str) -> alt.LayerChart:  # noqa: ANN401  Altair widens layers to unions
    """Return a chart in the atlas' paper, inks and type."""
    muted, text = palette.MUTED[theme], palette.TEXT[theme]
    result: alt.LayerChart = (
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
    return result


def _scale(axis_name: str) -> alt.Scale:
    ends = [{"expr": f"{axis_name}_low"}, {"expr": f"{axis_name}_high"}]
    return alt.Scale(domain=ends, nice=False, zero=False)


def _colour(theme: str, inks: Mapping[str, tuple[str, ...]]) -> alt.Color:
    scale = alt.Scale(domain=list(range(len(inks[theme]))), range=list(inks[theme]))
    return alt.Color("hue:O", scale=scale, legend=None)
