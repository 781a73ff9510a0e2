"""The charts of the landscape figure."""

from __future__ import annotations

from typing import Any, Final

import altair as alt

from slopes.explorer.figures import drawing as d
from slopes.shown import palette, style

ACROSS: Final = 8.0  # the weights that are shown, from minus this to this
UP: Final = 6.0  # likewise the biases
BANDS: Final = 14  # of a landscape, from its lowest to its highest
INPUTS: Final = (-2.6, 2.6)  # that the model is drawn over
OUTPUTS: Final = {True: (-0.15, 1.15), False: (-13.0, 7.0)}  # likewise what it makes of them: of a neuron, of a line
_FAINTEST, _DEEPEST = 0.04, 0.55  # how much of the hue is in the lowest and in the highest band


def charts(theme: str) -> dict[str, dict[str, Any]]:
    """Return the charts as Vega-Lite, by the names that the page gives their places."""
    return {
        "first": _land("first", theme),
        "second": _land("second", theme),
        "model": _model(theme),
        "steps": _steps(theme),
    }


def _land(name: str, theme: str) -> dict[str, Any]:
    x, y = d.across("weight w"), d.up("y", "bias b")
    return d.chart(
        _bands(f"{name}_bands", x, y, theme),
        _path(f"{name}_path", theme, palette.PAPER, 5.0),
        _path(f"{name}_path", theme, palette.LABELS, 2.0),
        _marks(f"{name}_path", theme),
        _cross(f"{name}_lowest", theme),
        _words(f"{name}_words", theme),
        theme=theme,
        ends={"x": (-ACROSS, ACROSS), "y": (-UP, UP)},
        right=16,
    )


def _steps(theme: str) -> dict[str, Any]:
    x = d.across("step", column="step", axis="step")
    value, slope = d.up_decades("loss", "v"), d.up_decades("norm", "v")
    return d.chart(
        d.lines("steps", x, slope, theme, dashed=True),
        d.lines("steps", x, value, theme),
        d.end_labels("ends", "height", theme),
        theme=theme,
        ends={"step": (0.0, 30.0), "v": (1e-3, 10.0)},
        right=128,
        left=60,
    )


def _model(theme: str) -> dict[str, Any]:
    x, y = d.across("input x", axis="input"), d.up("out")
    return d.chart(
        d.zero("out", theme),
        d.lines("start", x, y, theme, thin=True),
        d.lines("models", x, y, theme),
        d.dots("points", x, y, theme, size=60),
        d.texts("outlier", theme, y="out", align="right", dx=-8),
        d.end_labels("model_ends", "height", theme),
        theme=theme,
        ends={"input": INPUTS, "out": OUTPUTS[True]},
        right=72,
    )


def _bands(dataset: str, x: alt.X, y: alt.Y, theme: str) -> d.Layer:
    inks = [
        _mixed(palette.PAPER[theme], line, _FAINTEST + (_DEEPEST - _FAINTEST) * band / (BANDS - 1))
        for line in palette.LINES[theme]
        for band in range(BANDS)
    ]
    scale = alt.Scale(domain=list(range(len(inks))), range=inks)
    ink = {"fill": alt.Fill("ink:O", scale=scale, legend=None), "stroke": alt.Stroke("ink:O", scale=scale, legend=None)}
    mark = alt.Chart(alt.NamedData(dataset)).mark_rect(clip=True, strokeWidth=0.6, opacity=1)
    return mark.encode(x=x, y=y, x2="x2:Q", y2="y2:Q", **ink)


def _path(dataset: str, theme: str, inks: Any, width: float) -> d.Layer:  # noqa: ANN401  one ink, or one to a hue
    halo = isinstance(inks[theme], str)
    ink = {"stroke": inks[theme]} if halo else {}
    mark = alt.Chart(alt.NamedData(dataset)).mark_line(clip=True, strokeWidth=width, opacity=0.8 if halo else 1, **ink)
    colour = {} if halo else {"color": d.colour(theme, inks)}
    return mark.encode(x="x:Q", y="y:Q", order="step:Q", **colour)


def _marks(dataset: str, theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData(dataset)).mark_point(size=16, filled=True, opacity=1, clip=True)
    return mark.encode(x="x:Q", y="y:Q", fill=d.colour(theme, palette.LABELS))


def _cross(dataset: str, theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData(dataset)).mark_point(
        shape="cross", size=90, filled=True, opacity=1, clip=True, color=palette.TEXT[theme]
    )
    return mark.encode(x="x:Q", y="y:Q")


def _words(dataset: str, theme: str) -> d.Layer:
    mark = alt.Chart(alt.NamedData(dataset)).mark_text(
        align="left", dx=8, dy=-12, font=style.SANS, fontSize=12.5, fontWeight=500, color=palette.TEXT[theme]
    )
    return mark.encode(x="x:Q", y="y:Q", text="label:N")


def _mixed(paper: str, ink: str, share: float) -> str:
    """Return a colour between two, by the share of the second."""
    pairs = [(int(paper[i : i + 2], 16), int(ink[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
