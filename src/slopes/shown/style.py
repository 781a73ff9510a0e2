"""The house style of a chart: its paper, inks and type, its zero lines, and the dash of a slope."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.shown import palette

SANS: Final = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', sans-serif"
SERIF: Final = "Charter, 'Bitstream Charter', 'Iowan Old Style', Georgia, 'Liberation Serif', serif"
DASH: Final = [7, 4]


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
