"""Losses of one yes-or-no answer over the same logit, value and gradient."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.binary_losses.entries import REACH, YOURS, Entry, entries, line, numbers
from slopes.explorer.figures.binary_losses.latex import formulas
from slopes.explorer.figures.binary_losses.text import (
    Drawn,
    corrections,
    data,
    far_out,
    reading,
    readings,
    snippet,
)
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option, Several
from slopes.explorer.figures.result import Columns, Problem, Result
from slopes.explorer.figures.state import State, real, word, words
from slopes.shown import layout

_MOST: Final = 8  # all of them, and the visitor's own
_CAPS: Final = {"value": 9.2, "slope": 1.6}  # beyond these a line leaves its chart, unless the crosshair follows it
_ROOM: Final = 1.08

_Z: Final = Number(
    name="z",
    label="Logit",
    symbol="z",
    low=-REACH,
    high=REACH,
    step=0.05,
    default=-4.0,
    belongs_to=("logit",),
    help="The score before the sigmoid; the crosshair follows the pointer.",
)
_P: Final = Number(
    name="p",
    label="Probability of y = 1",
    symbol="p",
    low=0.0004,
    high=0.9996,
    step=0.001,
    default=0.018,
    belongs_to=("probability",),
    help="σ(z), what the model gives to y = 1; the crosshair follows the pointer.",
)
_AXIS: Final = Choice(
    name="axis",
    label="Over",
    options=(Option(value="logit", label="the logit z"), Option(value="probability", label="the probability p")),
    default="logit",
    help="The gradient is by the logit on either axis.",
)
_Y: Final = Choice(
    name="y",
    label="The truth",
    options=(Option(value="1", label="y = 1"), Option(value="0", label="y = 0")),
    default="1",
)


def _point(x: float, *, over_p: bool) -> tuple[float, float]:
    """Return logit and probability where the crosshair stands."""
    at = torch.tensor(x, dtype=torch.float64)
    with slopes.exact():
        return (at.logit().item(), x) if over_p else (x, A.sigmoid(at).item())


def _preset(label: str, losses: tuple[str, ...], z: float, y: str = "1") -> Preset:
    p = _point(z, over_p=False)[1]
    return Preset(label=label, state={"losses": losses, "z": z, "p": _kept(p), "y": y})


def _kept(p: float) -> float:
    """Return a probability as the control has it."""
    return min(max(round(p, 4), _P.low), _P.high)


_PRESETS: Final = (
    _preset("MSE whispers", ("binary_cross_entropy", "mse", "mae"), -6.0),
    _preset("Hinge is content", ("hinge", "binary_cross_entropy"), 2.0),
    _preset("Less of the easy", ("binary_cross_entropy", "focal", "asymmetric"), 2.2),
    _preset("A sure false alarm, forgiven", ("binary_cross_entropy", "focal", "asymmetric"), 7.0, "0"),
    _preset("Punished for being too right", ("mse_score", "hinge", "mse"), 4.0),
)


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """What stays the same from request to request."""

    entries: Mapping[str, Entry]
    numbers: tuple[Number, ...]
    problems: tuple[Problem, ...]


def build(context: Context) -> Figure:
    """Return the figure, with the visitor's own loss where there is one."""
    found = entries(context.loss, context.loss_from)
    controls = numbers(context.catalog)
    setting = _Setting(entries={entry.name: entry for entry in found}, numbers=controls, problems=context.problems)
    default = ("binary_cross_entropy", "focal", "hinge", "mse")
    picked = Several(
        name="losses",
        label="Losses",
        options=tuple(entry.option() for entry in found),
        default=(YOURS, *default) if context.loss else default,
        most=_MOST,
    )
    return Figure(
        id="binary-losses",
        parameters=(picked, _AXIS, _Z, _P, _Y, *controls),
        presets=_PRESETS,
        compute=lambda state: _compute(state, setting),
        cursor=(_Z.name, _P.name),
    )


def _compute(state: State, setting: _Setting) -> Result:
    over_p, y = word(state, "axis") == "probability", float(word(state, "y"))
    z, p = _point(real(state, "p" if over_p else "z"), over_p=over_p)
    drawn, problems = _draw(state, setting, z, y)
    signals = _signals(drawn) | ({"x_low": 0.0, "x_high": 1.0} if over_p else {})
    return Result(
        datasets=_datasets(drawn, p if over_p else z, signals) | _sides(y, signals, over_p=over_p),
        signals=signals,
        reading=reading(y, p, drawn),
        readings=readings(z, y, drawn),
        tables=(far_out(y, drawn), data(drawn)),
        formulas=formulas(z, y, p, drawn),
        snippet=snippet(z, y, drawn),
        printed=tuple(number for d in drawn for number in (d.value, d.slope)),
        corrections=corrections(setting.entries["mse"], setting.entries["asymmetric"]),
        problems=tuple(problems),
        linked={"z": round(z, 3)} if over_p else {"p": _kept(p)},
    )


