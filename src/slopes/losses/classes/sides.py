"""Targets that take one of two sides, as booleans or as -1 and +1, and numbers that are judged by them."""

from __future__ import annotations

import torch
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.reduce import Reduction
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def by_side(
    function: str,
    loss: Pointwise,
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *options: float,
    **numbers: Tensor,
) -> Tensor:
    """Check numbers and the side of each, and return the reduced loss of them; True is +1, False -1."""
    name, first = next(iter(numbers.items()))
    said = isinstance(targets, Tensor) and targets.dtype == torch.bool
    if said:
        check.alike(function, **numbers)
        check.boolean(function, "targets", targets, first.shape, f"the side of each of `{name}`")
        check.same_device(function, targets=targets, **numbers)
    else:
        check.alike(function, **numbers, targets=targets)
        check.constant(function, targets=targets)
    plan = reduce.plan(
        function, first.shape, first, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    if said:
        targets = 2 * targets.to(first.dtype) - 1
    else:
        check.signs(function, "targets", targets, plan.keep)
    return defined.reduced(loss, plan, *options, **numbers, targets=targets)
