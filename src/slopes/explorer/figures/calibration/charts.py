"""The charts of the calibration figure."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style

_SIZE: Final = alt.ExprRef("width < 280 ? 10 : 12")  # two numbers beside each other on a phone


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "loss": _over_lead("value", theme),
        "slope": _over_lead("slope", theme),
        "shares": _shares(theme),
        "size": _sizes(theme),
    }


def _over_lead(quantity: str, theme: str) -> dict[str, Any]:
    dashed = quantity == "slope"
    x, y = d.across("lead g of the best logit"), d.up(quantity)
    return d.chart(
        d.zero(quantity, theme),
        d.lines("others", x, y, theme, dashed=dashed, thin=True),
        d.lines("chosen", x, y, theme, dashed=dashed),
        d.upright("cursor", theme),
        _rests(quantity, theme),
        d.dots("reading", x, y, theme),
        d.end_labels("ends", f"{quantity}_label", theme),
        theme=theme,
        ends={"x": (-2.0, 14.0), quantity: (-1.0, 5.0)},
        right=88,
    )


def _rests(quantity: str, theme: str) -> d.Layer:
    """A diamond where a loss comes to rest."""
    mark = alt.Chart(alt.NamedData("rests")).mark_point(
        shape="diamond", size=80, filled=True, opacity=1, clip=True, stroke=palette.PAPER[theme], strokeWidth=1.5
    )
    return mark.encode(x="x:Q", y=f"{quantity}:Q", fill=d.colour(theme, palette.LINES))


def _shares(theme: str) -> dict[str, Any]:
    x = alt.X("label:N", title=None, sort=None, axis=alt.Axis(labelAngle=0), scale=alt.Scale(paddingInner=0.18))
    side = alt.XOffset("series:N", scale=alt.Scale(domain=["teacher", "student"]))
    bars = alt.Chart(alt.NamedData("shares")).mark_bar(clip=True)
    words = alt.Chart(alt.NamedData("shares")).mark_text(dy=-8, font=style.SANS, fontSize=_SIZE)
    ink = alt.value(palette.TEXT[theme])
    return d.chart(
        d.zero("p", theme),
        bars.encode(x=x, xOffset=side, y=d.up("p", axis="p", format=".0%"), fill=d.colour(theme, palette.LINES)),
        words.encode(x=x, xOffset=side, y="p:Q", text="said:N", color=ink),
        d.end_labels("who", "p_label", theme),
        theme=theme,
        ends={"p": (0.0, 1.1)},
        right=64,
    )


def _sizes(theme: str) -> dict[str, Any]:
    axis = alt.Axis(values=[1, 2, 5, 10, 20, 50], format="~g")
    x = alt.X("t:Q", title="temperature T", scale=alt.Scale(type="log", domain=[1, 50], nice=False), axis=axis)
    y = d.up_decades("norm", "norm")
    return d.chart(
        d.lines("sizes", x, y, theme, dashed=True),
        d.upright("at_t", theme, "t"),
        d.dots("sizes_reading", "t:Q", "norm:Q", theme),
        d.end_labels("sizes_ends", "norm_label", theme),
        theme=theme,
        ends={"norm": (1e-4, 10.0)},
        right=88,
        left=60,
    )
