"""The charts of the cross-entropy figure; what the axis shows arrives with the data."""

from __future__ import annotations

from typing import Any, Final

from slopes.explorer.figures import drawing as d

_ENDS: Final = {"x": (0.0, 1.0), "value": (0.0, 5.0), "slope": (-60.0, 60.0)}


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {"loss": _plate("value", theme), "gradient": _plate("slope", theme)}


def _plate(quantity: str, theme: str) -> dict[str, Any]:
    x, y = d.across(title=""), d.up(quantity)
    return d.chart(
        d.zero(quantity, theme),
        d.upright("half", theme),
        d.texts("half", theme, y=f"{quantity}_top"),
        d.lines("curves", x, y, theme, dashed=quantity == "slope"),
        d.upright("cursor", theme),
        d.dots("reading", x, y, theme),
        d.end_labels("ends", f"{quantity}_label", theme),
        d.below("axis", theme),
        *([d.texts("by", theme, align="center", dx=0)] if quantity == "slope" else []),
        theme=theme,
        ends={axis: _ENDS[axis] for axis in ("x", quantity)},
        right=64,
    )
