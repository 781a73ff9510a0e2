"""The visitor's own functions, loaded and under guard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from slopes.explorer.yours.broken import BrokenFunctionError
from slopes.explorer.yours.guarded import Guarded, GuardedLoss, takes_two
from slopes.explorer.yours.reference import load


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
