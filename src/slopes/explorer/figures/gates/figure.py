"""Gated units over their gate, at a value, and the feed-forward block at equal parameters."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.gates.text import corrections, formulas, halves, reading, short, snippet, whole
from slopes.explorer.figures.gates.units import POINTS, REACH, UNITS, At, Block, at, blocks, curves, gates
from slopes.explorer.figures.parameters import Choice, Number, Option, Several
from slopes.explorer.figures.result import Columns, Result, Table
from slopes.explorer.figures.state import State, real, word, words
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

_QUANTITIES: Final = ("output", "by_gate", "by_value")
_HUES: Final = (palette.BLUE, palette.ORANGE, palette.GREEN)  # of the blocks
_TOP: Final = 1.75  # of the bars' axis, so that 1.5 has room for what it says
_WIDTHS: Final = (512, 768, 1024, 2048, 4096, 8192)  # of the table

_PICKED: Final = Several(
    name="units",
    label="Units",
    options=tuple(Option(value=u.name, label=u.label, group="gated units", hue=u.hue) for u in UNITS.values()),
    default=("swiglu", "glu", "bilinear"),
    most=len(UNITS),
    help="The first one is read out.",
)
_GATE: Final = Number(
    name="gate",
    label="Gate",
    symbol="a",
    low=-REACH,
    high=REACH,
    step=0.01,
    default=1.5,
    help="The half that is activated; it also follows the pointer.",
)
_VALUE: Final = Number(
    name="value",
    label="Value",
    symbol="b",
    low=-4.0,
    high=4.0,
    step=0.05,
    default=2.0,
    help="The half that is not activated.",
)
_WIDTH: Final = Number(
    name="d",
    label="Width of the model",
    symbol="d",
    low=64.0,
    high=8192.0,
    step=64.0,
    default=4096.0,
    help="The blocks take and give vectors of this size.",
)
_MULTIPLE: Final = Choice(
    name="multiple",
    label="Hidden width a multiple of",
    options=tuple(Option(value=str(of), label=str(of)) for of in (1, 8, 64, 256)),
    default="256",
    help="2/3 of 4d is rounded to it; LLaMA's are multiples of 256.",
)
_PRESETS: Final = (
    Preset(label="SwiGLU, as in LLaMA", state={}),
    Preset(label="A gate that is shut", state={"gate": -4.5}),
    Preset(label="A gate of 0", state={"gate": 0.0, "units": ("glu", "swiglu", "reglu")}),
    Preset(label="A value of 0", state={"value": 0.0}),
    Preset(label="GeGLU dips below 0", state={"gate": -0.75, "units": ("geglu", "reglu", "swiglu")}),
    Preset(label="A small block", state={"d": 512.0, "multiple": "8", "units": ("glu", "bilinear")}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="gates",
        parameters=(_PICKED, _GATE, _VALUE, _WIDTH, _MULTIPLE),
        presets=_PRESETS,
        compute=_compute,
        cursor="gate",
        cursor_on=("units", "by_gate", "by_value"),
    )


def _compute(state: State) -> Result:
    gate, value = real(state, "gate"), real(state, "value")
    names = words(state, "units")
    now = [at(UNITS[name], gate, value) for name in names]
    width, multiple = round(real(state, "d")), int(word(state, "multiple"))
    made = blocks(width, multiple)
    plain, _, narrow = made
    datasets, signals = _over_gates(now, gate, value)
    first = now[0]
    return Result(
        datasets={**datasets, "blocks": _bars(made)},
        signals={"a_low": -REACH, "a_high": REACH, "share_low": 0.0, "share_high": _TOP, **signals},
        reading=reading(first, gate, value, narrow, plain),
        readings=_readings(now, gate, value),
        tables=(_equal(width, multiple, made), halves(), _data(now, value)),
        formulas=formulas(first, gate, value),
        snippet=snippet(first, gate, value, width, multiple),
        printed=(first.output, first.by_gate, first.by_value, float(narrow.hidden), float(narrow.parameters)),
        corrections=corrections(),
    )


def _over_gates(now: list[At], gate: float, value: float) -> tuple[dict[str, Columns], dict[str, float]]:
    found = [(one.unit, curves(one.unit.name, value)) for one in now]
    drawn = found[::-1]  # what was chosen first is drawn last, on top
    lines: Columns = {
        "series": [unit.name for unit, _ in drawn for _ in range(POINTS)],
        "hue": [unit.hue for unit, _ in drawn for _ in range(POINTS)],
        "a": gates().repeat(len(drawn)).numpy(),
    }
    dots: Columns = {"a": [gate] * len(now), "hue": [one.unit.hue for one in now]}
    ends: Columns = {"label": [unit.label for unit, _ in found], "hue": [unit.hue for unit, _ in found]}
    signals: dict[str, float] = {}
    for place, quantity in enumerate(_QUANTITIES):
        parts = [lines_of[place] for _, lines_of in drawn]
        lines[quantity] = [v for part in parts for v in part.tolist()]
        dots[quantity] = [getattr(one, quantity) for one in now]
        low, high = layout.axis([v for part in parts for v in (part.min().item(), part.max().item())])
        last = [lines_of[place][-1].item() for _, lines_of in found]
        ends[f"{quantity}_label"] = layout.spread(last, low, high)
        signals |= {f"{quantity}_low": low, f"{quantity}_high": high}
    return {"curves": lines, "reading": dots, "ends": ends, "cursor": {"a": [gate]}}, signals


def _bars(made: tuple[Block, ...]) -> Columns:
    return {
        "label": [block.label for block in made],
        "hue": list(_HUES),
        "share": [block.parameters / made[0].parameters for block in made],
        "said": [short(block.parameters) for block in made],
    }


def _readings(now: list[At], gate: float, value: float) -> Table:
    rows = tuple(
        (one.unit.label, number(one.output, 5), number(one.by_gate, 5), number(one.by_value, 5)) for one in now
    )
    return Table(
        title=f"At gate {number(gate, 4)} and value {number(value, 4)}",
        columns=("", "output", "slope by the gate", "slope by the value"),
        rows=rows,
        hues=tuple(one.unit.hue for one in now),
    )


def _equal(width: int, multiple: int, made: tuple[Block, Block, Block]) -> Table:
    others = [of for of in _WIDTHS if of != width]
    rows = [_row(width, made), *(_row(of, blocks(of, multiple)) for of in others)]
    return Table(
        title="The block at equal parameters",
        columns=("d", "plain, 4d wide", "its parameters", "gated, 8d/3 wide", "its parameters", "gated / plain"),
        rows=tuple(rows),
        note="Two matrices of d · 4d against three of d · 8d/3, without biases; the gated ones are counted in the "
        f"library's GatedFFN, its hidden width a multiple of {multiple}.",
    )


def _row(width: int, made: tuple[Block, Block, Block]) -> tuple[str, ...]:
    plain, _, narrow = made
    ratio = number(narrow.parameters / plain.parameters, 4)
    shown = (width, plain.hidden, plain.parameters, narrow.hidden, narrow.parameters)
    return (*(whole(count) for count in shown), ratio)


def _data(now: list[At], value: float) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        parts = [part for one in now for part in curves(one.unit.name, value)]
        return tuple(
            (number(a, 4), *(number(part[i].item(), 5) for part in parts))
            for i, a in list(enumerate(gates().tolist()))[::5]
        )

    heads = tuple(f"{one.unit.label}, {what}" for one in now for what in ("output", "by the gate", "by the value"))
    return Table(title="Data of the charts", columns=("gate", *heads), fill=rows)
