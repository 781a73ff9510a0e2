"""The charts of the ppo-clip figure."""

from __future__ import annotations

from typing import Any

from slopes.explorer.figures import drawing as d


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {"objective": _plate("value", theme), "slope": _plate("slope", theme)}


def _plate(quantity: str, theme: str) -> dict[str, Any]:
    dashed = quantity == "slope"
    x, y = d.across("ratio r"), d.up(quantity)
    return d.chart(
        d.shade("stopped", theme),
        d.zero(quantity, theme),
        d.upright("edges", theme),
        d.texts("left_of", theme, y=f"{quantity}_foot", align="right", dx=-5),
        d.texts("right_of", theme, y=f"{quantity}_foot", dx=5),
        d.lines("unclipped", x, y, theme, dashed=dashed, thin=True),
        d.lines("other", x, y, theme, dashed=dashed, thin=True),
        d.lines("curve", x, y, theme, dashed=dashed),
        d.upright("cursor", theme),
        d.dots("reading", x, y, theme),
        d.end_labels("ends", f"{quantity}_label", theme),
        theme=theme,
        ends={"x": (0.0, 3.0), quantity: (-3.0, 3.0)},
        right=84,
    )
