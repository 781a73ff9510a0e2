"""Six losses on preferences, over the margin that they all widen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option, Several
from slopes.explorer.figures.preference import latex, text
from slopes.explorer.figures.preference.entries import ENTRIES, YOURS, Entry, Line, Setting, drawn, own_entry
from slopes.explorer.figures.result import Columns, Problem, Result
from slopes.explorer.figures.state import State, real, words
from slopes.explorer.yours.guarded import GuardedLoss
from slopes.shown import layout

_LOW: Final = -20.0
_HIGH: Final = 30.0
_NEAR: Final = 1.7  # nats: as far as IPO, in its own size, stays in a plot of DPO
_POINTS: Final = 126  # 0.4 nats apart, with one at the zero margin

_NUMBERS: Final = (
    Number(
        name="beta",
        label="Price of leaving the reference",
        symbol=r"\beta",
        low=0.02,
        high=1.0,
        step=0.01,
        default=0.1,
        log=True,
        help="It puts IPO's target at 1 / (2 β), the end of the hinge at 1 / β, and stretches DPO and KTO.",
    ),
    Number(
        name="at",
        label="Read at",
        symbol=r"\Delta",
        low=_LOW,
        high=_HIGH,
        step=0.1,
        default=12.0,
        unit="nats",
        help="The margin that is read; it also follows the pointer over the charts.",
    ),
    Number(
        name="share",
        label="Chosen answer's share of the margin",
        symbol="s",
        low=-1.0,
        high=2.0,
        step=0.1,
        default=0.5,
        more=True,
        help="Its log-ratio is s Δ, the rejected answer's (s − 1) Δ; below 0 both become less likely as Δ grows.",
    ),
    Number(
        name="smoothing",
        label="DPO's label smoothing",
        symbol=r"\epsilon",
        low=0.0,
        high=0.45,
        step=0.05,
        default=0.0,
        belongs_to=("dpo",),
        more=True,
        help="The share of pairs taken to be labelled the wrong way round.",
    ),
    Number(
        name="kl",
        label="KTO's estimate of the divergence",
        symbol="z_0",
        low=0.0,
        high=20.0,
        step=0.5,
        default=0.0,
        unit="nats",
        belongs_to=("kto",),
        more=True,
        help="How far the policy is from the reference by now; each answer is measured against it.",
    ),
    Number(
        name="tokens",
        label="Length of the answers, for ORPO",
        symbol="n",
        low=10.0,
        high=400.0,
        step=10.0,
        default=40.0,
        unit="tokens",
        belongs_to=("orpo",),
        more=True,
        help="ORPO sees means over the tokens, so a margin of the whole answer is divided by it.",
    ),
)
_SCALE: Final = Choice(
    name="scale",
    label="Draw each loss",
    options=(
        Option(value="aligned", label="with value 0 and slope −1 at Δ = 0"),
        Option(value="raw", label="as the library returns it"),
    ),
    default="aligned",
    help="They come in different units and sizes; aligned at the zero margin, their shapes can be compared.",
)
_PRESETS: Final = (
    Preset(label="Three ways to end", state={}),
    Preset(
        label="Both answers fall",
        state={"losses": ("dpo", "kto", "orpo"), "share": -0.5, "at": 10.0},
    ),
    Preset(
        label="One label in five wrong",
        state={"losses": ("dpo", "bradley_terry"), "smoothing": 0.2, "at": 20.0},
    ),
    Preset(
        label="KTO and its KL",
        state={"losses": ("kto",), "kl": 8.0, "at": 0.0, "beta": 0.5, "scale": "raw"},
    ),
    Preset(label="Sizes as they are", state={"losses": ("dpo", "ipo"), "scale": "raw", "at": 0.0}),
    Preset(
        label="A reward model's pair",
        state={"losses": ("bradley_terry", "hinge"), "beta": 1.0, "at": 0.51, "scale": "raw"},
    ),
)


@dataclass(frozen=True, kw_only=True)
class _Source:
    entries: dict[str, Entry]
    own: GuardedLoss | None
    own_from: str
    problems: tuple[Problem, ...] = ()


def build(context: Context) -> Figure:
    """Return the figure, with the visitor's own loss where there is one."""
    own = context.loss
    found = (*ENTRIES, own_entry(own)) if own else ENTRIES
    source = _Source(
        entries={entry.name: entry for entry in found}, own=own, own_from=context.loss_from, problems=context.problems
    )
    picked = Several(
        name="losses",
        label="Losses",
        options=tuple(Option(value=e.name, label=e.label, group="losses", hue=e.hue) for e in found),
        default=(YOURS, "dpo", "ipo", "hinge") if own else ("dpo", "ipo", "hinge", "kto"),
        most=len(found),
    )
    beta, at, *more = _NUMBERS
    return Figure(
        id="preference",
        parameters=(picked, beta, at, _SCALE, *more),
        presets=_PRESETS,
        compute=lambda state: _compute(state, source),
        cursor="at",
    )


