"""What likelihoods share: tensors that must be alike, and the constant that `full` adds."""

from __future__ import annotations

from torch import Tensor

from slopes._core import check, reduce
from slopes._core.reduce import Plan, Reduction


def observed(
    function: str,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *,
    full: bool,
    **tensors: Tensor,
) -> Plan:
    """Check tensors that must be alike, and plan the mean over them."""
    check.alike(function, **tensors)
    check.flag(function, "full", full)
    like = next(iter(tensors.values()))
    return reduce.plan(
        function, like.shape, like, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
