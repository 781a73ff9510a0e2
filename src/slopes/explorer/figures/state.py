"""The state of a figure: its values, what says them in an address, and what refuses one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = float | str | tuple[str, ...]
State = dict[str, Value]


class StateError(ValueError):
    """A request that does not describe a state; its text is one sentence for the person who sent it."""


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
    return {name: plain(value) for name, value in state.items()}


def query(state: Mapping[str, Value]) -> list[tuple[str, str]]:
    """Return the pairs that say this state in a URL."""
    return [(name, ",".join(v) if isinstance(v, tuple) else _number(v)) for name, v in state.items()]


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value!r}"


def plain(value: Value) -> float | str | list[str]:
    """Return a value as JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def quoted(text: str) -> str:
    """What somebody sent, quoted, short, and harmless to print."""
    short = text if len(text) <= 40 else text[:40] + "…"  # noqa: PLR2004  about what a sentence can bear
    return f"'{''.join(c if c.isprintable() else '?' for c in short)}'"
