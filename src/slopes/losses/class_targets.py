"""What the losses of class logits share: checks of targets, which rows count, and the way to the formulas."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core import check, reduce, suspicion
from slopes._core.errors import ShapeError
from slopes._core.linear_logits import Logits
from slopes._core.reduce import Plan, Reduction
from slopes._core.settings import reads_values
from slopes._core.spec import FINITE_NON_NEGATIVE
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.rows import categorical

IGNORE: Final = -100
_WITH_CLASS_WEIGHT: Final = (
    "cross_entropy",
    "softmax_focal",
    "generalized_cross_entropy",
    "symmetric_cross_entropy",
    "bootstrapped_cross_entropy",
    "poly_cross_entropy",
    "logit_adjusted",
    "balanced_softmax",
    "ldam",
)


def class_weight_of(function: str, class_weight: Tensor | None, logits: Logits) -> Tensor | None:
    """Check the weights of the classes and return them in the dtype of the computation."""
    if class_weight is None:
        return None
    check.no_list(function, "class_weight", class_weight)
    check.floating(function, class_weight=class_weight)
    check.has_shape(function, "class_weight", class_weight, [logits.shape[-1]], "one for each class")
    check.same_device(function, class_weight=class_weight, logits=logits)
    check.same_precision(function, class_weight=class_weight, logits=logits)
    check.constant(function, class_weight=class_weight)
    check.within(function, "class_weight", class_weight, FINITE_NON_NEGATIVE, "pass for example inverse frequencies")
    return class_weight.to(wide(logits.dtype))


def cross_entropy_plan(
    function: str,
    logits: Logits,
    targets: Tensor | None,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    ignore_index: int,
    class_weight: Tensor | None,
    *,
    smoothed: bool = False,
    name: str = "logits",
    target_name: str = "targets",
) -> tuple[Plan, Tensor]:
    """Check logits and class indices; return the plan, and indices that are in range where rows are ignored."""
    shape = logits.shape[:-1]
    targets = _indices(function, target_name, targets, name, logits)
    suspicion.one_class(function, name, logits)
    meaning = f"class indices, the shape of `{name}` without the classes"
    if targets.shape == logits.shape[:1] + logits.shape[2:] != shape:
        meaning += f"; classes come last here: pass {name}.movedim(1, -1) if they are the second dimension, as in torch"
    check.integers(function, target_name, targets, shape, meaning)
    check.same_device(function, **{target_name: targets, name: logits})
    ignore_index = check.index(function, "ignore_index", ignore_index)
    if mask is not None:
        reduce.check_mask(function, mask, shape, logits)
    every = _all_count(targets, logits.shape[-1], ignore_index)
    counted = None if every else targets != ignore_index
    if not every:
        looked_up = targets if mask is None else torch.where(mask, targets, ignore_index)
        check.in_range(function, target_name, looked_up, logits.shape[-1], ignore_index)
    classes = targets if counted is None else torch.where(counted, targets, 0)
    own = None
    if class_weight is not None:
        which = counted if mask is None or counted is None else counted & mask
        which = mask if counted is None else which
        own = class_weight[classes if which is None else torch.where(which, classes, 0)]
    plan = reduce.plan(
        function,
        shape,
        logits,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
        keep=None if counted is None else _unless_all(counted),
        base=None if smoothed else own,
        counts=own if smoothed else None,
    )
    if name == "logits":
        suspicion.not_probabilities(function, logits, rows=True, keep=plan.keep)
    if weight is not None and class_weight is None:
        fix = "class_weight=weight" if function in _WITH_CLASS_WEIGHT else f"weight=weight[{target_name}]"
        suspicion.by_class(function, weight, classes, logits.shape[-1], plan.keep, fix=fix)
    return plan, classes


def _indices(function: str, name: str, targets: Tensor | None, logits_name: str, logits: Logits) -> Tensor:
    """Return what may be class indices; rows of one-hot numbers or probabilities are told what to become."""
    check.tensor(function, **{name: targets})
    assert targets is not None  # noqa: S101  the check has said so
    if targets.shape == logits.shape:
        message = (
            f"{function}: `{name}` has shape {check.shape_of(targets)}, that of `{logits_name}`, expected class "
            f"indices of shape {list(logits.shape[:-1])}; from one-hot rows make them with {name}.argmax(-1)"
        )
        if function == "cross_entropy":
            message += f", or pass distributions over the classes as {name}.float()"
        raise ShapeError(message + ".")
    return targets


def _all_count(targets: Tensor, classes: int, ignore_index: int) -> bool:
    """Whether one look finds every index in range and none to ignore."""
    if not reads_values(targets) or targets.numel() == 0:
        return False
    low, high = (int(end) for end in targets.aminmax())
    return low >= 0 and high < classes and not low <= ignore_index <= high


def _unless_all(counted: Tensor) -> Tensor | None:
    """Return which rows count, or None where reading them is allowed and says that all do."""
    return None if reads_values(counted) and bool(counted.all()) else counted


def distributions_plan(
    logits: Logits,
    targets: Tensor,
    class_weight: Tensor | None,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> Plan:
    """Check logits and distributions, and return the plan."""
    meaning = "distributions over the classes, the shape of `logits`; or pass int64 class indices"
    if targets.shape == logits.shape[:-1]:
        meaning += ", targets.long(), if these are class indices"
    suspicion.one_class("cross_entropy", "logits", logits)
    check.has_shape("cross_entropy", "targets", targets, logits.shape, meaning)
    check.same_device("cross_entropy", targets=targets, logits=logits)
    check.same_precision("cross_entropy", targets=targets, logits=logits)
    plan = reduce.plan(
        "cross_entropy",
        logits.shape[:-1],
        logits,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
        counts=None if class_weight is None else (targets.detach() * class_weight).sum(-1),
    )
    check.distribution("cross_entropy", "targets", targets, plan.keep)
    suspicion.not_probabilities("cross_entropy", logits, rows=True, keep=plan.keep)
    return plan


def reduced_by_index(
    logits: Logits,
    classes: Tensor,
    plan: Plan,
    class_weight: Tensor | None,
    label_smoothing: float,
    z_loss: float,
    *,
    others: bool = False,
) -> Tensor:
    """Return the cross-entropy of class indices, by the one-hot rows only where smoothing needs them."""
    if label_smoothing == 0:
        return defined.reduced(categorical.BY_INDEX, plan, float(z_loss), logits=logits, targets=classes)
    options = class_weight, float(label_smoothing), others, float(z_loss)
    return defined.reduced(categorical.SMOOTHED, plan, *options, logits=logits, targets=classes)
