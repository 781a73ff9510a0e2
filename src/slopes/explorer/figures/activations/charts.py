"""The charts of the activations figure: values beside slopes, over one x and under one cursor."""

from __future__ import annotations

from typing import Any

from slopes.explorer.figures.drawing import plate, specification


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {quantity: specification(plate(quantity, theme)) for quantity in ("value", "slope")}
