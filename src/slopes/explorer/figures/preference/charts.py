"""The charts of the preference figure."""

from __future__ import annotations

from typing import Any

from slopes.explorer.figures import drawing as d
from slopes.shown import style


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {quantity: _plate(quantity, theme) for quantity in ("value", "slope")}


def _plate(quantity: str, theme: str) -> dict[str, Any]:
    x, y = d.across("Δ, in nats"), d.up(quantity)
    layers = [
        *style.zero_lines(quantity, theme),
        d.lines("curves", x, y, theme, dashed=quantity == "slope"),
        d.upright("cursor", theme),
        d.dots("reading", "x:Q", f"{quantity}:Q", theme),
        d.end_labels("ends", f"{quantity}_label", theme),
    ]
    if quantity == "slope":
        layers.append(d.dots("rests", "x:Q", "slope:Q", theme, size=30))
    return d.chart(*layers, theme=theme, ends={"x": (-20.0, 30.0), quantity: (-2.0, 1.0)})
