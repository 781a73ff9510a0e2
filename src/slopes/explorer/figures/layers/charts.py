"""The charts of the layers figure."""

from __future__ import annotations

from typing import Any

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    x = d.across("")
    units = d.chart(
        d.zero("u", theme),
        d.lines("units", x, d.up("u"), theme),
        d.upright("cursor", theme),
        d.dots("reading", "x:Q", "u:Q", theme),
        d.end_labels("unit_ends", "u_label", theme),
        d.below("over", theme),
        theme=theme,
        ends={"x": (-3.0, 3.0), "u": (-1.0, 4.0)},
        right=72,
    )
    y = d.up("y")
    total = d.chart(
        d.zero("y", theme),
        _kinks(theme),
        d.lines("target", x, y, theme, thin=True),
        d.lines("sum", x, y, theme),
        d.dots("wanted", x, y, theme, size=80),
        d.texts("names", theme, align="center", dx=0),
        d.upright("cursor", theme),
        d.dots("here", x, y, theme),
        d.end_labels("ends", "y_label", theme),
        d.below("over", theme),
        theme=theme,
        ends={"x": (-3.0, 3.0), "y": (-1.0, 3.0)},
        right=72,
    )
    return {"units": units, "sum": total}


def _kinks(theme: str) -> d.Layer:
    """Short strokes on the zero line where the sum bends."""
    mark = alt.Chart(alt.NamedData("kinks")).mark_tick(
        orient="vertical", size=14, thickness=2, color=palette.MUTED[theme], clip=True
    )
    return mark.encode(x="x:Q", y="y:Q")
