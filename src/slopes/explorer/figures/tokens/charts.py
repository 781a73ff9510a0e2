"""The charts of the tokens figure: tokens in and asked for, losses as bars, perplexities."""

from __future__ import annotations

from typing import Any

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    perplexity = d.chart(
        d.bars("texts", "label", d.up("ppl"), theme),
        d.bar_labels("texts", "label", "ppl", "said", theme),
        theme=theme,
        ends={"ppl": (0.0, 12.0)},
        right=16,
    )
    return {"shift": _shift(theme), "losses": _losses(theme), "perplexity": perplexity}


def _row() -> alt.Y:
    scale = alt.Scale(domain=[{"expr": "row_low"}, {"expr": "row_high"}], nice=False, zero=False)
    return alt.Y("row:Q", title=None, scale=scale, axis=None)


def _shift(theme: str) -> dict[str, Any]:
    scale = alt.Scale(domain=[{"expr": "side_low"}, {"expr": "side_high"}], nice=False, zero=False)
    x = alt.X("side:Q", title=None, scale=scale, axis=None)
    ways = alt.Chart(alt.NamedData("ways")).mark_rule(stroke=palette.ZERO[theme], strokeWidth=1)
    return d.chart(
        ways.encode(x=x, y=_row(), x2="side2:Q", y2="row2:Q"),
        d.texts("heads_in", theme, x="side", y="row", align="right", dx=-4),
        d.texts("heads_asked", theme, x="side", y="row", dx=4),
        _shown(theme),
        d.texts("idle", theme, x="side", y="row", dx=4),
        _counted(theme),
        theme=theme,
        ends={"side": (0.0, 1.0), "row": (-13.0, 1.5)},
        left=12,
        right=12,
    )


def _shown(theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData("shown")).mark_text(
        align="right", dx=-4, font=style.SANS, fontSize=12, color=palette.TEXT[theme]
    )
    return mark.encode(x="side:Q", y="row:Q", text="label:N")


def _counted(theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData("counted")).mark_text(
        align="left", dx=4, font=style.SANS, fontSize=12, fontWeight=700
    )
    return mark.encode(x="side:Q", y="row:Q", text="label:N", color=d.colour(theme, palette.LABELS))


def _losses(theme: str) -> dict[str, Any]:
    x = d.across("", column="loss", axis="loss")
    mark = alt.Chart(alt.NamedData("bars")).mark_rule(strokeWidth=9, clip=True)
    faint = alt.Chart(alt.NamedData("faint")).mark_rule(strokeWidth=3, clip=True, stroke=palette.ZERO[theme])
    mean = alt.Chart(alt.NamedData("mean")).mark_rule(stroke=palette.TEXT[theme], strokeWidth=1, strokeDash=[2, 3])
    start = alt.X2("start:Q")
    return d.chart(
        faint.encode(x=x, x2=start, y=_row()),
        mark.encode(x=x, x2=start, y=_row(), color=d.colour(theme, palette.LINES)),
        mean.encode(x="loss:Q"),
        d.texts("asked", theme, x="loss", y="row", align="right", dx=-6),
        _halo(theme),
        d.texts("chances", theme, x="loss", y="row", dx=6),
        d.texts("heads_of_losses", theme, x="loss", y="row", dx=4),
        theme=theme,
        ends={"loss": (0.0, 4.0), "row": (-13.0, 1.5)},
        left=72,
        right=52,
    )


def _halo(theme: str) -> d.Layer:
    """Paper around the chances, so that the line of the mean does not cross them."""
    mark = alt.Chart(alt.NamedData("chances")).mark_text(
        align="left", dx=6, font=style.SANS, fontSize=12, stroke=palette.PAPER[theme], strokeWidth=4
    )
    return mark.encode(x="loss:Q", y="row:Q", text="label:N")
