"""The charts of the KL figure."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style

_SIZE: Final = alt.ExprRef("width < 280 ? 10.5 : 12")  # two numbers beside each other on a phone


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "outcomes": _pairs("outcomes", "probability", theme, (0.0, 1.15), right=24, sides=("p", "q")),
        "pulls": _pairs("pulls", "gradient", theme, (-0.3, 0.3), right=84, sides=("forward", "reverse")),
        "fits": d.chart(
            d.lines("densities", d.across("x"), d.up("density"), theme),
            d.end_labels("density_ends", "density_label", theme),
            theme=theme,
            ends={"x": (-8.0, 8.0), "density": (0.0, 0.4)},
        ),
        "means": d.chart(
            *style.zero_lines("nats", theme),
            d.lines("profiles", d.across("mean of q"), d.up("nats"), theme),
            d.lines("slopes", d.across("mean of q"), d.up("nats"), theme, dashed=True, thin=True),
            d.upright("cursor", theme),
            d.dots("reading", "x:Q", "nats:Q", theme),
            d.end_labels("profile_ends", "nats_label", theme),
            theme=theme,
            ends={"x": (-8.0, 8.0), "nats": (-4.0, 6.0)},
        ),
    }


def _pairs(
    dataset: str, height: str, theme: str, ends: tuple[float, float], *, right: int, sides: tuple[str, str]
) -> dict[str, Any]:
    """Two bars for each outcome, side by side, each saying what it is."""
    x = alt.X("outcome:N", title=None, sort=None, axis=alt.Axis(labelAngle=0), scale=alt.Scale(paddingInner=0.18))
    side = alt.XOffset("series:N", scale=alt.Scale(domain=list(sides)))
    y = d.up(height)
    bars = alt.Chart(alt.NamedData(dataset)).mark_bar(clip=True)
    words = alt.Chart(alt.NamedData(dataset)).mark_text(font=style.SANS, fontSize=_SIZE, color=palette.TEXT[theme])
    above = words.transform_filter(f"datum.{height} >= 0").mark_text(dy=-8, font=style.SANS, fontSize=_SIZE)
    below = words.transform_filter(f"datum.{height} < 0").mark_text(dy=9, font=style.SANS, fontSize=_SIZE)
    ink = alt.value(palette.TEXT[theme])
    return d.chart(
        d.zero(height, theme),
        bars.encode(x=x, xOffset=side, y=y, fill=d.colour(theme, palette.LINES)),
        *(text.encode(x=x, xOffset=side, y=f"{height}:Q", text="said:N", color=ink) for text in (above, below)),
        d.end_labels(f"{dataset}_ends", f"{height}_label", theme),
        theme=theme,
        ends={height: ends},
        right=right,
    )
