"""The charts of the line-fit figure: points and lines, and what one point's height does to the lines."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette

ACROSS: Final = (0.0, 16.0)  # where the outlier can be dragged to
UP: Final = (-4.0, 18.0)
WIDE: Final = (-0.6, 16.6)  # what the chart shows, so that no point stands on its edge
HIGH: Final = (-5.0, 19.0)


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    x, y = d.across(), d.up("y", "y")
    points = alt.Chart(alt.NamedData("points")).mark_point(
        size=64, filled=True, opacity=1, color=palette.MUTED[theme], stroke=palette.PAPER[theme], strokeWidth=1.5
    )
    fit = d.chart(
        d.zero("y", theme),
        d.lines("fits", x, y, theme),
        points.encode(x=x, y=y),
        d.dots("outlier", x, y, theme, size=90),
        d.end_labels("ends", "y_label", theme),
        theme=theme,
        ends={"x": WIDE, "y": HIGH},
        right=76,
    )
    height, v = d.across("height of the outlier, y", "height", "height"), d.up("v")
    made = alt.Chart(alt.NamedData("made")).mark_rule(stroke=palette.ZERO[theme], strokeWidth=1, strokeDash=[2, 3])
    heights = d.chart(
        d.zero("v", theme),
        made.encode(y=v),
        d.texts("titles", theme, x="height", y="v", dx=6),
        d.lines("slopes", height, v, theme),
        d.lines("gradients", height, v, theme, dashed=True),
        d.upright("cursor", theme, "height"),
        d.dots("reading", height, v, theme),
        d.end_labels("sides", "v_label", theme),
        theme=theme,
        ends={"height": UP, "v": (-0.5, 1.0)},
        right=76,
    )
    return {"fit": fit, "heights": heights}
