"""What a figure is built from: the catalogue, and the visitor's own functions where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slopes._core.spec import Spec
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.result import Problem
from slopes.explorer.yours.own import Own


@dataclass(frozen=True, kw_only=True)
class Context(Own):
    """What every figure may use: the visitor's own functions, and ours.

    Attributes:
        catalog: The specs of all functions.
        costs: What activations cost, as far as it has been timed.
    """

    catalog: Sequence[Spec]
    costs: Costs

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be loaded, as a page tells it."""
        return () if self.broken is None else (Problem.of("Your function could not be loaded", self.broken),)
