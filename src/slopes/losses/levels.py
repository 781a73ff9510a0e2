"""What losses at chosen levels share: their levels, one for each entry of the last dimension of the predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.errors import OptionError
from slopes._core.reduce import Reduction
from slopes._core.spec import Domain, Input
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise

LEVEL: Final = Domain(0.0, 1.0, low_open=True, high_open=True)
AT_LEVELS: Final = (Input("predictions", ("...", "Q")), Input("targets", ("...",)))


def at_levels(
    function: str,
    loss: Pointwise,
    predictions: Tensor,
    targets: Tensor,
    name: str,
    levels: Sequence[float],
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *options: float,
    endless: bool = True,
) -> Tensor:
    """Check predictions `[..., Q]`, targets `[...]` and Q levels, and return the reduced loss of each level.

    Where the slope grows with the residual (`endless=False`), infinities of two levels would meet in a target's.
    """
    check.floating(function, predictions=predictions, targets=targets)
    given = checked(function, name, levels)
    shape = [*targets.shape, len(given)]
    check.has_shape(function, "predictions", predictions, shape, "the shape of `targets`, then one per level")
    check.same_device(function, predictions=predictions, targets=targets)
    check.same_precision(function, predictions=predictions, targets=targets)
    plan = reduce.plan(
        function, shape, predictions, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    dtype, device = wide(predictions.dtype), predictions.device
    rest = [1 - level for level in given]  # which a level rounded to float32 would not give
    wider = targets.to(wide(targets.dtype))  # its gradients of Q levels add up before they are rounded
    each = {
        "targets": wider.unsqueeze(-1).expand(shape),
        "levels": torch.tensor(given, dtype=dtype, device=device).expand(shape),
        "rest": torch.tensor(rest, dtype=dtype, device=device).expand(shape),
    }
    if not endless:
        check.moderate(function, plan.keep, predictions=predictions, targets=each["targets"])
    return defined.reduced(loss, plan, *options, predictions=predictions, **each)


def checked(function: str, name: str, levels: Sequence[float]) -> tuple[float, ...]:
    """Return the levels as numbers, or raise an error."""
    given = levels.tolist() if hasattr(levels, "tolist") else levels
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) == 0:
        message = f"{function}: `{name}` is {levels!r}, expected a sequence of levels in (0, 1); try [0.1, 0.9]."
        raise OptionError(message)
    return tuple(check.option(function, name, level, LEVEL) for level in given)
