"""Losses of a row of class logits and the index of its class: what they check, and how they are reduced."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from slopes._core import check
from slopes._core.linear_logits import Logits
from slopes._core.reduce import Reduction
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.class_targets import class_weight_of, cross_entropy_plan


def check_logits(function: str, logits: Logits) -> None:
    """Raise an error unless these are logits of one class at least."""
    check.logits(function, logits=logits)
    check.dimensions(function, "logits", logits, "[..., C]", 1)
    check.filled(function, "logits", logits, "[..., C]")


def by_class(
    function: str,
    loss: Pointwise,
    logits: Logits,
    targets: Tensor,
    class_weight: Tensor | None,
    ignore_index: int,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *options: Any,  # noqa: ANN401  numbers, and tensors of a number for each class
) -> Tensor:
    """Check logits and class indices, and return the reduced loss of each row."""
    check_logits(function, logits)
    weights = class_weight_of(function, class_weight, logits)
    rest = mask, weight, reduction, denominator, ignore_index, weights
    plan, classes = cross_entropy_plan(function, logits, targets, *rest)
    return defined.reduced(loss, plan, *options, logits=logits, targets=classes)
