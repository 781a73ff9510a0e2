"""The charts of the two-players figure."""

from __future__ import annotations

from typing import Any

from slopes.explorer.figures import drawing as d
from slopes.shown import style


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "generator": _plate("generator", "value", theme),
        "pull": _plate("generator", "slope", theme),
        "discriminator": _plate("discriminator", "value", theme),
        "push": _plate("discriminator", "slope", theme),
    }


def _plate(player: str, quantity: str, theme: str) -> dict[str, Any]:
    axis = f"{player}_{quantity}"
    x, y = d.across("logit z of the fake"), d.up(quantity, axis=axis)
    return d.chart(
        *style.zero_lines(quantity, theme),
        d.lines(f"{player}_curves", x, y, theme, dashed=quantity == "slope"),
        d.upright("cursor", theme),
        d.dots(f"{player}_reading", x, y, theme),
        d.end_labels(f"{player}_ends", f"{quantity}_label", theme),
        theme=theme,
        ends={"x": (-6.0, 6.0), axis: (-6.0, 7.0)},
        right=104,
    )
