"""The charts of the focal figure."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d

_TITLE: Final = "p, the probability of the truth"
_DECADES: Final = [10.0**power for power in range(-2, 19)]


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "loss": _over_p("value", (0.0, 5.0), theme),
        "gradient": _over_p("slope", (0.0, 1.45), theme, dashed=True),
        "lighter": _lighter(theme),
        "share": _share(theme),
    }


def _over_p(quantity: str, ends: tuple[float, float], theme: str, *, dashed: bool = False) -> dict[str, Any]:
    x, y = d.across(_TITLE), d.up(quantity)
    return d.chart(
        d.shade("easy", theme),
        d.texts("easy", theme, x="at", y=f"{quantity}_top", align="center", dx=0),
        d.zero(quantity, theme),
        d.lines("curves", x, y, theme, dashed=dashed),
        d.upright("cursor", theme),
        d.dots("reading", x, y, theme),
        d.end_labels("ends", f"{quantity}_label", theme),
        theme=theme,
        ends={"x": (0.0, 1.0), quantity: ends},
        right=104,
    )


def _lighter(theme: str) -> dict[str, Any]:
    x = d.across(_TITLE)
    scale = alt.Scale(type="log", domain=[{"expr": "times_low"}, {"expr": "times_high"}], nice=False)
    y = alt.Y("times:Q", title=None, scale=scale, axis=alt.Axis(values=_DECADES, format="~s"))
    return d.chart(
        d.shade("easy", theme),
        d.lines("lighter", x, y, theme),
        d.lines("weaker", x, y, theme, dashed=True),
        d.upright("cursor", theme),
        d.dots("lighter_reading", x, y, theme),
        d.end_labels("lighter_ends", "times", theme),
        theme=theme,
        ends={"x": (0.0, 1.0), "times": (0.5, 1000.0)},
        right=104,
    )


def _share(theme: str) -> dict[str, Any]:
    return d.chart(
        d.bars("shares", "label", d.up("share", format=".0%"), theme),
        d.zero("share", theme, at=0.5),
        d.bar_labels("shares", "label", "share", "said", theme),
        theme=theme,
        ends={"share": (0.0, 1.08)},
        right=16,
    )
