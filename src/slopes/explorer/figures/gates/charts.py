"""The charts of the gates figure."""

from __future__ import annotations

from typing import Any

from slopes.explorer.figures import drawing as d


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    sizes = d.chart(
        d.bars("blocks", "label", d.up("share", axis="share"), theme),
        d.bar_labels("blocks", "label", "share", "said", theme),
        theme=theme,
        ends={"share": (0.0, 1.8)},
        right=16,
    )
    return {
        "units": _over("output", theme),
        "by_gate": _over("by_gate", theme, slope=True),
        "by_value": _over("by_value", theme, slope=True),
        "sizes": sizes,
    }


def _over(quantity: str, theme: str, *, slope: bool = False) -> dict[str, Any]:
    x, y = d.across("gate a", column="a", axis="a"), d.up(quantity)
    return d.chart(
        d.zero(quantity, theme),
        d.lines("curves", x, y, theme, dashed=slope),
        d.upright("cursor", theme, "a"),
        d.dots("reading", x, y, theme),
        d.end_labels("ends", f"{quantity}_label", theme),
        theme=theme,
        ends={"a": (-5.0, 5.0), quantity: (-4.0, 10.0)},
        right=76,
    )
