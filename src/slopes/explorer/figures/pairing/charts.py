"""The charts of the pairing figure: above what the loss says, below what the model answers."""

from __future__ import annotations

from typing import Any

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "value": _over_logit("value", theme),
        "slope": _over_logit("slope", theme),
        "output": _answers(theme),
        "training": _training(theme),
    }


def _over_logit(quantity: str, theme: str) -> dict[str, Any]:
    x, y, dashed = d.across("logit z"), d.up(quantity), quantity == "slope"
    return d.chart(
        d.zero(quantity, theme),
        d.lines("matched", x, y, theme, dashed=dashed, thin=True),
        d.lines("curves", x, y, theme, dashed=dashed),
        d.upright("cursor", theme),
        d.dots("now", x, y, theme),
        d.texts("tags", theme, y=quantity),
        d.end_labels(f"{quantity}_ends", "height", theme),
        theme=theme,
        ends={"x": (-8.0, 8.0), quantity: (-0.5, 8.5) if quantity == "value" else (-1.1, 1.1)},
    )


def _answers(theme: str) -> dict[str, Any]:
    x, y = d.across("logit z"), d.up("output")
    return d.chart(
        _targets(y, theme),
        d.lines("matched_output", x, y, theme, thin=True),
        d.lines("outputs", x, y, theme),
        d.upright("cursor", theme),
        d.dots("output_now", x, y, theme),
        d.end_labels("output_ends", "height", theme),
        theme=theme,
        ends={"x": (-8.0, 8.0), "output": (-0.3, 1.3)},
    )


def _training(theme: str) -> dict[str, Any]:
    x, y = d.across("step", "step", "step"), d.up("output")
    return d.chart(
        _targets(y, theme),
        d.lines("matched_training", x, y, theme, thin=True),
        d.lines("training", x, y, theme),
        d.end_labels("training_ends", "height", theme),
        theme=theme,
        ends={"step": (0.0, 60.0), "output": (-0.3, 1.3)},
    )


def _targets(y: alt.Y, theme: str) -> d.Layer:
    """Return a dotted rule at each target, in its hue."""
    rule = alt.Chart(alt.NamedData("targets")).mark_rule(strokeWidth=1.25, strokeDash=[2, 3], clip=True)
    return rule.encode(y=y, stroke=d.colour(theme, palette.LINES))
