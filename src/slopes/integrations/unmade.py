"""What is said where logits that are not made are asked for something that has no closed form."""

from __future__ import annotations

from typing import Final, NoReturn

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError
from slopes._core.linear_logits import LinearLogits

CLOSED: Final = (
    "scaling by a number or a vector of the vocabulary, one tanh, a bias, a sum of two, indices and shapes that leave "
    "the vocabulary whole and last"
)


class UnmadeLogitsError(DtypeError, AttributeError):
    """An operation that needs logits as a tensor, where they are not made; an AttributeError, for `hasattr` to ask."""


def refuse(logits: LinearLogits, what: str) -> NoReturn:
    """Raise for an operation."""
    message = (
        f"hand_over_logits: the model or the training loop asks for {what} of logits {check.shape_of(logits)} that are "
        f"not made, expected {CLOSED}, F.cross_entropy, or a loss of slopes; take logits.materialize() if they fit "
        f"into memory, or let the model make them: HandOver(model).undo()."
    )
    raise UnmadeLogitsError(message)


def described(value: object) -> str:
    """Return how an error names an operand."""
    if isinstance(value, Tensor | LinearLogits):
        kind = "logits" if isinstance(value, LinearLogits) else "a tensor"
        return f"{kind} {check.shape_of(value)}"
    if isinstance(value, slice):
        return ":".join("" if end is None else str(end) for end in (value.start, value.stop))
    written = isinstance(value, int | float | str | torch.dtype | torch.device) or value is None or value is Ellipsis
    return repr(value) if written else type(value).__name__
