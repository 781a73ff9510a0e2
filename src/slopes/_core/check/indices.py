"""Whether indices and masks have their dtype and shape, and lie among the classes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from slopes._core.check.shapes import has_shape
from slopes._core.check.tensors import tensor
from slopes._core.errors import DtypeError, ValuesError
from slopes._core.settings import reads_values


def boolean(function: str, name: str, value: Tensor, shape: Sequence[int], meaning: str) -> None:
    """Check a boolean tensor of exactly this shape."""
    tensor(function, **{name: value})
    if value.dtype != torch.bool:
        message = (
            f"{function}: `{name}` has dtype {value.dtype}, expected torch.bool ({meaning}); "
            f"write the condition out, for example {name} == 1."
        )
        raise DtypeError(message)
    has_shape(function, name, value, shape, meaning)


def integers(function: str, name: str, value: Tensor, shape: Sequence[int], meaning: str) -> None:
    """Check an int64 tensor of exactly this shape."""
    tensor(function, **{name: value})
    if value.dtype != torch.int64:
        fix = f"{name}.long()"
        if value.dim() == len(shape) + 1 and tuple(value.shape[:-1]) == tuple(shape):  # one row for each index: one-hot
            fix = f"{name}.int().argmax(-1), the place of the entry that is set"
        message = f"{function}: `{name}` has dtype {value.dtype}, expected torch.int64 ({meaning}); use {fix}."
        raise DtypeError(message)
    has_shape(function, name, value, shape, meaning)


def in_range(
    function: str,
    name: str,
    value: Tensor,
    classes: int,
    ignore_index: int | None = None,
    fix: str = "check the label encoding and the size of the head",
) -> None:
    """Raise `ValuesError` unless each index lies in [0, classes) or equals `ignore_index`."""
    if not reads_values(value):
        return
    wrong = (value < 0) | (value >= classes)
    if ignore_index is not None:
        wrong = wrong & (value != ignore_index)
    if bool(wrong.any()):
        ignored = "" if ignore_index is None else f", or {ignore_index} to ignore a row"
        message = (
            f"{function}: `{name}` holds {int(value[wrong][0])}, expected class indices in [0, {classes}){ignored}; "
            f"{fix}."
        )
        raise ValuesError(message)
