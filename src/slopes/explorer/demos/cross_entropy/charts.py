"""The charts of the cross-entropy demonstration; what the axis shows arrives with the data."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer import drawing as d
from slopes.explorer import palette

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
        _named("axes", "x_name", theme, y=alt.value("height"), dy=34),
        *([_named("axes", "slope_name", theme, y="slope_top:Q", dy=0)] if quantity == "slope" else []),
        theme=theme,
        ends={axis: _ENDS[axis] for axis in ("x", quantity)},
        right=64,
    )


def _named(dataset: str, column: str, theme: str, *, y: Any, dy: int) -> d.Layer:  # noqa: ANN401  a channel or a value
    """Return what an axis is called, as a mark, because the name changes with the state."""
    mark = alt.Chart(alt.NamedData(dataset)).mark_text(
        font=d.SERIF, fontStyle="italic", fontSize=14, color=palette.MUTED[theme], dy=dy
    )
    return mark.encode(x=f"{column}_at:Q", y=y, text=f"{column}:N")
