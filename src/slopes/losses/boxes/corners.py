"""What losses between two boxes share: their checks, and what reduces them."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from slopes._core import check, reduce
from slopes._core.errors import ShapeError, ValuesError
from slopes._core.reduce import Reduction
from slopes._core.settings import reads_values
from slopes._core.spec import Input
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise

PAIR: Final = (Input("predictions", ("...", "4")), Input("targets", ("...", "4")))


def between(
    function: str,
    loss: Pointwise,
    predictions: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> Tensor:
    """Check boxes that belong together, and return the reduced loss between them."""
    check.alike(function, predictions=predictions, targets=targets)
    if predictions.dim() == 0 or predictions.shape[-1] != 4:  # noqa: PLR2004  corners
        message = (
            f"{function}: `predictions` has shape {check.shape_of(predictions)}, expected [..., 4], the corners "
            f"x1, y1, x2, y2 of each box; reshape both to (-1, 4) if the boxes lie side by side."
        )
        raise ShapeError(message)
    plan = reduce.plan(
        function,
        predictions.shape[:-1],
        predictions,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    _check_corners(function, plan.keep, predictions=predictions, targets=targets)
    return defined.reduced(loss, plan, predictions=predictions, targets=targets)


def _check_corners(function: str, keep: Tensor | None, **boxes: Tensor) -> None:
    """Raise `ValuesError` where a box that counts ends before it starts; one without area may be."""
    for name, value in boxes.items():
        if not reads_values(value, keep):
            continue
        wrong = (value.detach()[..., :2] > value.detach()[..., 2:]).any(-1)
        wrong = wrong if keep is None else wrong & keep
        if bool(wrong.any()):
            came = [float(f"{corner:.6g}") for corner in value[wrong][0].tolist()]
            message = (
                f"{function}: `{name}` holds {came}, expected x1 <= x2 and y1 <= y2; from a centre and a size make "
                f"them with torch.cat([{name}[..., :2] - {name}[..., 2:] / 2, {name}[..., :2] + {name}[..., 2:] / 2], "
                f"-1), and order corners with torch.cat([{name}[..., :2].minimum({name}[..., 2:]), "
                f"{name}[..., :2].maximum({name}[..., 2:])], -1)."
            )
            raise ValuesError(message)
