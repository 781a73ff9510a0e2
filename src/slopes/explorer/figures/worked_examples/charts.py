"""The charts of the worked-examples figure: a figure on its function, and all figures of a topic."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style

LEAST: Final = 1e-6  # what is less stands here, as none
LEFT: Final = 0.7 * LEAST
MOST: Final = 10.0


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {"value": _close(theme, "value"), "slope": _close(theme, "slope"), "differences": _differences(theme)}


def _close(theme: str, quantity: str) -> dict[str, Any]:
    x, y = d.across(""), d.up(quantity, labelExpr=_TICKS)
    return d.chart(
        d.zero(quantity, theme),
        d.lines("curves", x, y, theme, dashed=quantity == "slope"),
        d.upright("cursor", theme),
        d.dots("reading", x, y, theme, size=30),
        d.dots("points", x, y, theme),
        _crosses(f"{quantity}_stated", x, y, theme),
        *_numbers(quantity, x, theme),
        d.end_labels("ends", f"{quantity}_label", theme),
        _axis_name(theme),
        theme=theme,
        ends={"x": (-6.0, 6.0), quantity: (0.0, 1.0)},
        right=104,
        left=62,
    )


def _crosses(dataset: str, x: alt.X, y: alt.Y, theme: str) -> d.Layer:
    """Return what is stated: a cross in the ink of the text, over the exact point."""
    cross = "M-1,-1L1,1M-1,1L1,-1"
    mark = alt.Chart(alt.NamedData(dataset)).mark_point(
        shape=cross, size=90, strokeWidth=1.75, stroke=palette.TEXT[theme], opacity=1, clip=True, aria=False
    )
    return mark.encode(x=x, y=y)


def _numbers(quantity: str, x: alt.X, theme: str) -> list[d.Layer]:
    """Return the exact numbers beside their points, on the side where there is room."""
    y = alt.Y(f"{quantity}_label:Q", title=None)
    said = alt.Chart(alt.NamedData(f"{quantity}_said")).encode(x=x, y=y, text="label:N")
    ink: dict[str, Any] = {"font": style.SANS, "fontSize": 12, "color": palette.MUTED[theme], "baseline": "bottom"}
    halo = {**ink, "stroke": palette.PAPER[theme], "strokeWidth": 4, "strokeJoin": "round", "aria": False}
    left, right = said.transform_filter("datum.left"), said.transform_filter("!datum.left")
    return [
        layer
        for look in (halo, ink)
        for layer in (
            left.mark_text(align="right", dx=-5, dy=-5, **look),
            right.mark_text(align="left", dx=5, dy=-5, **look),
        )
    ]


def _axis_name(theme: str) -> d.Layer:
    """Return what x is, which changes with the figure, where an axis has its title."""
    mark = alt.Chart(alt.NamedData("over")).mark_text(
        font=style.SERIF, fontStyle="italic", fontSize=14, color=palette.MUTED[theme], baseline="bottom"
    )
    place = {"x": alt.value({"expr": "width / 2"}), "y": alt.value({"expr": "height + 40"})}
    return mark.encode(text="label:N", **place)


def _differences(theme: str) -> dict[str, Any]:
    axis = alt.Axis(values=[10.0**p for p in range(-6, 2)], labelExpr=_PERCENT, grid=True)
    scale = alt.Scale(type="log", domain=[LEFT, MOST], nice=False)
    x = alt.X("far:Q", title="relative difference", scale=scale, axis=axis)
    y = alt.Y("row:Q", title=None, scale=alt.Scale(domain=[_end("row_low"), _end("row_high")], nice=False), axis=None)
    room = alt.Chart(alt.NamedData("rooms")).mark_rule(stroke=palette.GRID[theme], strokeCap="butt", clip=True)
    thick = alt.StrokeWidth("thick:Q", scale=None, legend=None)
    return d.chart(
        room.encode(x=x, x2="room:Q", y=y, strokeWidth=thick),
        _looked_at(theme, y),
        _figures("holding", "circle", 40, palette.GREEN, theme, x, y),
        _figures("failing", "diamond", 90, palette.VERMILLION, theme, x, y),
        _names(theme),
        theme=theme,
        ends={"row": (0.0, 1.0)},
        right=24,
        left=176,
    )


def _end(name: str) -> dict[str, str]:
    return {"expr": name}


def _looked_at(theme: str, y: alt.Y) -> d.Layer:
    """Return a line under the figure that is drawn above."""
    mark = alt.Chart(alt.NamedData("chosen")).mark_rule(
        stroke=palette.TEXT[theme], strokeWidth=1, strokeDash=[2, 3], clip=True
    )
    return mark.encode(y=y)


def _figures(dataset: str, shape: str, size: int, hue: int, theme: str, *place: Any) -> d.Layer:  # noqa: ANN401  x and y
    """Return figures as dots or diamonds; a reader of the screen has them from the table, as none may be there."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_point(
        shape=shape, size=size, opacity=1, filled=True, fill=palette.LINES[theme][hue], clip=True, aria=False
    )
    return mark.encode(*place)


def _names(theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData("names")).mark_text(align="right", dx=-10, font=style.SANS, fontSize=12.5)
    weight = alt.Color(
        "ink:N", scale=alt.Scale(domain=list(_inks(theme)), range=list(_inks(theme).values())), legend=None
    )
    return mark.encode(x=alt.value(0), y=alt.Y("label_row:Q", axis=None), text="label:N", color=weight)


def _inks(theme: str) -> dict[str, str]:
    return {
        "chosen": palette.TEXT[theme],
        "holds": palette.MUTED[theme],
        "fails": palette.LABELS[theme][palette.VERMILLION],
    }


# More digits than on other pages, since some figures are looked at through a glass.
_TICKS: Final = (
    "abs(datum.value) > 0 && abs(datum.value) < 0.01 ? format(datum.value, '.3~e') : format(datum.value, '~g')"
)
_PERCENT: Final = f"datum.value <= {LEAST!r} * 1.01 ? 'none' : format(datum.value, '~%')"
