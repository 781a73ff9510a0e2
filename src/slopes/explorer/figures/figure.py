"""A figure: declared parameters in; datasets, sentences and formatted numbers out.

Controls, URL state, validation, JSON, the Python snippet and the tests all come from what a figure declares. Neither
this module nor those beside it that it reads (`page`, `parameters`, `state`, `result`) import torch, so that the
server can speak before torch is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from slopes._core.names import meant, near
from slopes.explorer.figures.parameters import Parameter
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.state import State, StateError, Value, plain, quoted

LONGEST_VALUE: Final = 400  # characters; a list of eight functions needs about 120


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
class Figure:
    """A figure: what can be changed, and the pure function from that to what is shown.

    Attributes:
        id: Its name in URLs.
        parameters: What can be changed.
        presets: States worth seeing.
        compute: The pure function from a state to what the page shows.
        cursor: The number that moves with the pointer over the charts, where there is one; of several the first
            whose control is shown.
        cursor_on: The plates whose x it is; empty for all.
        handles: The points that can be dragged.
        steps: What one step is called, where the figure moves; the button says so.
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

        Names that are none of ours are left alone, unless one of ours is meant.

        Raises:
            StateError: A parameter is misspelt, repeated, empty, over-long, of the wrong kind or out of range.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        state = self.default()
        seen: set[str] = set()
        for name, text in pairs:
            if name not in known:
                if not near(name, known):
                    continue  # others append to a link what is not for us (utm_source)
                msg = f"There is no parameter {quoted(name)}; {meant(name, known)}"
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
                {"label": preset.label, "state": {k: plain(v) for k, v in preset.state.items()}}
                for preset in self.presets
            ],
            "cursor": self.cursor,
            "cursorOn": list(self.cursor_on),
            "handles": [{"chart": h.chart, "x": h.x, "y": h.y, "label": h.label, "hue": h.hue} for h in self.handles],
            "steps": self.steps,
        }
