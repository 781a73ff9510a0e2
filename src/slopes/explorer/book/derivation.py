"""Derivations: a quantity, and what it is equal to, line by line, each with its numbers and its because."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slopes.explorer.figures.mathml import mathml, with_numbers
from slopes.explorer.figures.wording import latex_number

Numbers = Mapping[str, float]  # by symbol, in LaTeX


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    r"""One line.

    Attributes:
        tex: What the quantity is equal to, in symbols.
        value: The same in numbers, in plain arithmetic.
        because: Why.
        of: What stands left of the equals sign, where it is another quantity than the derivation's.
        left: That quantity's number.
        shown: The right side with numbers in it, where putting them in place of the symbols does not say it.
    """

    tex: str
    value: Callable[[Numbers], float]
    because: str
    of: str = ""
    left: Callable[[Numbers], float] | None = None
    shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    r"""A chain of equalities.

    Attributes:
        id: Its name in addresses.
        title: What is derived.
        of: The quantity, in symbols.
        value: The quantity, as the library computes it.
        numbers: The numbers that stand beside the symbols.
        steps: The lines.
    """

    id: str
    title: str
    of: str
    value: Callable[[Numbers], float]
    numbers: Numbers
    steps: tuple[Step, ...]

    def left(self, step: Step) -> float:
        """Return the number left of a line's equals sign."""
        return (step.left or self.value)(self.numbers)

    def lines(self) -> list[dict[str, Any]]:
        """Return each line in symbols, with numbers, and its because."""
        return [
            {"symbols": mathml(f"{step.of or self.of} = {step.tex}"), "numbers": self._shown(step), "why": step.because}
            for step in self.steps
        ]

    def _shown(self, step: Step) -> str:
        said = {symbol: latex_number(value, 4) for symbol, value in self.numbers.items()}
        inside = step.shown or with_numbers(step.tex, said)
        return mathml(f"{inside} = {latex_number(step.value(self.numbers), 4)}")
