"""Binary cross-entropy for both answers, over the probability or over the logit."""

from __future__ import annotations

import math
from typing import Final

import torch

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cross_entropy.curves import HUES, LABELS, LEAST, POINTS, REACH, At, Curves, at, curves
from slopes.explorer.figures.cross_entropy.text import SNIPPET, formulas, reading, readings
from slopes.explorer.figures.cross_entropy.worked import corrections, worked
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result, Table
from slopes.explorer.figures.state import State, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import layout

_TOPS: Final = (5.0, 8.5)  # of the losses over p
_PULLS: Final = (12.0, 60.0, 120.0, 300.0, 1200.0, 4000.0)  # ends of the gradients by p
_ROOM: Final = 1.06

_AXIS: Final = Choice(
    name="axis",
    label="Over",
    options=(
        Option(value="probability", label="the probability p"),
        Option(value="logit", label="the logit z"),
    ),
    default="probability",
    help="The gradient is by what the axis shows.",
)
_P: Final = Number(
    name="p",
    label="Probability of y = 1",
    symbol="p",
    low=LEAST,
    high=1 - LEAST,
    step=0.001,
    default=0.03,
    belongs_to=("probability",),
    help="What the model gives to y = 1; the crosshair follows the pointer.",
)
_Z: Final = Number(
    name="z",
    label="Logit of y = 1",
    symbol="z",
    low=-REACH,
    high=REACH,
    step=0.01,
    default=-3.476,
    belongs_to=("logit",),
    help="The score before the sigmoid; p = σ(z).",
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="cross-entropy",
        parameters=(_AXIS, _P, _Z),
        presets=(
            _preset("Sure and wrong if y = 1", "probability", 0.01),
            _preset("Sure and right if y = 1", "probability", 0.99),
            _preset("A coin flip", "probability", 0.5),
            _preset("Spam let through at 5 %", "probability", 0.05),
            _preset("Sure and wrong, on the logit", "logit", 0.01),
        ),
        compute=_compute,
        cursor=(_P.name, _Z.name),
    )


def _preset(label: str, axis: str, p: float) -> Preset:
    return Preset(label=label, state={"axis": axis, "p": p, "z": _logit_of(p)})


def _compute(state: State) -> Result:
    axis = word(state, "axis")
    x = real(state, "p" if axis == "probability" else "z")
    here, lines = at(axis, x), curves(axis)
    signals = _signals(here)
    return Result(
        datasets=_datasets(here, x, lines, signals),
        signals=signals,
        reading=reading(here),
        readings=readings(here),
        tables=(worked(), _data(lines, axis)),
        formulas=formulas(here),
        snippet=SNIPPET[axis].format(x=x),
        printed=(here.loss[0], here.slope[0], here.loss[1], here.slope[1]),
        corrections=corrections(),
        linked={"z": _logit_of(here.p)} if axis == "probability" else {"p": _probability_of(here.z)},
    )


def _logit_of(p: float) -> float:
    return round(min(max(torch.tensor(p, dtype=torch.float64).logit().item(), -REACH), REACH), 3)


def _probability_of(z: float) -> float:
    with slopes.exact():
        p = A.sigmoid(torch.tensor(z, dtype=torch.float64)).item()
    kept = min(max(p, LEAST), 1 - LEAST)
    return round(kept, 3 - math.floor(math.log10(min(kept, 1 - kept))))


def _signals(here: At) -> dict[str, float]:
    if here.axis == "logit":
        top, pull = REACH * _ROOM, 1.15
        return {"x_low": -REACH, "x_high": REACH, **_ends(top, pull)}
    top = next(end for end in _TOPS if max(here.loss) <= end)
    pull = next(end for end in _PULLS if max(map(abs, here.slope)) * _ROOM <= end)
    return {"x_low": 0.0, "x_high": 1.0, **_ends(top, pull)}


def _ends(top: float, pull: float) -> dict[str, float]:
    return {"value_low": -0.03 * top, "value_high": top, "slope_low": -pull, "slope_high": pull}


def _datasets(here: At, x: float, lines: Curves, signals: dict[str, float]) -> dict[str, Columns]:
    low, high, top, pull = (signals[name] for name in ("x_low", "x_high", "value_high", "slope_high"))
    by_p = here.axis == "probability"
    return {
        "curves": {
            "series": [label for label in LABELS for _ in range(POINTS)],
            "hue": [hue for hue in HUES for _ in range(POINTS)],
            "x": lines.x.repeat(2).numpy(),
            "value": lines.losses.reshape(-1).numpy(),
            "slope": lines.slopes.reshape(-1).numpy(),
        },
        "ends": {
            "label": list(LABELS),
            "hue": list(HUES),
            "value_label": layout.spread(lines.losses[:, -1].tolist(), signals["value_low"], top),
            "slope_label": layout.spread(lines.slopes[:, -1].tolist(), -pull, pull),
        },
        "cursor": {"x": [x]},
        "half": {
            "x": [0.5 if by_p else 0.0],
            "label": ["p = 50 %"],
            "value_top": [0.95 * top],
            "slope_top": [-0.93 * pull],
        },
        "reading": {"x": [x, x], "hue": list(HUES), "value": list(here.loss), "slope": list(here.slope)},
        "axis": {
            "x": [(low + high) / 2],
            "label": ["p, the probability of y = 1" if by_p else "z, the logit of y = 1"],
        },
        "by": {
            "x": [low + 0.08 * (high - low)],
            "y": [0.93 * pull],
            "label": ["dℓ/dp" if by_p else "dℓ/dz"],
        },
    }


def _data(lines: Curves, axis: str) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        taken = torch.cat([lines.x[None], lines.losses, lines.slopes])[:, ::4].T.tolist()
        return tuple(tuple(number(cell, 5) for cell in row) for row in taken)

    by = "p" if axis == "probability" else "z"
    heads = (by, "loss, y = 1", "loss, y = 0", f"gradient by {by}, y = 1", f"gradient by {by}, y = 0")
    return Table(title="Data of the charts", columns=heads, fill=rows)
