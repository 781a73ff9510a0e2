"""How the linked plates of the explorer look, declared with Altair in the house style.

Value is a solid line and slope a dashed one, lines are labelled at their ends, zero lines are stronger than the grid.
The plates carry no numbers: datasets and the ends of axes arrive by name, so that a change moves data only. Nothing
here imports torch, so that the axes stand on the page before torch does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import altair as alt

from slopes.shown import palette
from slopes.shown.style import DASH, SANS, SERIF, styled, zero_lines

Layer = Any  # what Altair's methods return, which it types loosely

# Small numbers as 5e−4, so that they fit beside the axis.
_TICKS: Final = (
    "abs(datum.value) > 0 && abs(datum.value) < 0.01 ? format(datum.value, '.1~e') : format(datum.value, '~g')"
)
_IS_POWER: Final = "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6"
_POWERS: Final = "(datum.value > 9999 || datum.value < 9e-4 ? format(datum.value, '.0e') : format(datum.value, '~g'))"
# Ends of the axes until the first numbers arrive.
_ENDS: Final = {"x": (-6.0, 6.0), "value": (-1.5, 6.5), "slope": (-0.25, 1.25)}


def plate(quantity: str, theme: str) -> alt.LayerChart:
    """Return a chart of one quantity of the datasets `curves`, `ends` and `reading`, over x; `note` says of what.

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
        .encode(x=x, y=y, color=colour(theme, palette.LINES), detail="series:N")
    )
    ends = (
        alt.Chart(alt.NamedData("ends"))
        .mark_text(align="left", dx=7, font=SANS, fontSize=12.5, fontWeight=500)
        .encode(
            x=alt.value("width"),
            y=alt.Y(f"{quantity}_label:Q", title=None),
            text="label:N",
            color=colour(theme, palette.LABELS),
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
        .encode(x="x:Q", y=f"{quantity}:Q", fill=colour(theme, palette.LINES))
    )
    note = (
        alt.Chart(alt.NamedData("note"))
        .mark_text(align="left", baseline="top", dx=8, dy=6, font=SANS, fontSize=12, color=palette.MUTED[theme])
        .encode(x=alt.value(0), y=alt.value(0), text="label:N")
    )
    layers = alt.layer(*zero_lines(quantity, theme), curves, cursor, dots, note, ends).resolve_scale(
        color="independent"
    )
    signals = [
        alt.param(name=f"{axis}_{end}", value=value)
        for axis in ("x", quantity)
        for end, value in zip(("low", "high"), _ENDS[axis], strict=True)
    ]
    chart = layers.add_params(*signals)
    # The room around the plot is fixed, so that plots stay aligned and never move when a label changes.
    around = {"left": 44, "top": 8, "right": 100, "bottom": 42}
    return styled(chart, theme).properties(padding=around, autosize="none")


def chart(
    *layers: Layer,
    theme: str,
    ends: Mapping[str, tuple[float, float]],
    right: int = 100,
    left: int = 52,
    aspect: float | None = None,
) -> dict[str, Any]:
    """Return layers as one plate of the house, as Vega-Lite.

    Args:
        layers: What is drawn, from the bottom up.
        theme: `"light"` or `"dark"`.
        ends: For each axis whose ends arrive with the data (`x_low`, `x_high`, ...), those until then.
        right: Room for labels at the ends of lines, in pixels.
        left: Room for the axis' numbers.
        aspect: The plot's width over its height, whatever the page's; None fills the page's.
    """
    signals = [
        alt.param(name=f"{axis}_{end}", value=value)
        for axis, both in ends.items()
        for end, value in zip(("low", "high"), both, strict=True)
    ]
    whole = alt.layer(*layers).resolve_scale(color="independent", fill="independent").add_params(*signals)
    around = {"left": left, "top": 8, "right": right, "bottom": 42}
    kept = {"usermeta": {"aspect": aspect}} if aspect else {}
    return specification(styled(whole, theme).properties(padding=around, autosize="none", **kept))


def across(title: str = "x", column: str = "x", axis: str = "x", **options: Any) -> alt.X:  # noqa: ANN401  of an axis
    """Return the x channel, its ends the numbers `x_low` and `x_high` (or of another axis name)."""
    return alt.X(
        f"{column}:Q",
        title=title,
        scale=_scale(axis),
        axis=alt.Axis(tickCount=7, labelExpr=_TICKS, labelSeparation=4, **options),
    )


def up(column: str, title: str | None = None, axis: str | None = None, **options: Layer) -> alt.Y:
    """Return the y channel, its ends the numbers `<axis>_low` and `<axis>_high`; the axis is named as the column."""
    ticks = {"tickCount": 6, **({} if "format" in options else {"labelExpr": _TICKS}), **options}
    return alt.Y(f"{column}:Q", title=title, scale=_scale(axis or column), axis=alt.Axis(**ticks))


def up_decades(column: str, axis: str) -> alt.Y:
    """Return the y channel on a log scale, ruled and labelled at powers of ten; its ends are above 0."""
    scale = alt.Scale(type="log", domain=[{"expr": f"{axis}_low"}, {"expr": f"{axis}_high"}], nice=False)
    ruled: Layer = {"condition": {"test": _IS_POWER, "value": 1}, "value": 0}
    ticks = alt.Axis(tickCount=5, labelExpr=f"{_IS_POWER} ? {_POWERS} : ''", gridOpacity=ruled)
    return alt.Y(f"{column}:Q", title=None, scale=scale, axis=ticks)


def lines(
    dataset: str, x: alt.X, y: alt.Y, theme: str, *, dashed: bool = False, by: str = "series", thin: bool = False
) -> Layer:
    """Return lines, one for each value of the column `by`, in the hue of the column `hue`: dashed for a slope."""
    mark: dict[str, Any] = {"strokeWidth": 1.25 if thin else 2.25, "strokeDash": DASH if dashed else [1, 0]}
    drawn = alt.Chart(alt.NamedData(dataset)).mark_line(clip=True, **mark)
    return drawn.encode(x=x, y=y, color=colour(theme, palette.LINES), detail=f"{by}:N")


def end_labels(dataset: str, column: str, theme: str) -> Layer:
    """Return labels right of the plot, from the columns `label`, `hue` and the height in `column`."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_text(align="left", dx=7, font=SANS, fontSize=12.5, fontWeight=500)
    y = alt.Y(f"{column}:Q", title=None)
    return mark.encode(x=alt.value("width"), y=y, text="label:N", color=colour(theme, palette.LABELS))


def dots(dataset: str, x: alt.X | str, y: alt.Y | str, theme: str, *, size: int = 46) -> Layer:
    """Return points in the hue of the column `hue`."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_point(
        size=size, filled=True, opacity=1, clip=True, stroke=palette.PAPER[theme], strokeWidth=1.5
    )
    return mark.encode(x=x, y=y, fill=colour(theme, palette.LINES))


