"""The first figure: any activation with its slope, several at once, and what they are like, measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from slopes._core.errors import UserFunctionError
from slopes.explorer.figures.activations.entries import YOURS, Drawn, Entry, entries, measured, numbers
from slopes.explorer.figures.activations.text import describe, gap, reading, snippet
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.figure import Figure, Preset
from slopes.explorer.figures.mathml import mathml, with_numbers
from slopes.explorer.figures.parameters import Choice, Number, Option, Several
from slopes.explorer.figures.result import Columns, Formula, Problem, Result, Table
from slopes.explorer.figures.state import State, check_range, real
from slopes.explorer.figures.wording import latex_number, number
from slopes.shown import layout, sampled
from slopes.shown.breaks import Break

MOST: Final = 8  # as many as there are hues
_WIDEST: Final = 100.0
_NARROWEST: Final = 0.1
_ROWS: Final = 49  # of the table of data

_AT: Final = Number(
    name="at",
    label="Read at",
    symbol="x",
    low=-_WIDEST,
    high=_WIDEST,
    step=0.01,
    default=-2.0,
    within=("from", "to"),
    help="Where the crosshair reads value and slope; it also follows the pointer over the charts.",
)
_LOW: Final = Number(name="from", label="x from", low=-_WIDEST, high=_WIDEST, step=0.5, default=-6.0, more=True)
_HIGH: Final = Number(name="to", label="x to", low=-_WIDEST, high=_WIDEST, step=0.5, default=6.0, more=True)
_SHOW: Final = Choice(
    name="show",
    label="Show",
    options=(
        Option(value="curves", label="the curves"),
        Option(value="difference", label="the difference from the first"),
    ),
    default="curves",
    more=True,
)


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """What stays the same from request to request."""

    entries: Mapping[str, Entry]
    numbers: tuple[Number, ...]
    costs: Costs
    problems: tuple[Problem, ...]


def build(context: Context) -> Figure:
    """Return the figure over the elementwise activations, with the visitor's own where there is one."""
    found = entries(context.catalog, context.activation, context.activation_from)
    by_name = {entry.name: entry for entry in found}
    controls = numbers(found)
    setting = _Setting(entries=by_name, numbers=controls, costs=context.costs, problems=context.problems)
    default = (YOURS, "gelu", "relu") if context.activation else ("relu", "sigmoid", "tanh", "gelu")
    picked = Several(
        name="functions",
        label="Functions",
        options=tuple(entry.option() for entry in found),
        default=tuple(name for name in default if name in by_name) or (found[0].name,),
        most=MOST,
    )
    return Figure(
        id="activations",
        parameters=(picked, _AT, *controls, _LOW, _HIGH, _SHOW),
        presets=tuple(preset for preset in _PRESETS if _offered(preset, by_name)),
        compute=lambda state: _compute(state, setting),
        cursor=_AT.name,
        check=lambda state: check_range(state, _NARROWEST),
    )


_PRESETS: Final = (
    Preset(
        label="Saturation",
        state={"functions": ("sigmoid", "tanh", "relu"), "at": 10.0, "from": -12.0, "to": 12.0},
    ),
    Preset(label="Dying ReLU", state={"functions": ("relu", "leaky_relu", "elu"), "at": -3.0}),
    Preset(
        label="The dip",
        state={"functions": ("gelu", "swish", "mish"), "at": -1.0, "from": -5.0, "to": 1.5},
    ),
    Preset(
        label="GELU against its tanh form",
        state={"functions": ("gelu", "gelu.tanh"), "at": 2.2, "show": "difference"},
    ),
    Preset(label="Swish turns into ReLU", state={"functions": ("relu", "swish"), "at": -0.5, "swish.beta": 5.0}),
)


def _offered(preset: Preset, by_name: Mapping[str, Entry]) -> bool:
    names = preset.state["functions"]
    return isinstance(names, tuple) and all(name in by_name for name in names)


def _compute(state: State, setting: _Setting) -> Result:
    at = real(state, "at")
    drawn, problems = _draw(state, setting)
    difference = state["show"] == "difference" and len(drawn) > 1
    shown = _differences(drawn, state) if difference else drawn
    signals = _signals(shown, state)
    return Result(
        datasets=_datasets(shown, at, signals, less=drawn[0].entry.label if difference else ""),
        signals=signals,
        reading=gap(at, shown) if difference else reading(at, drawn),
        readings=_readings(at, shown, difference=difference),
        tables=(_properties(drawn, setting.costs), _data(shown)),
        formulas=tuple(formula for d in drawn for formula in _formulas(d)),
        snippet=snippet(at, drawn),
        problems=tuple(problems),
        pending=any(d.entry.name in setting.costs.waiting for d in drawn),
    )


def _draw(state: State, setting: _Setting) -> tuple[list[Drawn], list[Problem]]:
    drawn, problems = [], list(setting.problems)
    names = state["functions"]
    for name in names if isinstance(names, tuple) else ():
        entry = setting.entries[name]
        options = entry.options(setting.numbers, state)
        series = entry.series(options)
        try:
            found = measured(series)
            curve = sampled.columns(series, real(state, "from"), real(state, "to"), found.breaks)
            under = sampled.at_point(series, real(state, "at"))
        except UserFunctionError as error:
            problems.append(Problem.of(f"{entry.label} could not be drawn", error))
            continue
        drawn.append(Drawn(entry=entry, series=series, options=options, measured=found, curve=curve, under=under))
    return drawn, problems


