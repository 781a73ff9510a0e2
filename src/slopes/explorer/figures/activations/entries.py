"""What the activations figure can draw: catalogued functions, their choices, and the visitor's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from torch import Tensor

from slopes._core.spec import Spec
from slopes.explorer.figures.activations.measured import Measured, measure
from slopes.explorer.figures.parameters import Number, Option
from slopes.explorer.figures.state import State
from slopes.explorer.yours.guarded import Guarded
from slopes.shown import palette
from slopes.shown.curve import Series, bound, from_spec

YOURS: Final = "yours"
_LONGEST_LABEL: Final = 14  # characters that fit beside a chart


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that can be drawn: a catalogued function, perhaps with a choice made, or the visitor's own."""

    name: str
    label: str
    group: str
    hue: int
    spec: Spec | None = None
    chosen: tuple[tuple[str, str], ...] = ()
    guarded: Guarded | None = None
    reference: str = ""

    def option(self) -> Option:
        """Return what a picker shows."""
        words = "your own function"
        if self.spec:
            chosen = [value for _, value in self.chosen]
            words = " ".join([self.spec.name, self.spec.title, *self.spec.aliases, *chosen])
        return Option(value=self.name, label=self.label, group=self.group, words=words, hue=self.hue)

    def options(self, numbers: Sequence[Number], state: State) -> dict[str, float | str]:
        """Return the function's options in a state."""
        owned = {n.name.partition(".")[2]: state[n.name] for n in numbers if self.name in n.belongs_to}
        return {**{name: v for name, v in owned.items() if not isinstance(v, tuple)}, **dict(self.chosen)}

    def function(self) -> Callable[[Tensor], Tensor]:
        """Return the catalogued function with its default numbers and the choice made."""
        if self.spec is None:
            text = f"{self.name} is in no catalogue"
            raise ValueError(text)
        plain = {p.name: p.default for p in self.spec.parameters if p.default is not None}
        return bound(self.spec, {**plain, **dict(self.chosen)})

    def series(self, options: dict[str, float | str]) -> Series:
        """Return the line with these options."""
        if self.spec is not None:
            return from_spec(self.spec, options, name=self.name, label=self.label, hue=self.hue)
        if self.guarded is None:
            text = f"{self.name} has neither a spec nor a function"
            raise ValueError(text)
        key = f"yours {id(self.guarded)}"
        return Series(key=key, name=self.name, label=self.label, hue=self.hue, evaluate=self.guarded)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A line that could be evaluated: its numbers over x, and value and slope under the cursor."""

    entry: Entry
    series: Series
    options: dict[str, float | str]
    measured: Measured
    curve: dict[str, list[float | None]]
    under: tuple[float, float]


@lru_cache(maxsize=512)
def measured(series: Series) -> Measured:
    """Return what a line is like; equal lines are measured once."""
    return measure(series.evaluate)


def entries(catalog: Sequence[Spec], yours: Guarded | None, reference: str) -> list[Entry]:
    """Return what can be drawn: the visitor's own function first, then the catalogue in its order.

    Args:
        catalog: The specs; those of elementwise activations are taken, each choice but the default as its own line.
        yours: The visitor's function under guard.
        reference: Where it was loaded from.
    """
    found = []
    if yours:
        own = Entry(name=YOURS, label=yours.name, group="yours", hue=palette.YOURS, guarded=yours, reference=reference)
        found.append(own)
    for spec in catalog:
        if spec.kind != "activation" or not spec.elementwise:
            continue
        label = spec.title if len(spec.title) <= _LONGEST_LABEL else spec.name.replace("_", " ")
        hue = palette.hue(spec.name)
        found.append(Entry(name=spec.name, label=label, group=spec.family, hue=hue, spec=spec))
        for option, choice in choices(spec):
            name = f"{spec.name}.{choice}"
            found.append(
                Entry(
                    name=name,
                    label=f"{label} ({choice})",
                    group=spec.family,
                    hue=palette.hue(name),
                    spec=spec,
                    chosen=((option, choice),),
                )
            )
    return found


def choices(spec: Spec) -> list[tuple[str, str]]:
    """Return each option of a function that takes a word, with each word but the default."""
    return [(p.name, choice) for p in spec.parameters for choice in p.choices if choice != p.default]


def numbers(found: Sequence[Entry]) -> tuple[Number, ...]:
    """Return a control for each number of each function that its spec gives a slider."""
    controls = []
    for entry in found:
        if entry.spec is None or entry.chosen:
            continue
        shown_by = tuple(other.name for other in found if other.spec is entry.spec)
        for parameter in entry.spec.parameters:
            if parameter.slider is None or not isinstance(parameter.default, float | int):
                continue
            low, high, step = (float(end) for end in parameter.slider)
            controls.append(
                Number(
                    name=f"{entry.name}.{parameter.name}",
                    label=f"{entry.label}: {parameter.name}",
                    low=low,
                    high=high,
                    step=step,
                    default=float(parameter.default),
                    symbol=parameter.latex,
                    unit=parameter.unit,
                    belongs_to=shown_by,
                    help=parameter.meaning,
                )
            )
    return tuple(controls)
