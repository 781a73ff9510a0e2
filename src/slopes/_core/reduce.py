"""The only place with a mean, a sum, a weight, a mask or a denominator.

A `Plan` is made once for a call, from the shape of the unreduced loss, and says which elements count, with
which weight, and what the total is divided by. An element that does not count (masked, or of weight 0) leaves
no trace: its inputs are replaced before the formula sees them, so that an infinity in it cannot reach the
gradient by way of 0 · inf.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError, OptionError, ValuesError
from slopes._core.settings import is_recorded, reads_values
from slopes._core.tensors import FLOATS, Shaped, wide

Reduction = Literal["mean", "sum", "none"]
REDUCTIONS: Final = ("mean", "sum", "none")
_COUNTS: Final = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
_ENDLESS: Final = 2.0**1023  # a Python integer may be larger than any float


@dataclass(frozen=True, slots=True)
class Plan:
    """Which elements of a loss count, with which weight, and what the total is divided by.

    Attributes:
        keep: Boolean, of the loss's shape; None where every element counts.
        weight: Of the loss's shape; None where all weigh 1.
        divisor: A number, or a 0-d tensor; None where nothing is divided.
        reduction: `"mean"`, `"sum"` or `"none"`.
        function: Whose loss it is, for error messages; empty where nobody is to be told.
    """

    keep: Tensor | None
    weight: Tensor | None
    divisor: Tensor | float | None
    reduction: Reduction
    function: str = ""

    def neutral(self, inputs: Tensor, fill: float = 0.0) -> Tensor:
        """Return `inputs` with `fill` where the loss does not count; trailing dimensions follow their row."""
        if self.keep is None:
            return inputs
        keep = self.keep.reshape(self.keep.shape + (1,) * (inputs.dim() - self.keep.dim()))
        return torch.where(keep, inputs, fill if inputs.dtype.is_floating_point else int(fill))

    def scale(self, dtype: torch.dtype) -> Tensor | float:
        """Return what the sum of the weighted loss is multiplied by; 0 for an empty mean, never 1/0."""
        if self.divisor is None:
            return 1.0
        if isinstance(self.divisor, Tensor):
            divisor = self.divisor.to(dtype)  # a count is an integer, of which torch makes a float32
            empty = divisor == 0
            return torch.where(empty, 0.0, 1.0 / torch.where(empty, 1.0, divisor))
        return 0.0 if self.divisor == 0 else 1.0 / self.divisor

    def apply(self, loss: Tensor) -> Tensor:
        """Return the loss weighted and reduced as planned."""
        if self.keep is not None:
            loss = torch.where(self.keep, loss, 0.0)
        if self.weight is not None:
            loss = loss * self.weight
        if self.reduction == "none":
            return loss
        return self.divided(loss.sum())

    def divided(self, total: Tensor) -> Tensor:
        """Return the total over the divisor; an empty mean is 0 with a graph, never 0/0."""
        if self.divisor is None:
            return total
        if isinstance(self.divisor, Tensor):
            divisor = self.divisor.to(total.dtype)
            empty = divisor == 0
            return torch.where(empty, total * 0.0, total / torch.where(empty, 1.0, divisor))
        return total / self.divisor if self.divisor else total * 0.0


def plan(
    function: str,
    shape: Sequence[int],
    like: Shaped,
    *,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    keep: Tensor | None = None,
    base: Tensor | None = None,
    counts: Tensor | None = None,
) -> Plan:
    """Check the four arguments that every loss takes and return what they ask for.

    Args:
        function: Name for error messages.
        shape: Shape of the unreduced loss.
        like: Predictions; they give the device and, widened to float32 at least, the dtype.
        mask: True where an element counts.
        weight: Weight of each element, at least 0.
        reduction: `"mean"`, `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.
        keep: Elements that the loss itself leaves out (ignored targets).
        base: Weight that the loss itself gives (class weights); it multiplies `weight`.
        counts: What each element counts for in the divisor, where the formula itself has the class weights.
    """
    check.not_traced(function)
    check.choice(function, "reduction", reduction, REDUCTIONS)
    if mask is not None:
        check_mask(function, mask, shape, like)
        keep = mask if keep is None else keep & mask
    if weight is not None:
        _check_weight(function, weight, shape, like)
        weight = weight.to(wide(like.dtype))
    weight = base if weight is None else (weight if base is None else weight * base)
    if weight is not None:
        keep = weight != 0 if keep is None else keep & (weight != 0)
        weight = torch.where(keep, weight, 0.0)
    divisor = _divisor(function, reduction, denominator, keep, weight, shape, counts, like)
    return Plan(keep, weight, divisor, reduction, function)


def check_mask(function: str, mask: Tensor, shape: Sequence[int], like: Shaped) -> None:
    """Check a mask; a loss that reads it before its plan is made calls this first."""
    check.boolean(function, "mask", mask, shape, "the shape of the unreduced loss; True where it counts")
    check.same_device(function, mask=mask, predictions=like)


def _check_weight(function: str, weight: Tensor, shape: Sequence[int], like: Shaped) -> None:
    check.floating(function, weight=weight)
    check.has_shape(function, "weight", weight, shape, "the shape of the unreduced loss")
    check.same_device(function, weight=weight, predictions=like)
    check.same_precision(function, weight=weight, predictions=like)
    if reads_values(weight) and not bool(((weight >= 0) & (weight < math.inf)).all()):
        wrong = weight[~((weight >= 0) & (weight < math.inf))]
        came = wrong[0].item()
        fix = "weight.clamp(min=0)" if math.isfinite(came) else "torch.where(weight.isfinite(), weight, 0)"
        message = (
            f"{function}: `weight` holds {came:.6g}, expected finite numbers of at least 0; "
            f"to leave those elements out pass {fix}."
        )
        raise ValuesError(message)


def _divisor(
    function: str,
    reduction: Reduction,
    denominator: Tensor | float | None,
    keep: Tensor | None,
    weight: Tensor | None,
    shape: Sequence[int],
    counts: Tensor | None,
    like: Shaped,
) -> Tensor | float | None:
    if denominator is not None:
        return _checked_denominator(function, reduction, denominator, like)
    if reduction != "mean":
        return None
    if counts is not None:
        counts = counts if keep is None else torch.where(keep, counts, 0.0)
        return (counts if weight is None else counts * weight).sum()
    if weight is not None:
        return weight.sum()
    return _size(shape, like) if keep is None else keep.sum()


def _size(shape: Sequence[int], like: Shaped) -> Tensor | float:
    count = math.prod(shape)
    if torch.compiler.is_compiling() or is_recorded():  # as a number, a size that changes would be made a constant
        return torch.scalar_tensor(count, dtype=wide(like.dtype), device=like.device)
    return float(count)


def _checked_denominator(
    function: str, reduction: Reduction, denominator: Tensor | float, like: Shaped
) -> Tensor | float:
    if reduction != "mean":
        message = (
            f"{function}: `denominator` is {denominator!r} beside reduction={reduction!r}, expected reduction='mean'; "
            f"a denominator replaces the divisor of the mean."
        )
        raise OptionError(message)
    value: object = denominator
    if isinstance(denominator, Tensor):
        _check_number(function, denominator, like)
        if not reads_values(denominator):
            return denominator
        value = denominator.detach().item()
    elif not isinstance(value, int | float) and isinstance(value, numbers.Real):
        denominator = value = float(value)  # NumPy's
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _ENDLESS:
        came = check.brief(value)
        message = (
            f"{function}: `denominator` is {came}, expected a finite number of at least 0; pass the sum of weights."
        )
        raise OptionError(message)
    return denominator


def _check_number(function: str, denominator: Tensor, like: Shaped) -> None:
    """Check a divisor that is a tensor: a count or a sum of weights, on the CPU as a number is, or with the loss."""
    check.tensor(function, denominator=denominator)
    check.has_shape(function, "denominator", denominator, (), "one number")
    if denominator.dtype not in (*FLOATS, *_COUNTS):
        message = (
            f"{function}: `denominator` has dtype {denominator.dtype}, expected a real number or a count; "
            f"pass the sum of weights, or a number of elements."
        )
        raise DtypeError(message)
    if denominator.device.type != "cpu":  # torch takes a 0-d tensor on the CPU for a number, on every device
        check.same_device(function, denominator=denominator, predictions=like)
