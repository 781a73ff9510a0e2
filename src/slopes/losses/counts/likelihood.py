"""What likelihoods of counts share: predictions that must be like the counts, and whether these are counts."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from slopes._core import check
from slopes._core.reduce import Reduction
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.likelihood import observed


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
    plan = observed(function, mask, weight, reduction, denominator, full=full, **predicted, targets=targets)
    check.constant(function, targets=targets)
    check.counts(function, "targets", targets, plan.keep)
    return defined.reduced(formula, plan, full, **predicted, targets=targets)
