"""The charts of the depth figure."""

from __future__ import annotations

from typing import Any

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    signal, gradient = d.up_decades("signal", "signal"), d.up_decades("gradient", "gradient")
    return {
        "signal": _over("signal", signal, (1e-3, 10.0), theme),
        "gradient": _over("gradient", gradient, (1e-3, 10.0), theme, limits=True),
        "centre": _over("centre", d.up("centre"), (-1.0, 1.0), theme),
        "dead": _over("dead", d.up("dead", format=".0%"), (0.0, 1.0), theme),
    }


def _over(quantity: str, y: alt.Y, ends: tuple[float, float], theme: str, *, limits: bool = False) -> dict[str, Any]:
    x = d.across("layers", column="layer", axis="layer", labelOverlap="greedy")
    return d.chart(
        *([_limits(theme)] if limits else []),
        d.lines("layers", x, y, theme, dashed=quantity == "gradient"),
        d.upright("cursor", theme, "layer"),
        d.dots("reading", x, y, theme),
        *([_halo(theme), d.texts("limits", theme, x="layer", y="gradient", align="center", dx=0)] if limits else []),
        d.end_labels("ends", f"{quantity}_label", theme),
        theme=theme,
        ends={"layer": (0.0, 50.0), quantity: ends},
        left=56,
    )


def _limits(theme: str) -> d.Layer:
    """The least numbers of the short formats, as rules."""
    mark = alt.Chart(alt.NamedData("limits")).mark_rule(
        stroke=palette.ZERO[theme], strokeWidth=1, strokeDash=[1, 3], clip=True
    )
    return mark.encode(y="gradient:Q")


def _halo(theme: str) -> d.Layer:
    """Paper around the words that follow, so that lines do not cross them."""
    paper = palette.PAPER[theme]
    mark = alt.Chart(alt.NamedData("limits")).mark_text(font=style.SANS, fontSize=12, stroke=paper, strokeWidth=5)
    return mark.encode(x="layer:Q", y="gradient:Q", text="label:N")