def upright(dataset: str, theme: str, column: str = "x") -> Layer:
    """Return dotted vertical rules at the places in a column."""
    rule = alt.Chart(alt.NamedData(dataset)).mark_rule(
        stroke=palette.TEXT[theme], strokeWidth=1, strokeDash=[2, 3], clip=True
    )
    return rule.encode(x=f"{column}:Q")


def texts(dataset: str, theme: str, *, x: str = "x", y: str = "y", align: Layer = "left", dx: int = 6) -> Layer:
    """Return words in the plot, from the column `label`, in the muted ink."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_text(
        align=align, dx=dx, font=SANS, fontSize=12, color=palette.MUTED[theme]
    )
    return mark.encode(x=f"{x}:Q", y=f"{y}:Q", text="label:N")


def below(dataset: str, theme: str, column: str = "x") -> Layer:
    """Return the name of an x axis that changes with the state: the text `label`, centred at the place in a column."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_text(
        dy=34, font=SERIF, fontStyle="italic", fontSize=14, color=palette.MUTED[theme]
    )
    return mark.encode(x=f"{column}:Q", y=alt.value("height"), text="label:N")


def shade(dataset: str, theme: str) -> Layer:
    """Return a wash over the stretch of the x axis from the column `x` to the column `x2`."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_rect(color=palette.WASH[theme], clip=True)
    return mark.encode(x="x:Q", x2="x2:Q")


def bars(dataset: str, category: str, y: alt.Y, theme: str, *, title: str | None = None) -> Layer:
    """Return upright bars, one for each value of `category` in the data's order, in the hue of the column `hue`."""
    x = alt.X(f"{category}:N", title=title, sort=None, axis=alt.Axis(labelAngle=0, labelLimit=120))
    mark = alt.Chart(alt.NamedData(dataset)).mark_bar(clip=True, width=alt.RelativeBandSize(0.6))
    return mark.encode(x=x, y=y, fill=colour(theme, palette.LINES))


def bar_labels(dataset: str, category: str, height: str, text: str, theme: str) -> Layer:
    """Return what bars say, above them, from the column `text`."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_text(dy=-8, font=SANS, fontSize=12, color=palette.TEXT[theme])
    return mark.encode(x=alt.X(f"{category}:N", sort=None), y=f"{height}:Q", text=f"{text}:N")


def zero(axis: str, theme: str, at: float = 0.0) -> Layer:
    """Return the line y = `at`, stronger than the grid."""
    mark = alt.Chart(alt.InlineData([{"y": at}])).mark_rule(stroke=palette.ZERO[theme], strokeWidth=1, clip=True)
    return mark.encode(y=alt.Y("y:Q", scale=_scale(axis)))


def specification(chart: alt.TopLevelMixin) -> dict[str, Any]:
    """Return a chart as Vega-Lite; that it is valid is a test's business, since checking takes longer than drawing."""
    return chart.to_dict(validate=False)


def colour(theme: str, inks: Mapping[str, tuple[str, ...]]) -> alt.Color:
    """Return the colour channel over the column `hue`, in `palette.LINES` or `palette.LABELS`."""
    scale = alt.Scale(domain=list(range(len(inks[theme]))), range=list(inks[theme]))
    return alt.Color("hue:O", scale=scale, legend=None)


def _scale(axis_name: str) -> alt.Scale:
    ends = [{"expr": f"{axis_name}_low"}, {"expr": f"{axis_name}_high"}]
    return alt.Scale(domain=ends, nice=False, zero=False)
