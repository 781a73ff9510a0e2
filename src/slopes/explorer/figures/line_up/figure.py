"""CLIP's batch as a matrix of cosines, and the softmax over its rows, its columns, or both."""

from __future__ import annotations

import math
from typing import Final

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.line_up import text
from slopes.explorer.figures.line_up.batch import DIRECTIONS, Found, found, over_temperature
from slopes.explorer.figures.line_up.charts import COLDEST, HOTTEST, NAMES
from slopes.explorer.figures.line_up.text import HUES, LABELS, Looked
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

_PARAMETERS: Final = (
    Choice(
        name="direction",
        label="Softmax over",
        options=(
            Option(value="rows", label="rows: image to caption"),
            Option(value="columns", label="columns: caption to image"),
            Option(value="both", label="both, as CLIP does"),
        ),
        default="rows",
    ),
    Number(
        name="temperature",
        label="Temperature",
        symbol=r"\tau",
        low=COLDEST,
        high=HOTTEST,
        step=0.01,
        default=0.15,
        log=True,
        help="Every cosine is divided by it; CLIP's logit scale is 1/τ.",
    ),
    Choice(
        name="which",
        label="Look at",
        options=tuple(Option(value=name, label=f"the {name}") for name in NAMES),
        default="dog",
    ),
    Number(
        name="twin",
        label="Puppy turns into the dog",
        low=0.0,
        high=1.0,
        step=0.01,
        default=0.0,
        help="Its image and its caption are moved towards the dog's; at 1 the same pair is in the batch twice.",
    ),
)
_PRESETS: Final = (
    Preset(label="The puppy is in the way", state={}),
    Preset(label="The other direction", state={"direction": "columns"}),
    Preset(label="Both, as CLIP", state={"direction": "both"}),
    Preset(label="The same pair twice", state={"direction": "both", "twin": 1.0}),
    Preset(label="Hot: everyone is pushed", state={"temperature": 1.0}),
    Preset(label="Cold: the nearest alone", state={"temperature": 0.02, "which": "car"}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="line-up",
        parameters=_PARAMETERS,
        presets=_PRESETS,
        compute=_compute,
        cursor="temperature",
        cursor_on=("temperature",),
    )


def _compute(state: State) -> Result:
    direction, t, twin = word(state, "direction"), real(state, "temperature"), real(state, "twin")
    batch = found(twin, direction, t)
    looked = Looked.at(batch, NAMES.index(word(state, "which")), direction, t)
    temperatures, rows, columns = over_temperature(twin)
    losses = {
        "rows": rows[:, looked.which].tolist(),
        "columns": columns[:, looked.which].tolist(),
        "both": ((rows + columns) / 2).mean(dim=1).tolist(),
    }
    low, high = layout.axis(list(looked.gradient))
    air = 0.08 * (high - low)
    top = 1.1 * max(math.log(len(NAMES)), *(max(line) for line in losses.values()))
    signals = {"gradient_low": low - air, "gradient_high": high + air, "nats_low": 0.0, "nats_high": top}
    return Result(
        datasets={
            **_matrix(batch, looked),
            **_pushes(looked),
            **_sweep(looked, batch, (temperatures.tolist(), losses), top),
        },
        signals=signals,
        reading=text.reading(batch, looked),
        readings=text.readings(looked),
        tables=(*text.matrices(batch), text.data(looked, temperatures, losses)),
        formulas=text.formulas(batch, looked),
        snippet=text.snippet(looked, twin),
        printed=(*(batch.losses[name] for name in DIRECTIONS), *looked.gradient),
        corrections=text.CORRECTIONS,
    )


def _matrix(batch: Found, looked: Looked) -> dict[str, Columns]:
    cosines, shares = batch.cosines.flatten().tolist(), batch.shares.flatten().tolist()
    column = looked.direction == "columns"
    which = NAMES[looked.which]
    return {
        "cells": {
            "image": [name for name in NAMES for _ in NAMES],
            "caption": list(NAMES) * len(NAMES),
            "cosine": cosines,
            "cosine_said": [_said(v) for v in cosines],
            "share": shares,
            "share_said": [_said(v) for v in shares],
        },
        "pairs": {"image": list(NAMES), "caption": list(NAMES)},
        "row": {"image": [] if column else [which]},
        "column": {"caption": [which] if column else []},
    }


def _said(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _pushes(looked: Looked) -> dict[str, Columns]:
    return {
        "pushes": {
            "label": list(NAMES),
            "hue": list(text.hues(looked)),
            "gradient": looked.gradient,
            "said": [number(v, 2) if abs(v) >= 0.005 else "" for v in looked.gradient],  # noqa: PLR2004  seen at all
        }
    }


def _sweep(
    looked: Looked, batch: Found, lines: tuple[list[float], dict[str, list[float]]], top: float
) -> dict[str, Columns]:
    temperatures, losses = lines
    labels, hues = [LABELS[name] for name in losses], [HUES[name] for name in losses]
    direction, t = looked.direction, looked.temperature
    now = [batch.each["rows"][looked.which], batch.each["columns"][looked.which], batch.losses["both"]]
    chance = [math.log(len(NAMES))] * len(temperatures)
    others = {name: line for name, line in losses.items() if name != direction}
    ends = layout.spread([*(line[-1] for line in losses.values()), chance[-1]], 0.0, top)
    return {
        "chosen": _line([(direction, HUES[direction], losses[direction])], temperatures),
        "others": _line(
            [*((n, HUES[n], line) for n, line in others.items()), ("chance", palette.INK, chance)], temperatures
        ),
        "cursor": {"t": [t]},
        "reading": {"t": [t] * len(losses), "nats": now, "hue": hues},
        "ends": {"label": [*labels, "chance"], "hue": [*hues, palette.INK], "nats_label": ends},
    }


def _line(lines: list[tuple[str, int, list[float]]], temperatures: list[float]) -> Columns:
    return {
        "series": [series for series, _, heights in lines for _ in heights],
        "hue": [hue for _, hue, heights in lines for _ in heights],
        "t": temperatures * len(lines),
        "nats": [height for _, _, heights in lines for height in heights],
    }
