"""A softmax over similarities: the positive is pulled, the negatives are pushed as much as they are believed."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.info_nce import text
from slopes.explorer.figures.info_nce.lineup import (
    COLDEST,
    HOTTEST,
    MOST,
    Found,
    LineUp,
    measured,
    over_negatives,
    over_temperature,
)
from slopes.explorer.figures.parameters import Number
from slopes.explorer.figures.result import Columns, Result
from slopes.explorer.figures.state import State, real
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

_LOSS_HUE: Final = palette.hue("info_nce")
_CHANCE_HUE: Final = palette.INK

_NUMBERS: Final = (
    Number(
        name="temperature",
        label="Temperature",
        symbol=r"\tau",
        low=COLDEST,
        high=HOTTEST,
        step=0.01,
        default=0.1,
        log=True,
        help="Every similarity is divided by it.",
    ),
    Number(
        name="negatives",
        label="Number of negatives",
        symbol="N",
        low=1.0,
        high=float(MOST),
        step=1.0,
        default=15.0,
        help="The hard one first, then 0.1 and −0.5, then similarities drawn once.",
    ),
    Number(
        name="positive",
        label="Similarity of the positive",
        symbol="s_+",
        low=-1.0,
        high=1.0,
        step=0.01,
        default=0.6,
    ),
    Number(
        name="hard",
        label="Similarity of the hard negative",
        symbol="s_1",
        low=-1.0,
        high=1.0,
        step=0.01,
        default=0.5,
    ),
)
_PRESETS: Final = (
    Preset(label="Sixteen in the line-up", state={}),
    Preset(
        label="The worked line-up",
        state={"temperature": 0.5, "negatives": 3.0, "positive": 0.9, "hard": 0.3},
    ),
    Preset(label="Cold: the hardest alone", state={"temperature": 0.03}),
    Preset(label="Hot: nearly chance", state={"temperature": 2.0}),
    Preset(label="A negative that is nearer", state={"positive": 0.5, "hard": 0.8}),
    Preset(label="256 in the line-up", state={"negatives": 255.0}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="info-nce",
        parameters=_NUMBERS,
        presets=_PRESETS,
        compute=_compute,
        cursor="temperature",
        cursor_on=("temperature",),
    )


def _compute(state: State) -> Result:
    line_up = LineUp(
        positive=real(state, "positive"),
        hard=real(state, "hard"),
        negatives=round(real(state, "negatives")),
        temperature=real(state, "temperature"),
    )
    found = measured(line_up)
    candidates = text.candidates(found)
    sweeps = {"temperature": over_temperature(line_up), "negatives": over_negatives(line_up)}
    low, high = layout.axis([c.gradient for c in candidates])
    air = 0.12 * (high - low)
    signals = {"p_low": 0.0, "p_high": 1.15, "gradient_low": low - air, "gradient_high": high + air, "nats_low": 0.0}
    signals["nats_high"] = 1.15 * max(math.log(1 + MOST), found.loss)
    return Result(
        datasets={
            **_bars(candidates, line_up),
            **_sweep("temperature", *sweeps["temperature"], (line_up.temperature, found), signals["nats_high"]),
            **_sweep("negatives", *sweeps["negatives"], (float(line_up.negatives), found), signals["nats_high"]),
        },
        signals=signals,
        reading=text.reading(line_up, found),
        readings=text.readings(line_up, found, candidates),
        tables=(
            text.data("temperature", *sweeps["temperature"]),
            text.data("number of negatives", *sweeps["negatives"]),
        ),
        formulas=text.formulas(line_up, found),
        snippet=text.snippet(line_up),
        printed=(found.loss, *found.probabilities[:2].tolist(), *found.gradient[:2].tolist()),
        corrections=text.CORRECTIONS,
    )


def _bars(candidates: list[text.Candidate], line_up: LineUp) -> dict[str, Columns]:
    return {
        "candidates": {
            "label": [c.label for c in candidates],
            "hue": [c.hue for c in candidates],
            "p": [c.probability for c in candidates],
            "p_said": [_short(c.probability) for c in candidates],
            "gradient": [c.gradient for c in candidates],
            "gradient_said": [_short(c.gradient) for c in candidates],
        },
        "chance": {"p": [1 / (1 + line_up.negatives)], "label": ["chance"], "hue": [_CHANCE_HUE]},
    }


def _short(value: float) -> str:
    """What a bar says; one that cannot be seen says nothing."""
    rounded = round(value, 2)
    return number(rounded, 2) if rounded else ""


def _sweep(name: str, x: Tensor, losses: Tensor, here: tuple[float, Found], high: float) -> dict[str, Columns]:
    at, found = here
    chance = (1 + x).log() if name == "negatives" else torch.full_like(x, found.chance)
    ends = [losses[-1].item(), chance[-1].item()]
    return {
        f"{name}_chance": _line("chance", _CHANCE_HUE, x, chance),
        f"{name}_curves": _line("loss", _LOSS_HUE, x, losses),
        f"{name}_cursor": {"x": [at]},
        f"{name}_reading": {"x": [at], "nats": [found.loss], "hue": [_LOSS_HUE]},
        f"{name}_ends": {
            "label": ["loss", "chance"],
            "hue": [_LOSS_HUE, _CHANCE_HUE],
            "nats_label": layout.spread(ends, 0.0, high),
        },
    }


def _line(series: str, hue: int, x: Tensor, nats: Tensor) -> Columns:
    return {"series": [series] * len(x), "hue": [hue] * len(x), "x": x.numpy(), "nats": nats.numpy()}
