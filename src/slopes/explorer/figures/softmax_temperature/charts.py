"""The charts of the softmax-temperature figure."""

from __future__ import annotations

from typing import Any

import altair as alt

from slopes.explorer.figures import drawing as d


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    share = d.up("p", axis="p", format=".0%")
    probabilities = d.chart(
        d.bars("classes", "label", d.up("p"), theme),
        d.bar_labels("classes", "label", "p", "said", theme),
        theme=theme,
        ends={"p": (0.0, 1.0)},
        right=16,
    )
    temperature = alt.X("t:Q", title="T", scale=alt.Scale(type="log", domain=[0.05, 100], nice=False), axis=_DECADES)
    sweep = d.chart(
        d.lines("curves", temperature, share, theme),
        d.upright("cursor", theme, "t"),
        d.dots("reading", "t:Q", "p:Q", theme),
        d.end_labels("ends", "p_label", theme),
        theme=theme,
        ends={"p": (0.0, 1.0)},
        right=72,
    )
    return {"probabilities": probabilities, "sweep": sweep}


_DECADES = alt.Axis(values=[0.1, 1, 10, 100], format="~g")
