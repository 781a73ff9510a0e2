"""The charts of the contrastive-forces figure."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style

ACROSS: Final = 4.6  # half of the plane's width, in the embeddings' unit
UP: Final = 3.0  # half of its height


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {"plane": _plane(theme), "profile": _profile(theme)}


def _plane(theme: str) -> dict[str, Any]:
    x, y = d.across("first coordinate"), d.up("y", "second coordinate")
    return d.chart(
        *style.zero_lines("y", theme),
        _ring(theme),
        _links("pulls", theme, [1, 0]),
        _links("pushes", theme, [2, 4]),
        d.dots("shadows", x, y, theme, size=30),
        _shafts(theme),
        _heads(theme),
        d.dots("points", x, y, theme, size=90),
        d.texts("lefts", theme, align="right", dx=-19),
        d.texts("rights", theme, dx=19),
        d.texts("note", theme, align="center", dx=0),
        d.texts("scale", theme, align="right", dx=0),
        theme=theme,
        ends={"x": (-ACROSS, ACROSS), "y": (-UP, UP)},
        right=16,
        aspect=ACROSS / UP,
    )


def _profile(theme: str) -> dict[str, Any]:
    x = d.across("", column="d", axis="d", labelOverlap="greedy")
    y = d.up("value", axis="l")
    return d.chart(
        d.zero("l", theme),
        d.lines("curves", x, d.up("slope", axis="l"), theme, dashed=True),
        d.lines("curves", x, y, theme),
        d.dots("pairs", x, y, theme),
        d.texts("partners", theme, x="d", y="value"),
        d.end_labels("ends", "height", theme),
        d.below("over", theme, "d"),
        theme=theme,
        ends={"d": (0.0, 6.0), "l": (-4.4, 9.4)},
        right=96,
    )


def _ring(theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData("ring")).mark_line(
        clip=True, strokeWidth=1, strokeDash=[2, 3], stroke=palette.TEXT[theme]
    )
    return mark.encode(x="x:Q", y="y:Q", order="i:Q")


def _links(dataset: str, theme: str, dash: list[int]) -> d.Layer:
    mark = alt.Chart(alt.NamedData(dataset)).mark_rule(clip=True, strokeWidth=1.5, strokeDash=dash)
    return mark.encode(x="x:Q", y="y:Q", x2="x2:Q", y2="y2:Q", color=d.colour(theme, palette.LINES))


def _shafts(theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData("arrows")).mark_rule(strokeWidth=3)
    return mark.encode(x="x:Q", y="y:Q", x2="x2:Q", y2="y2:Q", color=d.colour(theme, palette.LINES))


def _heads(theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData("arrows")).mark_point(shape="triangle", filled=True, size=90, opacity=1)
    turn = alt.Angle("turn:Q", scale=None)
    return mark.encode(x="x2:Q", y="y2:Q", angle=turn, fill=d.colour(theme, palette.LINES))