def _compute(state: State, source: _Source) -> Result:
    s = Setting(**{name: real(state, name) for name in ("beta", "share", "kl", "smoothing", "tokens")})
    at = real(state, "at")
    margins = _margins(s)
    lines, problems = [], list(source.problems)
    for name in words(state, "losses"):
        entry = source.entries[name]
        try:
            lines.append(drawn(entry, s, margins, at, source.own))
        except UserFunctionError as error:
            problems.append(Problem.of(f"{entry.label} could not be drawn", error))
    raw = state["scale"] == "raw"
    shown_lines = [_shown(line, at, raw=raw) for line in lines]
    signals = _signals(shown_lines)
    return Result(
        datasets={**_datasets(shown_lines, margins, at, signals), "rests": _rests(lines, s)},
        signals=signals,
        reading=text.reading(at, s, lines, raw=raw),
        readings=text.readings(at, s, lines),
        tables=(text.held(at, s, lines), text.data(margins, lines)),
        formulas=latex.formulas(lines),
        snippet=text.snippet(at, s, lines, source.own_from),
        printed=tuple(figure for line in lines for figure in line.under),
        corrections=text.corrections(s.beta),
        problems=tuple(problems),
    )


def _margins(s: Setting) -> Tensor:
    """An even grid, closer about IPO's target, that brackets the end of the hinge: its slope is drawn to jump there."""
    parts = [torch.linspace(_LOW, _HIGH, _POINTS, dtype=torch.float64)]
    if s.goal < _HIGH:
        parts.append(torch.linspace(s.goal - _NEAR, min(s.goal + _NEAR, _HIGH), 17, dtype=torch.float64))
    if s.end < _HIGH:
        parts.append(torch.tensor([s.end - 1e-6, s.end, s.end + 1e-6], dtype=torch.float64))
    return torch.cat(parts).sort().values


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """A line as it is drawn: its columns, its point, and whether it may leave the plot."""

    entry: Entry
    columns: dict[str, Tensor]
    under: dict[str, float]

    @property
    def steep(self) -> bool:
        """IPO is in nats squared, and grows out of any plot that shows the others."""
        return self.entry.name == "ipo"


def _shown(line: Line, at: float, *, raw: bool) -> _Shown:
    pull = abs(line.start[1])
    fits = not raw and math.isfinite(pull) and pull > 0 and math.isfinite(line.start[0])
    less, unit = (line.start[0], pull) if fits else (0.0, 1.0)
    return _Shown(
        entry=line.entry,
        columns={"value": (line.value - less) / unit, "slope": line.slope / unit},
        under={"x": at, "value": (line.under[0] - less) / unit, "slope": line.under[1] / unit},
    )


def _signals(shown: list[_Shown]) -> dict[str, float]:
    signals = {"x_low": _LOW, "x_high": _HIGH}
    for quantity in ("value", "slope"):
        bound = [line for line in shown if not line.steep] or shown
        values = [v for line in bound for v in line.columns[quantity].tolist()]
        low, high = layout.axis(values)
        if quantity == "slope":
            high = max(high, -0.6 * low)  # room for what pulls back
        signals[f"{quantity}_low"], signals[f"{quantity}_high"] = low, high
    return signals


def _datasets(shown: list[_Shown], margins: Tensor, at: float, signals: dict[str, float]) -> dict[str, Columns]:
    below = shown[::-1]  # what was chosen first is drawn last, on top
    count = len(margins)
    ends: Columns = {"hue": [line.entry.hue for line in shown]}
    for quantity in ("value", "slope"):
        low, high = signals[f"{quantity}_low"], signals[f"{quantity}_high"]
        last = [_last(line.columns[quantity]) for line in shown]
        ends[f"{quantity}_label"] = layout.spread(last, low, high)
        if quantity == "value":
            ends["label"] = [
                line.entry.label + (" ↑" if end > high else "") for line, end in zip(shown, last, strict=True)
            ]
    curves: Columns = {
        "series": [line.entry.name for line in below for _ in range(count)],
        "hue": [line.entry.hue for line in below for _ in range(count)],
        "x": margins.repeat(len(below)).numpy(),
    }
    for quantity in ("value", "slope"):
        columns = [line.columns[quantity] for line in below]
        curves[quantity] = torch.cat(columns).numpy() if columns else []
    return {
        "curves": curves,
        "ends": ends,
        "cursor": {"x": [at]},
        "reading": {
            "series": [line.entry.name for line in shown],
            "hue": [line.entry.hue for line in shown],
            **{column: [line.under[column] for line in shown] for column in ("x", "value", "slope")},
        },
    }


def _last(column: Tensor) -> float:
    known = column[column.isfinite()]
    return known[-1].item() if len(known) else 0.0


def _rests(lines: list[Line], s: Setting) -> Columns:
    """Points on the zero line of the slopes, where a loss comes to rest."""
    known = [(s.rests(line.entry.name), line) for line in lines]
    found = [(line.turn if math.isinf(place) else place, line.entry.hue) for place, line in known]
    inside = [(place, hue) for place, hue in found if place < _HIGH]
    return {"x": [place for place, _ in inside], "slope": [0.0] * len(inside), "hue": [hue for _, hue in inside]}
