"""What a demonstration is built from: the catalogue, and the visitor's own functions where there are any."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from slopes._core.spec import Spec
from slopes.explorer.cost import Costs
from slopes.explorer.user import BrokenFunctionError, Guarded, GuardedLoss, load, takes_two


@dataclass(kw_only=True)
class Own:
    """The visitor's own functions, under guard, and where they came from; what could not be loaded, and why."""

    activation: Guarded | None = None
    activation_from: str = ""
    loss: GuardedLoss | None = None
    loss_from: str = ""
    broken: BrokenFunctionError | None = None

    @classmethod
    def of(cls, functions: Sequence[str | Callable[..., Any]]) -> Own:
        """Return them, each an activation of one tensor or a loss of two."""
        own = cls()
        for given in functions:
            reference = given if isinstance(given, str) else ""
            try:
                found = load(given) if isinstance(given, str) else given
            except BrokenFunctionError as error:
                own.broken = error
                continue
            name = reference.rpartition(":")[2] or getattr(found, "__name__", "your function")
            if takes_two(found):
                own.loss, own.loss_from = GuardedLoss(found, name), reference
            else:
                own.activation, own.activation_from = Guarded(found, name), reference
        return own


@dataclass(frozen=True, kw_only=True)
class Context:
    """What every demonstration may use.

    Attributes:
        catalog: The specs of all functions.
        costs: What activations cost, as far as it has been timed.
        activation: The visitor's own activation, under guard.
        activation_from: Where it was loaded from, for the snippet; empty where Python handed it over.
        loss: The visitor's own loss, under guard.
        loss_from: Where it was loaded from.
        broken: Why one of them could not be loaded.
    """

    catalog: Sequence[Spec]
    costs: Costs
    activation: Guarded | None = None
    activation_from: str = ""
    loss: GuardedLoss | None = None
    loss_from: str = ""
    broken: BrokenFunctionError | None = None
