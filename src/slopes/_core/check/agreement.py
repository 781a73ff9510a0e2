"""Whether tensors that meet agree in shape, dtype, precision and device: nothing broadcasts or is cast silently."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from slopes._core.check.shapes import shape_of
from slopes._core.check.tensors import floating
from slopes._core.errors import DeviceError, DtypeError, ShapeError
from slopes._core.tensors import FLOATS, NARROW, Shaped


def same_device(function: str, **tensors: Shaped | None) -> None:
    """Raise `DeviceError` unless all tensors are on one device."""
    present = {name: t for name, t in tensors.items() if t is not None}
    if len({t.device for t in present.values()}) > 1:
        places = ", ".join(f"`{name}` on {t.device}" for name, t in present.items())
        message = f"{function}: {places}, expected one device; move them together with .to(device)."
        raise DeviceError(message)


def same_precision(function: str, **tensors: Shaped) -> None:
    """Raise `DtypeError` where float64 meets a narrower dtype; 16-bit and float32 both compute in float32."""
    wide = {t.dtype for t in tensors.values()}
    if torch.float64 in wide and len(wide) > 1:
        _fail_dtypes(function, "one precision", tensors)


def same_dtype(function: str, **tensors: Tensor) -> None:
    """Raise `DtypeError` unless all dtypes are equal."""
    if len({t.dtype for t in tensors.values()}) > 1:
        _fail_dtypes(function, "one dtype", tensors)


def learned_dtype(function: str, x: Tensor, **learned: Tensor) -> None:
    """Raise `DtypeError` unless a learned option has the dtype of `x`, or float32 beside 16 bits, as under autocast."""
    if x.dtype in NARROW and all(t.dtype == torch.float32 for t in learned.values()):
        return
    same_dtype(function, x=x, **learned)


def _fail_dtypes(function: str, expected: str, tensors: Mapping[str, Shaped]) -> None:
    came = ", ".join(f"`{name}` is {t.dtype}" for name, t in tensors.items())
    message = f"{function}: {came}, expected {expected}; convert one of them, nothing is cast silently."
    raise DtypeError(message)


def same_shape(function: str, **tensors: Shaped) -> None:
    """Raise `ShapeError` unless all shapes are equal: nothing broadcasts silently."""
    first, *others = (t.shape for t in tensors.values())
    if any(shape != first for shape in others):  # compared and not hashed: under torch.compile a size has no hash
        came = " and ".join(f"`{name}` {shape_of(t)}" for name, t in tensors.items())
        message = (
            f"{function}: {came} have different shapes, expected equal ones; nothing broadcasts silently, "
            f"so reshape or .expand_as(...) one of them yourself (often a stray .squeeze(-1) or .unsqueeze(-1))."
        )
        raise ShapeError(message)


def alike(function: str, **tensors: Tensor) -> None:
    """Check floating tensors that must agree in shape, device and precision."""
    if _ordinary(tensors.values()):
        return
    floating(function, **tensors)
    same_device(function, **tensors)
    same_shape(function, **tensors)
    same_precision(function, **tensors)


def _ordinary(tensors: Iterable[Tensor]) -> bool:
    """Whether one look finds all in order: dense tensors of one shape, floating dtype and device."""
    first = None
    for t in tensors:
        if type(t) is not Tensor or t.layout is not torch.strided or t.is_nested:
            return False
        if first is None:
            first = t
            if t.dtype not in FLOATS:
                return False
        elif t.dtype != first.dtype or t.shape != first.shape or t.device != first.device:
            return False
    return True
