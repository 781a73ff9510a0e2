"""Whether a tensor has the shape that is expected."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from slopes._core.errors import ShapeError
from slopes._core.tensors import Shaped


def shape_of(tensor: Shaped) -> str:
    """Return the shape of a tensor as people write it: `[3, 4]`."""
    return str(list(tensor.shape))


def has_shape(function: str, name: str, value: Tensor, shape: Sequence[int], meaning: str) -> None:
    """Raise `ShapeError` unless `value` has exactly `shape`; `meaning` says in words what that shape is."""
    if tuple(value.shape) != tuple(shape):
        message = (
            f"{function}: `{name}` has shape {shape_of(value)}, expected {list(shape)} ({meaning}); "
            f"reshape or expand it yourself, nothing broadcasts silently."
        )
        raise ShapeError(message)


def dimensions(function: str, name: str, value: Shaped, names: str, at_least: int) -> None:
    """Raise `ShapeError` unless `value` has at least this many dimensions; `names` writes them: `[..., C]`."""
    if value.dim() < at_least:
        message = (
            f"{function}: `{name}` has shape {shape_of(value)}, expected {names} with at least "
            f"{at_least} dimension{'s' if at_least > 1 else ''}; add the missing one with .unsqueeze(...)."
        )
        raise ShapeError(message)


def filled(function: str, name: str, value: Shaped, names: str, fix: str = "check the size of the head") -> None:
    """Raise `ShapeError` where the last dimension is empty; `names` writes them all: `[..., C]`."""
    if value.shape[-1] == 0:
        last = names.strip("[]").split(", ")[-1]
        message = (
            f"{function}: `{name}` has shape {shape_of(value)}, expected {names} with {last} of at least 1; {fix}."
        )
        raise ShapeError(message)
