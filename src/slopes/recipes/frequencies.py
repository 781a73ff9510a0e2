"""How often each class is in the targets: counted, checked, and as logarithms.

Dimension names: C is the number of classes, or of a vocabulary's tokens.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import ValuesError

_AGAIN: Final = "count again, for example with torch.bincount(targets.flatten(), minlength=classes)"


def counted(
    function: str, name: str, targets: Tensor, classes: int, *, mask: Tensor | None, ignore_index: int | None = None
) -> Tensor:
    """Return how often each class is among the targets that count, `[C]` int64.

    Args:
        function: Name for error messages.
        name: Of the argument that `targets` came as.
        targets: `[...]` int64.
        classes: C.
        mask: `[...]` boolean, True where a target counts.
        ignore_index: A target that does not count.

    Raises:
        DtypeError: `targets` is not int64, or `mask` not boolean.
        ShapeError: `mask` has another shape than `targets`.
        ValuesError: A target that counts is outside [0, C), or none counts.
    """
    check.tensor(function, **{name: targets})
    check.integers(function, name, targets, targets.shape, "class indices")
    if mask is not None:
        check.boolean(function, "mask", mask, targets.shape, f"the shape of `{name}`; True where one counts")
        targets = targets[mask]
    if ignore_index is not None:
        targets = targets[targets != ignore_index]
    if targets.numel() == 0:
        message = f"{function}: nothing in `{name}` counts, expected at least one class; check the mask and the data."
        raise ValuesError(message)
    wrong = targets[(targets < 0) | (targets >= classes)]
    if wrong.numel():
        message = (
            f"{function}: `{name}` holds {int(wrong[0])}, expected values in [0, {classes}); mask what does not count "
            f"(padding), or say how many there really are."
        )
        raise ValuesError(message)
    return torch.bincount(targets.flatten(), minlength=classes)


def check_counts(function: str, name: str, counts: Tensor, classes: int, meaning: str) -> None:
    """Raise an error unless `counts` is `[classes]` int64 of at least 0; `meaning` says in words what is counted."""
    check.integers(function, name, counts, (classes,), meaning)
    if counts.numel() and int(counts.min()) < 0:
        message = f"{function}: `{name}` holds {int(counts.min())}, expected numbers of at least 0; {_AGAIN}."
        raise ValuesError(message)


def log_frequencies(counts: Tensor) -> Tensor:
    """Return the log of each class's share, `[C]` float64; one is added to each count, so that none is impossible."""
    seen = counts.double() + 1
    return (seen / seen.sum()).log()
