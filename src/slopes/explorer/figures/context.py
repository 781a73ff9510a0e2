"""What a demonstration is built from: the catalogue, and the visitor's own functions where there are any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slopes._core.spec import Spec
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.schema import Problem
from slopes.explorer.yours.user import BrokenFunctionError, Guarded, GuardedLoss, load, takes_two


@dataclass(frozen=True, kw_only=True)
class Own:
    """The visitor's own functions.

    Attributes:
        activation: The visitor's own activation, under guard.
        activation_from: Where it was loaded from, for the snippet; empty where Python handed it over.
        loss: The visitor's own loss, under guard.
        loss_from: Where it was loaded from.
        broken: Why one of them could not be loaded.
    """

    activation: Guarded | None = None
    activation_from: str = ""
    loss: GuardedLoss | None = None
    loss_from: str = ""
    broken: BrokenFunctionError | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be loaded, as a page tells it."""
        return () if self.broken is None else (Problem.of("Your function could not be loaded", self.broken),)


@dataclass(frozen=True, kw_only=True)
class Context(Own):
    """What every demonstration may use: the visitor's own functions, and ours.

    Attributes:
        catalog: The specs of all functions.
        costs: What activations cost, as far as it has been timed.
    """

    catalog: Sequence[Spec]
    costs: Costs


def owned(functions: Sequence[str | Callable[..., Any]]) -> Own:
    """Return the visitor's functions, each an activation of one tensor or a loss of two."""
    own = Own()
    for given in functions:
        reference = given if isinstance(given, str) else ""
        try:
            found = load(given) if isinstance(given, str) else given
        except BrokenFunctionError as error:
            own = replace(own, broken=error)
            continue
        name = reference.rpartition(":")[2] or getattr(found, "__name__", "your function")
        if takes_two(found):
            own = replace(own, loss=GuardedLoss(found, name), loss_from=reference)
        else:
            own = replace(own, activation=Guarded(found, name), activation_from=reference)
    return own
