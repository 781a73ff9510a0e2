"""What a demonstration is, as data: declared parameters in; datasets, sentences and formatted numbers out.

Controls, URL state, validation, JSON, the Python snippet and the tests all come from here. Nothing in this module
imports torch, so that the server can speak before torch is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final

import orjson

from slopes._core.names import meant
from slopes.explorer.figures.mathml import mathml

Value = float | str | tuple[str, ...]
State = dict[str, Value]
Columns = dict[str, Any]  # lists, or NumPy vectors, all of one length

LONGEST_VALUE: Final = 400  # characters; a list of eight functions needs about 120


class StateError(ValueError):
    """A request that does not describe a state; its text is one sentence for the person who sent it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A demonstration's page, known before torch is.

    Attributes:
        id: Its name in URLs; its folder has underscores for the hyphens.
        short: What links call it.
        claim: Its title: what is to be seen.
        lead: One sentence under the title.
        plates: Name, caption and description of each chart; the description is for those who do not see it.
        wide: Whether each chart takes the whole measure.
        low: Names of the charts that half the height is enough for.
    """

    id: str
    short: str
    claim: str
    lead: str
    plates: tuple[tuple[str, str, str], ...]
    wide: bool = False
    low: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """The package of the demonstration."""
        return f"slopes.explorer.figures.{self.id.replace('-', '_')}"

    def charts(self, theme: str) -> dict[str, dict[str, Any]]:
        """Return the charts as Vega-Lite, by plate; they are declared without torch."""
        declared: dict[str, dict[str, Any]] = import_module(f"{self.folder}.charts").charts(theme)
        return declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number with a slider and a number field.

    Attributes:
        name: Its name in URLs and JSON.
        label: What a person calls it.
        low: Least value.
        high: Greatest value.
        step: Step of the slider; values between the steps are legal.
        default: Value where the URL says nothing.
        symbol: Its LaTeX, where it has one.
        unit: Its unit, where it has one.
        belongs_to: The options, of any choice, that show it; empty for one that is always shown.
        within: Two numbers, of the state or of the signals, that bound its slider now; the field keeps the whole range.
        more: Whether it waits under "more controls".
        log: Whether its slider moves in decades; the step is then a share of the range's decades.
        help: One sentence for those who wonder.
    """

    name: str
    label: str
    low: float
    high: float
    step: float
    default: float
    symbol: str = ""
    unit: str = ""
    belongs_to: tuple[str, ...] = ()
    within: tuple[str, str] | None = None
    more: bool = False
    log: bool = False
    help: str = ""

    def parse(self, text: str) -> float:
        """Return the number that `text` says; raise `StateError` where it says none within range."""
        try:
            value = float(text)
        except ValueError:
            msg = f"{self.name} must be a number, and {_shown(text)} is none; the default is {self.default:g}."
            raise StateError(msg) from None
        if not math.isfinite(value):
            msg = f"{self.name} must be a finite number, and {_shown(text)} is not; the default is {self.default:g}."
            raise StateError(msg)
        if not self.low <= value <= self.high:
            msg = f"{self.name} must lie between {self.low:g} and {self.high:g}; it was {value:g}."
            raise StateError(msg)
        return value

    def as_json(self) -> dict[str, Any]:
        """Return what a page needs to draw the control."""
        return {
            "kind": "number",
            "name": self.name,
            "label": self.label,
            "symbol": mathml(self.symbol) if self.symbol else "",
            "low": self.low,
            "high": self.high,
            "step": self.step,
            "default": self.default,
            "unit": self.unit,
            "belongsTo": list(self.belongs_to),
            "within": self.within,
            "more": self.more,
            "log": self.log,
            "help": self.help,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of the things that can be chosen; `hue` is its colour's place in the palette."""

    value: str
    label: str
    group: str = ""
    words: str = ""
    hue: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several options; `belongs_to` are the options, of any other choice, that show it, as of a number."""

    name: str
    label: str
    options: tuple[Option, ...]
    default: str
    belongs_to: tuple[str, ...] = ()
    more: bool = False
    help: str = ""

    def parse(self, text: str) -> str:
        """Return the option that `text` names; raise `StateError` where there is none."""
        values = [option.value for option in self.options]
        if text not in values:
            msg = f"{self.name} must be one of {', '.join(values)}; it was {_shown(text)}."
            raise StateError(msg)
        return text

    def as_json(self) -> dict[str, Any]:
        """Return what a page needs to draw the control."""
        return {
            "kind": "choice",
            "name": self.name,
            "label": self.label,
            "options": [_option(option) for option in self.options],
            "default": self.default,
            "belongsTo": list(self.belongs_to),
            "more": self.more,
            "help": self.help,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Several:
    """Some of the options, in the order chosen, at least one and at most `most`."""

    name: str
    label: str
    options: tuple[Option, ...]
    default: tuple[str, ...]
    most: int
    help: str = ""

    def parse(self, text: str) -> tuple[str, ...]:
        """Return the options that a comma-separated `text` names; raise `StateError` where one is not there."""
        names = tuple(text.split(","))
        known = {option.value for option in self.options}
        for name in names:
            if name not in known:
                msg = f"{self.name} has no option {_shown(name)}; {meant(name, sorted(known))}"
                raise StateError(msg)
        if len(set(names)) != len(names):
            msg = f"{self.name} names the same option twice; once is enough."
            raise StateError(msg)
        if len(names) > self.most:
            msg = f"{self.name} takes at most {self.most} options; it was given {len(names)}: leave some out."
            raise StateError(msg)
        return names

    def as_json(self) -> dict[str, Any]:
        """Return what a page needs to draw the control."""
        return {
            "kind": "several",
            "name": self.name,
            "label": self.label,
            "options": [_option(option) for option in self.options],
            "default": list(self.default),
            "most": self.most,
            "help": self.help,
        }


Parameter = Number | Choice | Several


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A state worth seeing, and why."""

    label: str
    state: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A point of a chart that can be dragged, and moved with the arrow keys: two numbers of the state.

    Attributes:
        chart: The plate it lies on.
        x: The parameter that is its place along x.
        y: The parameter that is its place along y; empty where it moves along x only.
        label: What it is called.
        hue: Its colour's place in the palette.
    """

    chart: str
    x: str
    y: str = ""
    label: str
    hue: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Formatted text in rows and columns, the first column heading the rows; `hues` are the rows' colours.

    `fill` makes the rows of a long table, which takes longer than the figure, only when it is looked at.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = ()
    hues: tuple[int | None, ...] = ()
    note: str = ""
    fill: Callable[[], tuple[tuple[str, ...], ...]] | None = None

    def as_json(self, *, whole: bool = True) -> dict[str, Any]:
        """Return the table as lists, without the rows that nobody looks at."""
        rows = self.rows if self.fill is None else self.fill() if whole else ()
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [list(r) for r in rows],
            "hues": list(self.hues),
            "note": self.note,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A figure or a claim that is in circulation and does not hold, and what does."""

    stated: str
    holds: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that could not be drawn: what, why, and the traceback of the user's own code where it was that."""

    title: str
    text: str
    traceback: str = ""

    @classmethod
    def of(cls, title: str, error: Exception) -> Problem:
        """Return what an error says; one of the user's own function carries its traceback."""
        return cls(title=title, text=str(error), traceback=getattr(error, "traceback", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A formula as MathML, and whose it is; `hue` is the colour of what it draws."""

    label: str
    mathml: str
    hue: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """All that a page shows of one state.

    Attributes:
        datasets: Columns by dataset name, raw numbers for the charts.
        signals: Numbers that the charts take, such as the ends of an axis.
        reading: One sentence on what is to be seen now.
        readings: The numbers under the cursor.
        tables: What was measured, and the data of the charts.
        formulas: The formulas with the present numbers put in.
        snippet: Python that gives the same numbers.
        printed: The numbers that the snippet prints, in order.
        corrections: What is told otherwise elsewhere.
        after: The state after one step, for a demonstration that moves.
        linked: Numbers of the state that say the same in another unit; the page takes them over.
        problems: What could not be drawn.
        pending: Whether asking again in a moment would tell more.
    """

    datasets: dict[str, Columns]
    signals: dict[str, float] = field(default_factory=dict)
    reading: str
    readings: Table
    tables: tuple[Table, ...] = ()
    formulas: tuple[Formula, ...] = ()
    snippet: str = ""
    printed: tuple[float, ...] = ()
    corrections: tuple[Correction, ...] = ()
    after: State | None = None
    linked: State = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    pending: bool = False

    def as_json(self, tables: Collection[int] | None = None) -> dict[str, Any]:
        """Return plain data, with the rows of these long tables only; `encode` makes JSON of it."""
        return {
            "datasets": {
                name: {column: _single(values) for column, values in columns.items()}
                for name, columns in self.datasets.items()
            },
            "signals": self.signals,
            "reading": self.reading,
            "readings": self.readings.as_json(),
            "tables": [
                table.as_json(whole=tables is None or place in tables) for place, table in enumerate(self.tables)
            ],
            "formulas": [{"label": f.label, "mathml": f.mathml, "hue": f.hue} for f in self.formulas],
            "snippet": self.snippet,
            "corrections": [{"stated": c.stated, "holds": c.holds} for c in self.corrections],
            "after": None if self.after is None else state_json(self.after),
            "linked": state_json(self.linked),
            "problems": [{"title": p.title, "text": p.text, "traceback": p.traceback} for p in self.problems],
            "pending": self.pending,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A demonstration.

    Attributes:
        id: Its name in URLs.
        parameters: What can be changed.
        presets: States worth seeing.
        compute: The pure function from a state to what the page shows.
        cursor: The number that moves with the pointer over the charts, where there is one; of several the first
            whose control is shown.
        cursor_on: The plates whose x it is; empty for all.
        handles: The points that can be dragged.
        steps: What one step is called, where the demonstration moves; the button says so.
        check: Raises `StateError` where values that are legal alone do not fit together.
    """

    id: str
    parameters: tuple[Parameter, ...]
    presets: tuple[Preset, ...]
    compute: Callable[[State], Result]
    cursor: str | tuple[str, ...] | None = None
    cursor_on: tuple[str, ...] = ()
    handles: tuple[Handle, ...] = ()
    steps: str = ""
    check: Callable[[State], None] = lambda _: None

    def default(self) -> State:
        """Return the state of a URL that says nothing."""
        return {parameter.name: parameter.default for parameter in self.parameters}

    def parse(self, pairs: Sequence[tuple[str, str]]) -> State:
        """Return the state that the pairs of a query describe; what they leave out has its default.

        Raises:
            StateError: A parameter is unknown, repeated, empty, over-long, of the wrong kind or out of range.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        state = self.default()
        seen: set[str] = set()
        for name, text in pairs:
            if name not in known:
                msg = f"There is no parameter {_shown(name)}; {meant(name, known)}"
                raise StateError(msg)
            if name in seen:
                msg = f"{name} is given more than once; once is enough."
                raise StateError(msg)
            seen.add(name)
            if not text:
                msg = f"{name} has no value; give one, or leave it out."
                raise StateError(msg)
            if len(text) > LONGEST_VALUE:
                msg = f"{name} is {len(text)} characters long; {LONGEST_VALUE} is the most; leave some of it out."
                raise StateError(msg)
            state[name] = known[name].parse(text)
        self.check(state)
        return state

    def schema(self) -> dict[str, Any]:
        """Return what a page needs to draw the controls."""
        return {
            "id": self.id,
            "parameters": [parameter.as_json() for parameter in self.parameters],
            "presets": [
                {"label": preset.label, "state": {k: _plain(v) for k, v in preset.state.items()}}
                for preset in self.presets
            ],
            "cursor": self.cursor,
            "cursorOn": list(self.cursor_on),
            "handles": [{"chart": h.chart, "x": h.x, "y": h.y, "label": h.label, "hue": h.hue} for h in self.handles],
            "steps": self.steps,
        }


def check_range(state: State, narrowest: float) -> None:
    """Refuse a state whose numbers `from` and `to` do not lie so far apart, in that order."""
    low, high = real(state, "from"), real(state, "to")
    if high - low < narrowest * (1 - 1e-9):
        text = f"from must be less than to by {narrowest:g} at least; they were {low:g} and {high:g}."
        raise StateError(text)


def real(state: State, name: str) -> float:
    """Return the number of this name."""
    value = state[name]
    if not isinstance(value, float):
        text = f"{name} is {type(value).__name__}, not a number"
        raise TypeError(text)
    return value


def word(state: State, name: str) -> str:
    """Return the option that is chosen under this name."""
    value = state[name]
    if not isinstance(value, str):
        text = f"{name} is {type(value).__name__}, not a word"
        raise TypeError(text)
    return value


def words(state: State, name: str) -> tuple[str, ...]:
    """Return the options that are chosen under this name."""
    value = state[name]
    if not isinstance(value, tuple):
        text = f"{name} is {type(value).__name__}, not several words"
        raise TypeError(text)
    return value


def state_json(state: State) -> dict[str, Any]:
    """Return a state as plain data."""
    return {name: _plain(value) for name, value in state.items()}


def query(state: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Return the pairs that say this state in a URL."""
    return [(name, ",".join(v) if isinstance(v, tuple) else _number(v)) for name, v in state.items()]


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value!r}"


def _plain(value: Value) -> float | str | list[str]:
    return list(value) if isinstance(value, tuple) else value


def _option(option: Option) -> dict[str, Any]:
    return {
        "value": option.value,
        "label": option.label,
        "group": option.group,
        "words": option.words,
        "hue": option.hue,
    }


def _single(values: Any) -> Any:  # noqa: ANN401  a list, or a NumPy vector
    """Return a vector in single precision, which is more than a screen shows and half as long to send."""
    return values.astype("float32") if getattr(values, "dtype", None) == "float64" else values


def encode(data: object) -> bytes:
    """Return JSON; what is not finite becomes null, because JSON has no word for it."""
    return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)


def _shown(text: str) -> str:
    """What somebody sent, quoted, short, and harmless to print."""
    short = text if len(text) <= 40 else text[:40] + "…"  # noqa: PLR2004  about what a sentence can bear
    return f"'{''.join(c if c.isprintable() else '?' for c in short)}'"
