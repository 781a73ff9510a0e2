"""The chart on which an answer is drawn: what may be seen beforehand, the reader's curve or point, and the truth."""

from __future__ import annotations

from typing import Any

import altair as alt

from slopes.explorer.book.by_hand import Place, Sketch
from slopes.explorer.figures import drawing as d
from slopes.shown import palette

_TRUTH = palette.GREEN


def chart(exercise: Sketch | Place, theme: str) -> dict[str, Any]:
    """Return the chart as Vega-Lite, its context inside; `guess` and `truth` arrive by name."""
    axes = exercise.axes
    x = d.across(axes.x_title)
    y = d.up("y", axes.y_title, axis="y")
    inked = palette.LINES[theme]
    guess = alt.Chart(alt.NamedData("guess")).mark_line(
        stroke=palette.TEXT[theme], strokeWidth=2, interpolate="monotone", clip=True
    )
    truth = alt.Chart(alt.NamedData("truth"))
    shown = (
        truth.mark_line(stroke=inked[_TRUTH], strokeWidth=3, clip=True)
        if isinstance(exercise, Sketch)
        else truth.mark_point(fill=inked[_TRUTH], filled=True, size=140, opacity=1)
    )
    layers = [
        d.zero("y", theme),
        *([d.lines("context", x, y, theme), d.end_labels("labels", "y", theme)] if exercise.context else []),
        guess.encode(x=x, y=y),
        shown.encode(x=x, y=y),
    ]
    made = d.chart(*layers, theme=theme, ends={"x": axes.x, "y": axes.y}, right=112 if exercise.context else 16)
    made["datasets"] = {
        "context": [
            {"series": line.label, "hue": line.hue, "x": px, "y": py}
            for line in exercise.context
            for px, py in zip(line.x, line.y, strict=True)
        ],
        "labels": [{"label": line.label, "hue": line.hue, "y": line.y[-1]} for line in exercise.context],
        "guess": [],
        "truth": [],
    }
    return made
