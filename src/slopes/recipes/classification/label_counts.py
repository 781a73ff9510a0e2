"""How many rows have each label, from a column of 0 and 1 for each."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError, ShapeError, ValuesError
from slopes._core.spec import Domain
from slopes.recipes.classification.labels import listed, zero_one


def each(name: str, values: tuple[float, ...] | None, count: int, domain: Domain) -> None:
    """Raise `OptionError` unless there are as many numbers as labels, each in the domain; None passes."""
    if values is None:
        return
    if len(values) != count or not values:
        message = (
            f"MultiLabel: `{name}` has {len(values)} entries beside {count} in `prior`, expected one for each label, "
            f"and at least one label; from_targets makes them."
        )
        raise OptionError(message)
    for value in values:
        check.option("MultiLabel", name, value, domain)


def names(labels: Sequence[str] | None, count: int) -> None:
    """Raise `OptionError` unless the labels are as many different names as there are labels."""
    if labels is not None and (len(labels) != count or len(set(labels)) != count):
        message = (
            f"MultiLabel: `labels` has {len(labels)} names, {len(set(labels))} of them different, expected {count} "
            f"different ones, one for each column of the targets."
        )
        raise OptionError(message)


def two_dimensions(function: str, targets: Tensor) -> None:
    """Raise `ShapeError` unless the targets are `[N, K]`."""
    check.tensor(function, targets=targets)
    if targets.dim() != 2:  # noqa: PLR2004  rows and labels
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected [N, K], a column for each label; "
            f"for one label per row use Binary, for class indices MultiClass."
        )
        raise ShapeError(message)


def counted(function: str, targets: Tensor, labels: Sequence[str] | None) -> tuple[list[int], int]:
    """Return how many rows have each label, and how many rows there are, after a look at every target."""
    two_dimensions(function, targets)
    has = zero_one(function, targets, "[N, K]")
    names(labels, has.shape[1])
    positives: list[int] = has.sum(0).tolist()
    constant = [
        f"{k if labels is None else labels[k]} (always {int(p > 0)})"
        for k, p in enumerate(positives)
        if p in {0, len(has)}
    ]
    if constant:
        message = (
            f"{function}: {len(constant)} of {has.shape[1]} labels never change: {listed(constant)}, expected "
            f"both 0 and 1 in each column; leave these columns out, a constant label teaches nothing."
        )
        raise ValuesError(message)
    return positives, len(has)