def _differences(drawn: list[Drawn], state: State) -> list[Drawn]:
    """Each line minus the first, on one grid that brackets everybody's breaks."""
    breaks: dict[float, Break] = {found.at: found for d in drawn for found in d.measured.breaks}
    together = tuple(breaks[at] for at in sorted(breaks))
    lines = [sampled.columns(d.series, real(state, "from"), real(state, "to"), together) for d in drawn]

    def less(line: dict[str, list[float | None]], quantity: str) -> list[float | None]:
        pairs = zip(line[quantity], lines[0][quantity], strict=True)
        return [None if v is None or w is None else v - w for v, w in pairs]

    value, slope = drawn[0].under
    return [
        replace(
            d,
            curve={"x": line["x"], "value": less(line, "value"), "slope": less(line, "slope")},
            under=(d.under[0] - value, d.under[1] - slope),
        )
        for d, line in zip(drawn, lines, strict=True)
    ]


def _signals(shown: list[Drawn], state: State) -> dict[str, float]:
    signals = {"x_low": real(state, "from"), "x_high": real(state, "to")}
    for quantity in ("value", "slope"):
        low, high = layout.axis([v for d in shown for v in d.curve[quantity]])
        signals[f"{quantity}_low"], signals[f"{quantity}_high"] = low, high
    return signals


def _datasets(shown: list[Drawn], at: float, signals: dict[str, float], *, less: str) -> dict[str, Columns]:
    below = shown[::-1]  # what was chosen first is drawn last, on top
    lengths = [len(d.curve["x"]) for d in below]
    ends: Columns = {"label": [d.entry.label for d in shown], "hue": [d.entry.hue for d in shown]}
    for quantity in ("value", "slope"):
        low, high = signals[f"{quantity}_low"], signals[f"{quantity}_high"]
        last = [next((v for v in reversed(d.curve[quantity]) if v is not None), 0.0) for d in shown]
        ends[f"{quantity}_label"] = layout.spread(last, low, high)
    return {
        "curves": {
            "series": [d.entry.name for d, n in zip(below, lengths, strict=True) for _ in range(n)],
            "hue": [d.entry.hue for d, n in zip(below, lengths, strict=True) for _ in range(n)],
            **{column: sampled.joined(d.curve[column] for d in below) for column in ("x", "value", "slope")},
        },
        "ends": ends,
        "cursor": {"x": [at]},
        "note": {"label": [f"less {less}’s"] if less else []},
        "reading": {
            "series": [d.entry.name for d in shown],
            "hue": [d.entry.hue for d in shown],
            "x": [at for _ in shown],
            "value": [d.under[0] for d in shown],
            "slope": [d.under[1] for d in shown],
        },
    }


def _readings(at: float, shown: list[Drawn], *, difference: bool) -> Table:
    rows = [[d.entry.label, number(d.under[0], 6), number(d.under[1], 6)] for d in shown]
    columns = ["", "value", "slope"]
    if difference:
        columns = ["", "value, less the first's", "slope, less the first's"]
    else:
        columns.append("slope, ten layers")
        for row, d in zip(rows, shown, strict=True):
            row.append(number(d.under[1] ** 10, 3))
    hues = tuple(d.entry.hue for d in shown)
    return Table(title=f"At x = {number(at, 6)}", columns=tuple(columns), rows=tuple(map(tuple, rows)), hues=hues)


def _properties(drawn: list[Drawn], costs: Costs) -> Table:
    described = [describe(d.measured, costs.text(d.entry.name)) for d in drawn]
    rows = tuple((head, *(words[head] for words in described)) for head in (described[0] if described else ()))
    note = "Found by evaluating each function in float64 from −50 to 50, out to ±10³⁰⁰ and at ±∞. The cost is of one "
    note += "forward and backward pass over 2¹⁸ float32 numbers, timed on this machine in turns with ReLU."
    return Table(title="Measured", columns=("", *(d.entry.label for d in drawn)), rows=rows, note=note)


def _data(shown: list[Drawn]) -> Table:
    """About fifty of the charts' own points."""
    heads = ["x"]
    for d in shown:
        heads += [d.entry.label, f"{d.entry.label}, slope"]
    return Table(title="Data of the charts", columns=tuple(heads), fill=lambda: _points(shown))


def _points(shown: list[Drawn]) -> tuple[tuple[str, ...], ...]:
    if not shown:
        return ()
    places = [{x: i for i, x in enumerate(d.curve["x"])} for d in shown]
    low, high = shown[0].curve["x"][0], shown[0].curve["x"][-1]
    rows = []
    for x in sampled.thinned(low or 0.0, high or 0.0, _ROWS):
        if all(x in place for place in places):
            cells = [d.curve[q][place[x]] for d, place in zip(shown, places, strict=True) for q in ("value", "slope")]
            rows.append((number(x, 6), *("jump" if cell is None else number(cell, 6) for cell in cells)))
    return tuple(rows)


def _formulas(d: Drawn) -> list[Formula]:
    spec = d.entry.spec
    if spec is None or d.entry.chosen:
        return []  # a choice has another formula than the one that the catalogue gives
    present = {p.latex: d.options.get(p.name, p.default) for p in spec.parameters if p.latex}
    said = {symbol: latex_number(float(v)) for symbol, v in present.items() if isinstance(v, float | int)}
    return [
        Formula(label=d.entry.label, mathml=mathml(with_numbers(latex, said)), hue=d.entry.hue)
        for latex in (spec.formula, spec.slope)
        if latex
    ]
