"""What a demonstration is built from: the catalogue, and the visitor's own functions where there are any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slopes._core.spec import Spec
from slopes.explorer.cost import Costs
from slopes.explorer.user import BrokenFunctionError, Guarded, GuardedLoss


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
