"""What a figure shows of one state, as data: columns, sentences, tables, formulas, and what could not be drawn."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import orjson

from slopes.explorer.figures.state import State, state_json

Columns = dict[str, Any]  # lists, or NumPy vectors, all of one length


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
        after: The state after one step, for a figure that moves.
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


def _single(values: Any) -> Any:  # noqa: ANN401  a list, or a NumPy vector
    """Return a vector in single precision, which is more than a screen shows and half as long to send."""
    return values.astype("float32") if getattr(values, "dtype", None) == "float64" else values


def encode(data: object) -> bytes:
    """Return JSON; what is not finite becomes null, because JSON has no word for it."""
    return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)
