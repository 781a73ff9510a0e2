"""The charts of the noise figure."""

from __future__ import annotations

from typing import Any

import altair as alt

from slopes.explorer.figures import drawing as d


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "sample": _plate("sample", "sample_x", theme, thin="parts"),
        "targets": _plate("targets", "target", theme),
        "weights": _plate("weights", "weight", theme, log=True, right=84),
        "schedules": _plate("schedules", "snr", theme, log=True, thin="other_schedules", right=92),
    }


def _plate(
    dataset: str, axis: str, theme: str, *, log: bool = False, thin: str = "", right: int = 76
) -> dict[str, Any]:
    x = d.across("time t")
    y: alt.Y = d.up_decades("y", axis) if log else d.up("y", axis=axis)
    return d.chart(
        *([] if log else [d.zero(axis, theme)]),
        *([d.lines(thin, x, y, theme, thin=True)] if thin else []),
        d.lines(dataset, x, y, theme),
        d.upright("cursor", theme),
        d.dots(f"{dataset}_reading", x, y, theme),
        d.end_labels(f"{dataset}_ends", "label_y", theme),
        theme=theme,
        ends={"x": (0.0, 1.0), axis: (1e-4, 1e4) if log else (-2.0, 2.0)},
        right=right,
        left=60 if log else 52,
    )
