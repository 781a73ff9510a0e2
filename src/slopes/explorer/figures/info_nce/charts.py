"""The charts of the InfoNCE figure."""

from __future__ import annotations

from typing import Any

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "lineup": _bars("p", theme, (0.0, 1.15), _level(theme)),
        "pushes": _bars("gradient", theme, (-5.0, 5.0)),
        "temperature": _sweep("temperature", "τ", [0.01, 0.1, 1], (0.01, 2.0), theme),
        "negatives": _sweep("negatives", "negatives", [1, 3, 10, 30, 100, 255], (1.0, 255.0), theme),
    }


def _bars(height: str, theme: str, ends: tuple[float, float], *more: d.Layer) -> dict[str, Any]:
    """One bar for each candidate, which says its height on the side away from 0."""
    return d.chart(
        d.zero(height, theme),
        d.bars("candidates", "label", d.up(height), theme),
        *more,
        *_said(height, stroke=palette.PAPER[theme], strokeWidth=4),  # so that no line runs through the words
        *_said(height, color=palette.TEXT[theme]),
        theme=theme,
        ends={height: ends},
        right=56,
    )


def _said(height: str, **mark: Any) -> list[d.Layer]:  # noqa: ANN401  of a mark
    words = alt.Chart(alt.NamedData("candidates")).encode(
        x=alt.X("label:N", sort=None), y=f"{height}:Q", text=f"{height}_said:N"
    )
    return [
        words.transform_filter(f"datum.{height} {side} 0").mark_text(dy=dy, font=style.SANS, fontSize=12, **mark)
        for side, dy in ((">=", -8), ("<", 9))
    ]


def _level(theme: str) -> d.Layer:
    """A dotted line at the height of chance."""
    rule = alt.Chart(alt.NamedData("chance")).mark_rule(stroke=palette.TEXT[theme], strokeDash=[2, 3], clip=True)
    return rule.encode(y="p:Q") + d.end_labels("chance", "p", theme)


def _sweep(name: str, title: str, ticks: list[float], ends: tuple[float, float], theme: str) -> dict[str, Any]:
    """The loss and chance over a number on a log axis."""
    axis = alt.Axis(values=ticks, format="~g")
    x = alt.X("x:Q", title=title, scale=alt.Scale(type="log", domain=list(ends), nice=False), axis=axis)
    return d.chart(
        d.lines(f"{name}_chance", x, d.up("nats"), theme, thin=True),
        d.lines(f"{name}_curves", x, d.up("nats"), theme),
        d.upright(f"{name}_cursor", theme),
        d.dots(f"{name}_reading", "x:Q", "nats:Q", theme),
        d.end_labels(f"{name}_ends", "nats_label", theme),
        theme=theme,
        ends={"nats": (0.0, 6.0)},
        right=72,
    )
