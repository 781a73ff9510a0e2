"""A loss that is a sum of cross-entropies, each over some of the rows and some of the classes.

Dimension names: `...` is any shape, D the width of a hidden state, n the rows that count.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core import check, reduce
from slopes._core.errors import ShapeError
from slopes._core.linear_logits import Logits
from slopes._core.reduce import Plan, Reduction
from slopes._core.tensors import wide
from slopes.losses.class_targets import IGNORE


class Term(NamedTuple):
    """One cross-entropy: logits `[m, K]`, the class `[m]` of each, and which rows they belong to, `[m]`."""

    logits: Logits
    classes: Tensor
    rows: Tensor


@dataclass(frozen=True)
class Rows:
    """The rows that count, and how their losses come together.

    Attributes:
        hidden: `[n, D]`.
        targets: `[n]` int64.
        places: `[n]`, where they are among all rows.
        plan: Of the loss of all rows.
        shape: Of the loss of all rows.
    """

    hidden: Tensor
    targets: Tensor
    places: Tensor
    plan: Plan
    shape: torch.Size

    def all(self) -> Tensor:
        """Return the index of every row that counts."""
        return torch.arange(len(self.targets), device=self.targets.device)

    def total(self, terms: Iterable[Term]) -> Tensor:
        """Return the sum of the terms of each row, reduced as planned."""
        weight = None if self.plan.weight is None else self.plan.weight.reshape(-1)[self.places]
        if self.plan.reduction == "none":
            losses = self.hidden.new_zeros(self.shape.numel(), dtype=wide(self.hidden.dtype))
            for term in terms:
                each = L.cross_entropy(term.logits, term.classes, reduction="none")
                losses = losses.index_add(0, self.places[term.rows], each)
            return self.plan.apply(losses.reshape(self.shape))
        if weight is None:
            sums = [L.cross_entropy(t.logits, t.classes, reduction="sum") for t in terms]
        else:  # outside of the loss, which would take weights of as many rows as classes for those of the classes
            sums = [(L.cross_entropy(t.logits, t.classes, reduction="none") * weight[t.rows]).sum() for t in terms]
        return self.plan.divided(torch.stack(sums).sum())


class Factored(Protocol):
    """A head whose loss is such a sum: it says which terms, for the rows that count."""

    @property
    def features(self) -> int:
        """D."""
        ...

    @property
    def classes(self) -> int:
        """C."""
        ...

    def terms(self, rows: Rows) -> list[Term]:
        """Return the cross-entropies whose sum is -log p of each row's target."""
        ...


def factored_loss(
    head: Factored,
    hidden: Tensor,
    targets: Tensor,
    *,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log p of the target class of each row of `hidden` `[..., D]`, reduced, as every loss is."""
    rows = rows_that_count(
        f"{type(head).__name__}.loss",
        hidden,
        targets,
        features=head.features,
        classes=head.classes,
        ignore_index=ignore_index,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    return rows.total(head.terms(rows))


def rows_that_count(
    function: str,
    hidden: Tensor,
    targets: Tensor,
    *,
    features: int,
    classes: int,
    ignore_index: int,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> Rows:
    """Check what a head's loss is given, and return the rows that count."""
    check_hidden(function, hidden, features)
    check.integers(function, "targets", targets, hidden.shape[:-1], "a class for each row of `hidden`")
    check.same_device(function, hidden=hidden, targets=targets)
    check.index(function, "ignore_index", ignore_index)
    plan = reduce.plan(
        function,
        targets.shape,
        hidden,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
        keep=targets != ignore_index,
    )
    kept = torch.ones_like(targets, dtype=torch.bool) if plan.keep is None else plan.keep
    places = kept.reshape(-1).nonzero().squeeze(-1)
    counted = targets.reshape(-1)[places]
    check.in_range(function, "targets", counted, classes, ignore_index)
    return Rows(hidden.reshape(-1, features)[places], counted, places, plan, targets.shape)


def check_hidden(function: str, hidden: Tensor, features: int) -> None:
    """Raise an error unless `hidden` is `[..., features]`, floating."""
    check.floating(function, hidden=hidden)
    if hidden.dim() == 0 or hidden.shape[-1] != features:
        message = (
            f"{function}: `hidden` has shape {check.shape_of(hidden)}, expected [..., {features}], what goes into the "
            f"last layer; pass hidden states and not logits, or build the head with their width."
        )
        raise ShapeError(message)