def _draw(state: State, setting: _Setting, z: float, y: float) -> tuple[list[Drawn], list[Problem]]:
    drawn, problems = [], list(setting.problems)
    point = torch.tensor([z], dtype=torch.float64)
    for name in words(state, "losses"):
        entry = setting.entries[name]
        options = entry.options(setting.numbers, state)
        try:
            found = line(entry, y, options)
            value, slope = entry.evaluate(point, y, options)
        except UserFunctionError as error:
            problems.append(Problem.of(f"{entry.label} could not be drawn", error))
            continue
        drawn.append(Drawn(entry=entry, options=options, line=found, value=value.item(), slope=slope.item()))
    return drawn, problems


def _signals(drawn: list[Drawn]) -> dict[str, float]:
    """Return the ends of the axes: of all lines up to where they leave the chart, and of what the crosshair reads."""
    signals = {"x_low": -REACH, "x_high": REACH}
    for quantity, cap in _CAPS.items():
        lines = [d.line.values if quantity == "value" else d.line.slopes for d in drawn]
        kept = [end for found in lines for end in _ends(found, cap)]
        read = [_ROOM * (d.value if quantity == "value" else d.slope) for d in drawn]
        signals[f"{quantity}_low"], signals[f"{quantity}_high"] = layout.axis([*kept, *read])
    return signals


def _ends(found: torch.Tensor, cap: float) -> tuple[float, float]:
    within = found[found.isfinite()].clamp(-cap, cap)
    return (within.min().item(), within.max().item()) if len(within) else (0.0, 0.0)


def _datasets(drawn: list[Drawn], at: float, signals: dict[str, float]) -> dict[str, Columns]:
    below = drawn[::-1]  # what was chosen first is drawn last, on top
    lengths = [len(d.line.x) for d in below]
    ends: Columns = {"label": [d.entry.label for d in drawn], "hue": [d.entry.hue for d in drawn]}
    curves: Columns = {
        "series": [i for i, n in enumerate(lengths) for _ in range(n)],
        "hue": [d.entry.hue for d, n in zip(below, lengths, strict=True) for _ in range(n)],
        "x": _joined([_over(d.line.x, signals) for d in below]),
        "value": _joined([d.line.values for d in below]),
        "slope": _joined([d.line.slopes for d in below]),
    }
    for quantity in _CAPS:
        last = [(d.line.values if quantity == "value" else d.line.slopes)[-1].item() for d in drawn]
        last = [end if math.isfinite(end) else 0.0 for end in last]
        ends[f"{quantity}_label"] = layout.spread(last, signals[f"{quantity}_low"], signals[f"{quantity}_high"])
    return {
        "curves": curves,
        "ends": ends,
        "cursor": {"x": [at]},
        "reading": {
            "hue": [d.entry.hue for d in drawn],
            "x": [at for _ in drawn],
            "value": [d.value for d in drawn],
            "slope": [d.slope for d in drawn],
        },
    }


def _over(z: torch.Tensor, signals: dict[str, float]) -> torch.Tensor:
    """Return where logits stand on the axis."""
    if signals["x_low"] < 0:
        return z
    with slopes.exact():
        return A.sigmoid(z)


def _joined(vectors: list[torch.Tensor]) -> object:
    return torch.cat(vectors).numpy() if vectors else []


def _sides(y: float, signals: dict[str, float], *, over_p: bool) -> dict[str, Columns]:
    """Return the wrong side's shade with its word, and the name of the axis."""
    low, high = signals["slope_low"], signals["slope_high"]
    left, right = signals["x_low"], signals["x_high"]
    middle, half = (left + right) / 2, (right - left) / 2
    side = -half if y == 1 else half
    name = "p, the probability of y = 1" if over_p else "z, the logit"
    return {
        "wrong": {
            "x": [min(middle, middle + side)],
            "x2": [max(middle, middle + side)],
            "value_at": [middle + 0.13 * side],
            "label": ["wrong"],
            "value_place": [0.93 * signals["value_high"]],
            "slope_at": [middle + 0.8 * side],
            "slope_place": [(low + high) / 2],
        },
        "axis": {"x": [middle], "label": [f"{name}; the truth is y = {y:.0f}"]},
    }
