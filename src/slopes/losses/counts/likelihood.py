"""What likelihoods of counts share: predictions that must be like the counts, and whether these are counts."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from slopes._core import check, reduce
from slopes._core.reduce import Plan, Reduction
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def of_counts(
    function: str,
    formula: Pointwise,
    predicted: Mapping[str, Tensor],
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *,
    full: bool,
) -> Tensor:
    """Check predictions and whole counts, and return the reduced likelihood."""
    plan = observed(function, predicted, targets, mask, weight, reduction, denominator, full=full)
    check.counts(function, "targets", targets, plan.keep)
    return defined.reduced(formula, plan, full, **predicted, targets=targets)


def observed(
    function: str,
    predicted: Mapping[str, Tensor],
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *,
    full: bool,
) -> Plan:
    """Check predictions that must be like what was observed, which is no function of anything, and plan the mean."""
    check.alike(function, **predicted, targets=targets)
    check.constant(function, targets=targets)
    check.flag(function, "full", full)
    return reduce.plan(
        function,
        targets.shape,
        next(iter(predicted.values())),
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
