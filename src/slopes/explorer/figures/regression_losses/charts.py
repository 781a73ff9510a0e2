"""The charts of the regression-losses figure: value beside slope, over the residual and over three houses."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style

_FAINT: Final = 0.34  # of the bars of the houses whose price is right


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    over = {quantity: _over_the_residual(quantity, theme) for quantity in ("value", "slope")}
    shares = {f"{quantity}-shares": _shares(quantity, theme) for quantity in ("value", "slope")}
    return {**over, **shares}


def _over_the_residual(quantity: str, theme: str) -> dict[str, Any]:
    x, y = d.across("residual r, prediction minus target"), d.up(quantity)
    return d.chart(
        *style.zero_lines(quantity, theme),
        d.upright("houses", theme),
        d.texts("houses", theme, y=f"{quantity}_top", dx=4),
        d.lines("curves", x, y, theme, dashed=quantity == "slope"),
        d.upright("cursor", theme),
        d.dots("reading", x, y, theme),
        d.end_labels("ends", f"{quantity}_label", theme),
        theme=theme,
        ends={"x": (-4.0, 4.0), quantity: (-1.0, 17.0)},
    )


def _shares(quantity: str, theme: str) -> dict[str, Any]:
    start, end, middle = (f"{quantity}_{place}:Q" for place in ("start", "end", "middle"))
    share = alt.Scale(domain=[0, 1], nice=False)
    x = alt.X(start, title="share of the three", scale=share, axis=alt.Axis(format=".0%", tickCount=5))
    y = alt.Y("label:N", sort=None, title=None, axis=alt.Axis(grid=False, labelFontSize=12.5))
    bars = (
        alt.Chart(alt.NamedData("shares"))
        .mark_bar(height=alt.RelativeBandSize(0.6), stroke=palette.PAPER[theme], strokeWidth=1.5)
        .encode(
            x=x,
            x2=end,
            y=y,
            fill=d.colour(theme, palette.LINES),
            opacity=alt.condition("datum.house === 'C'", alt.value(1), alt.value(_FAINT)),
        )
    )
    houses = (
        alt.Chart(alt.NamedData("named"))
        .transform_filter(f"datum.{quantity}_room")
        .mark_text(font=style.SANS, fontSize=12, color=palette.TEXT[theme])
        .encode(x=middle, y=y, text="house:N")
    )
    said = (
        alt.Chart(alt.NamedData("outlier"))
        .mark_text(align="left", dx=7, font=style.SANS, fontSize=12.5, fontWeight=500)
        .encode(x=alt.value("width"), y=y, text=f"{quantity}_said:N", color=d.colour(theme, palette.LABELS))
    )
    return d.chart(bars, houses, said, theme=theme, ends={}, left=80, right=72)
