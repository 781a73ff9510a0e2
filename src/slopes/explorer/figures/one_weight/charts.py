"""The charts of the one-weight figure: the loss over the weight, and the points with its line."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette

WIDE: Final = (0.0, 3.3)  # the places of the points that are shown
TALL: Final = (-3.5, 10.5)  # and their heights


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {"loss": _loss(theme), "data": _data(theme)}


def _loss(theme: str) -> dict[str, Any]:
    x, y = d.across("weight w", column="w", axis="w"), d.up("v")
    return d.chart(
        d.zero("v", theme),
        _rests(theme),
        d.lines("curve", x, y, theme),
        d.lines("tangent", x, y, theme, dashed=True),
        _stairs("later", theme, 1.0),
        _stairs("next", theme, 2.0),
        d.dots("ahead", x, y, theme, size=22),
        d.dots("points", x, y, theme, size=80),
        d.texts("words", theme, x="w", y="v", align="left", dx=6),
        theme=theme,
        ends={"w": (-1.0, 4.6), "v": (-2.0, 45.0)},
        right=20,
    )


def _data(theme: str) -> dict[str, Any]:
    x, y = d.across("x"), d.up("y", "y")
    mark = alt.Chart(alt.NamedData("data")).mark_point(
        size=64, filled=True, opacity=1, color=palette.MUTED[theme], stroke=palette.PAPER[theme], strokeWidth=1.5
    )
    misses = alt.Chart(alt.NamedData("misses")).mark_rule(stroke=palette.ZERO[theme], strokeWidth=1, clip=True)
    return d.chart(
        d.zero("y", theme),
        misses.encode(x=x, y=y, y2="y2:Q"),
        d.lines("resting", x, y, theme, thin=True),
        d.lines("line", x, y, theme),
        mark.encode(x=x, y=y),
        d.end_labels("ends", "y_label", theme),
        theme=theme,
        ends={"x": WIDE, "y": TALL},
        right=104,
    )


def _rests(theme: str) -> d.Layer:
    rule = alt.Chart(alt.NamedData("rests")).mark_rule(strokeWidth=1, strokeDash=[2, 3], clip=True)
    return rule.encode(x="w:Q", color=d.colour(theme, palette.LINES))


def _stairs(dataset: str, theme: str, width: float) -> d.Layer:
    """Across at the height of the loss, then down, or up, to where it is after the step."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_line(
        clip=True, strokeWidth=width, stroke=palette.MUTED[theme], strokeJoin="round"
    )
    return mark.encode(x="w:Q", y="v:Q", order="i:Q")
