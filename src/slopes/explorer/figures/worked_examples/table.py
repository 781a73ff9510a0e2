"""The figures as the notes state them, read from `examples.toml`, and how far rounding may take a figure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Final

FAILING: Final = "failing"
ALL: Final = "all"
# Those that say what they have in common first, then the topics in the order of the page.
TOPICS: Final = {
    FAILING: "The eight that do not hold",
    "activations": "Activations",
    "softmax": "Softmax",
    "regression": "Regression",
    "label": "Classification, one label",
    "classes": "Classification, several classes",
    "divergences": "Divergences",
    "embeddings": "Embeddings",
    "language": "Language and preference",
    ALL: "All sixty-three",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A figure as a note states it; the fields are those of `examples.toml`."""

    id: str
    topic: str
    note: str
    label: str
    what: str
    stated: tuple[str, ...]
    holds: bool
    latex: str
    parts: tuple[str, ...] = ()
    why: str = ""

    @property
    def room(self) -> tuple[float, ...]:
        """Half a unit of the last place of each stated number: the most that rounding can take it from the exact."""
        return tuple(float(_place(stated) / 2) for stated in self.stated)


@cache
def rows() -> tuple[Row, ...]:
    """Return all figures, in the order of the topics."""
    text = (files(__package__) / "examples.toml").read_text("utf-8")
    return tuple(Row(**{name: _frozen(value) for name, value in row.items()}) for row in tomllib.loads(text)["figure"])


@cache
def of_topic(topic: str) -> tuple[Row, ...]:
    """Return the figures of a topic, those that do not hold, or all of them."""
    if topic == ALL:
        return rows()
    return tuple(row for row in rows() if (not row.holds if topic == FAILING else row.topic == topic))


def _frozen(value: Any) -> Any:  # noqa: ANN401  what TOML holds
    return tuple(value) if isinstance(value, list) else value


def _place(stated: str) -> Decimal:
    """Return the unit of the last place that a stated number shows; zeros that end a whole number are no places."""
    if "." in stated:
        return Decimal(1).scaleb(-len(stated.partition(".")[2]))
    return Decimal(1).scaleb(len(stated) - len(stated.rstrip("0")))
