"""What losses between a number and its target share: two tensors that must be alike, and what reduces them."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from slopes._core import check, reduce
from slopes._core.reduce import Reduction
from slopes._core.spec import Input
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise

PAIR: Final = (Input("predictions", ("...",)), Input("targets", ("...",)))


def between(
    function: str,
    loss: Pointwise,
    predictions: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *options: float,
) -> Tensor:
    """Check two tensors that must be alike, and return the reduced loss between them."""
    check.alike(function, predictions=predictions, targets=targets)
    plan = reduce.plan(
        function,
        predictions.shape,
        predictions,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    return defined.reduced(loss, plan, *options, predictions=predictions, targets=targets)
