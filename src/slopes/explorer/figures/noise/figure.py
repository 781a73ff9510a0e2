"""A number drowned in noise over time, the targets of its predictor, and what each charges."""

from __future__ import annotations

import math
from typing import Final

from torch import Tensor

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.noise import text
from slopes.explorer.figures.noise.schedules import EARLIEST, LATEST, NAMES, Noisy, Setting, at, over_time
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result
from slopes.explorer.figures.state import State, real, word
from slopes.shown import layout, palette

_DECADES: Final = (3e-5, 5e3)  # of the weights and of the ratios that are drawn
_SCHEDULE_HUES: Final = {"cosine": palette.BLUE, "linear": palette.VERMILLION, "flow": palette.GREEN}

Line = tuple[str, int, list[float], float]  # its label, its hue, its heights, and that under the cursor

_PARAMETERS: Final = (
    Choice(
        name="schedule",
        label="Schedule",
        options=tuple(Option(value=value, label=label) for value, label in NAMES.items()),
        default="cosine",
        help="How signal and noise share the sample over time.",
    ),
    Number(
        name="t",
        label="Time",
        symbol="t",
        low=EARLIEST,
        high=LATEST,
        step=0.01,
        default=0.2,
        help="0 is clean, 1 is noise alone.",
    ),
    Choice(
        name="weighting",
        label="Weighting",
        options=(Option(value="plain", label="plain MSE"), Option(value="min-snr", label="min-SNR beside it")),
        default="plain",
    ),
    Number(
        name="gamma",
        label="Cap of min-SNR",
        symbol=r"\gamma",
        low=0.1,
        high=100.0,
        step=0.01,
        default=5.0,
        log=True,
        belongs_to=("min-snr",),
        help="No error in x₀ weighs more than this.",
    ),
    Number(name="x0", label="Clean value", symbol="x_0", low=-2.0, high=2.0, step=0.1, default=1.0, more=True),
    Number(name="eps", label="Noise", symbol=r"\epsilon", low=-2.0, high=2.0, step=0.1, default=-0.6, more=True),
)
_PRESETS: Final = (
    Preset(label="Little noise", state={}),
    Preset(label="Half and half", state={"t": 0.5}),
    Preset(label="Nearly all noise", state={"t": 0.95}),
    Preset(label="Linear β: drowned early", state={"schedule": "linear", "t": 0.5}),
    Preset(label="A velocity that stays", state={"schedule": "flow", "t": 0.5}),
    Preset(label="Min-SNR caps it", state={"weighting": "min-snr"}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(id="noise", parameters=_PARAMETERS, presets=_PRESETS, compute=_compute, cursor="t")


def _compute(state: State) -> Result:
    s = Setting(
        schedule=word(state, "schedule"),
        t=real(state, "t"),
        x0=real(state, "x0"),
        noise=real(state, "eps"),
        cap=real(state, "gamma") if word(state, "weighting") == "min-snr" else 0.0,
    )
    over, here = over_time(s.schedule, s.x0, s.noise, s.cap), at(s).first()
    printed = (here["sample"], here["velocity"], here["eps"], here["v"])
    datasets, signals = _drawn(s, over, here)
    return Result(
        datasets=datasets,
        signals=signals,
        reading=text.reading(s, here),
        readings=text.readings(s, here),
        tables=(text.factors(s, here), text.data(over)),
        formulas=text.formulas(s, here),
        snippet=text.snippet(s),
        printed=(*printed, here["capped"]) if s.cap else printed,
        corrections=text.CORRECTIONS,
    )


def _drawn(s: Setting, over: Noisy, here: dict[str, float]) -> tuple[dict[str, Columns], dict[str, float]]:
    parts = _parts(s, over, here)
    targets, weights = _targets(s, over, here), _weights(over, here)
    ratios = _ratios(s)
    ends = {
        "sample_x": layout.axis([v for _, _, heights, _ in parts for v in heights]),
        "target": layout.axis([v for _, _, heights, _ in targets for v in heights]),
        "weight": _DECADES,
        "snr": _DECADES,
    }
    signals = {"x_low": 0.0, "x_high": 1.0}
    for axis, (low, high) in ends.items():
        signals |= {f"{axis}_low": low, f"{axis}_high": high}
    return {
        "cursor": {"x": [s.t]},
        "sample": _lines(over.t, parts[:1]),
        "parts": _lines(over.t, parts[1:]),
        **_labelled("sample", s.t, parts, ends["sample_x"]),
        "targets": _lines(over.t, targets),
        **_labelled("targets", s.t, targets, ends["target"]),
        "weights": _lines(over.t, weights),
        **_labelled("weights", s.t, weights, ends["weight"], log=True),
        "schedules": _lines(over.t, ratios[:1]),
        "other_schedules": _lines(over.t, ratios[1:]),
        **_labelled("schedules", s.t, ratios, ends["snr"], log=True),
    }, signals


def _parts(s: Setting, over: Noisy, here: dict[str, float]) -> list[Line]:
    return [
        ("sample", palette.INK, over.sample.tolist(), here["sample"]),
        ("α x₀", palette.BLUE, (s.x0 * over.signal).tolist(), s.x0 * here["signal"]),
        ("σ ε", palette.ORANGE, (s.noise * over.noise).tolist(), s.noise * here["noise"]),
    ]


def _targets(s: Setting, over: Noisy, here: dict[str, float]) -> list[Line]:
    flat = [("x0", s.x0), ("eps", s.noise)]
    return [
        *((text.LABELS[name], text.HUES[name], [value] * len(over.t), value) for name, value in flat),
        (text.LABELS["v"], text.HUES["v"], over.velocity.tolist(), here["velocity"]),
    ]


def _weights(over: Noisy, here: dict[str, float]) -> list[Line]:
    return [(text.LABELS[n], text.HUES[n], column.tolist(), here[n]) for n, column in over.weights.items()]


def _ratios(s: Setting) -> list[Line]:
    """The ratio of every schedule, the chosen one first."""
    order = [s.schedule, *(name for name in NAMES if name != s.schedule)]
    found = []
    for name in order:
        whole, here = over_time(name, s.x0, s.noise, 0.0), at(Setting(schedule=name, t=s.t, x0=0.0, noise=0.0, cap=0.0))
        found.append((NAMES[name], _SCHEDULE_HUES[name], whole.snr.tolist(), here.snr.item()))
    return found


def _lines(t: Tensor, lines: list[Line]) -> Columns:
    return {
        "series": [label for label, _, heights, _ in lines for _ in heights],
        "hue": [hue for _, hue, heights, _ in lines for _ in heights],
        "x": t.tolist() * len(lines),
        "y": [height for _, _, heights, _ in lines for height in heights],
    }


def _labelled(
    name: str, t: float, lines: list[Line], ends: tuple[float, float], *, log: bool = False
) -> dict[str, Columns]:
    """The points under the cursor, and the labels at the ends of the lines."""
    last = [heights[-1] for _, _, heights, _ in lines]
    if log:
        low, high = (math.log(end) for end in ends)
        placed = [math.exp(h) for h in layout.spread([math.log(value) for value in last], low, high)]
    else:
        placed = layout.spread(last, *ends)
    hues = [hue for _, hue, _, _ in lines]
    return {
        f"{name}_reading": {"x": [t] * len(lines), "y": [here for *_, here in lines], "hue": hues},
        f"{name}_ends": {"label": [label for label, *_ in lines], "hue": hues, "label_y": placed},
    }
