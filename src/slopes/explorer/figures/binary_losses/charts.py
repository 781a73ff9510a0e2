"""The charts of the binary-losses figure."""

from __future__ import annotations

from typing import Any, Final

from slopes.explorer.figures import drawing as d

_ENDS: Final = {"x": (-8.0, 8.0), "value": (-0.25, 8.5), "slope": (-1.3, 0.3)}


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {"loss": _plate("value", theme), "gradient": _plate("slope", theme)}


def _plate(quantity: str, theme: str) -> dict[str, Any]:
    x, y = d.across(title=""), d.up(quantity)
    return d.chart(
        d.shade("wrong", theme),
        d.texts("wrong", theme, x=f"{quantity}_at", y=f"{quantity}_place", align="center", dx=0),
        d.zero(quantity, theme),
        d.lines("curves", x, y, theme, dashed=quantity == "slope"),
        d.upright("cursor", theme),
        d.dots("reading", x, y, theme),
        d.end_labels("ends", f"{quantity}_label", theme),
        d.below("axis", theme),
        theme=theme,
        ends={axis: _ENDS[axis] for axis in ("x", quantity)},
        right=112,
    )
