"""The charts of the confidence figure."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style

_ODDS: Final = "← wrong\u2003\u2003log-odds of cat\u2003\u2003right →"


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {"value": _sweep("value", theme), "slope": _sweep("slope", theme), "logits": _logits(theme)}


def _sweep(quantity: str, theme: str) -> dict[str, Any]:
    x, y, dashed = d.across(_ODDS), d.up(quantity), quantity == "slope"
    partial = [d.lines("partial", x, y, theme, dashed=True, thin=True)] if dashed else []
    return d.chart(
        d.zero(quantity, theme),
        *partial,
        d.lines("curves", x, y, theme, dashed=dashed),
        d.upright("cursor", theme),
        d.dots(f"{quantity}_now", x, y, theme),
        d.end_labels(f"{quantity}_ends", "height", theme),
        theme=theme,
        ends={"x": (-12.0, 12.0), quantity: (-1.0, 12.0) if quantity == "value" else (-1.1, 0.1)},
        right=96,
    )


def _logits(theme: str) -> dict[str, Any]:
    y = d.up("bar", title="∂L/∂z")
    x = alt.X("method:N", title=None, sort=None, axis=alt.Axis(labelAngle=0, labelLimit=120))
    offset = alt.XOffset("name:N", sort=None, scale=alt.Scale(paddingInner=0.2))
    heights = alt.Chart(alt.NamedData("bars")).mark_bar(clip=True)
    names = alt.Chart(alt.NamedData("bars")).mark_text(font=style.SANS, fontSize=12, color=palette.MUTED[theme])
    return d.chart(
        heights.encode(x=x, xOffset=offset, y=y, fill=d.colour(theme, palette.LINES)),
        d.zero("bar", theme),
        names.encode(x=x, xOffset=offset, y="name_at:Q", text="name:N"),
        theme=theme,
        ends={"bar": (-1.1, 1.1)},
        right=16,
        left=60,
    )
