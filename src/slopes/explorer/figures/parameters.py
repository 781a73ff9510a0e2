"""What can be changed of a figure: numbers, and options to choose from. Each parses what an address says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from slopes._core.names import meant
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.state import StateError, quoted

_LEAST: Final = 2.0**-126  # below it float32 loses digits, and the library refuses an option


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
            msg = f"{self.name} must be a number, and {quoted(text)} is none; the default is {self.default:g}."
            raise StateError(msg) from None
        if not math.isfinite(value) or 0 < abs(value) < _LEAST:
            said = "a finite number that float32 holds"
            msg = f"{self.name} must be {said}, and {quoted(text)} is not; the default is {self.default:g}."
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
            msg = f"{self.name} must be one of {', '.join(values)}; it was {quoted(text)}."
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
                msg = f"{self.name} has no option {quoted(name)}; {meant(name, sorted(known))}"
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


def _option(option: Option) -> dict[str, Any]:
    return {
        "value": option.value,
        "label": option.label,
        "group": option.group,
        "words": option.words,
        "hue": option.hue,
    }
