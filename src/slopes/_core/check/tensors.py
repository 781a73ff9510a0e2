"""Whether an argument is a dense tensor of a dtype that is taken, and no stand-in of a tracer."""

from __future__ import annotations

from typing import cast

import torch
import torch.fx
from torch import Tensor

from slopes._core.errors import DtypeError, OptionError, TransformError
from slopes._core.tensors import FLOATS, Shaped


def tensor(function: str, **arguments: object) -> None:
    """Raise `DtypeError` unless each argument is a dense tensor."""
    for name, value in arguments.items():
        if not isinstance(value, Tensor):
            _no_proxy(function, name, value)
            message = f"{function}: `{name}` is {_kind(value)}, expected a torch.Tensor; {_as_tensor(name, value)}."
            raise DtypeError(message)
        if value.layout is not torch.strided or value.is_nested:
            _fail_layout(function, name, value)


def not_traced(function: str) -> None:
    """Raise `TransformError` under `torch.jit.trace`."""
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
        message = (
            f"{function}: it was called under torch.jit.trace, which makes the sizes of its example constants (the "
            f"mean of another batch would be wrong), expected torch.export; use torch.export.export(model, inputs, "
            f"dynamic_shapes=...)."
        )
        raise TransformError(message)


def _no_proxy(function: str, name: str, value: object) -> None:
    if isinstance(value, torch.fx.Proxy):
        message = (
            f"{function}: `{name}` is a torch.fx.Proxy, since torch.fx.symbolic_trace looks into the function, "
            f"expected a leaf; write torch.fx.wrap({function!r}) at the top of the module that imports it, or call "
            f"it as slopes.losses.{function} or slopes.activations.{function}."
        )
        raise TransformError(message)


def _kind(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _as_tensor(name: str, value: object) -> str:
    """Return how one gets a tensor out of something that is none."""
    if isinstance(value, torch.nn.Module):
        return f"pass {name}.weight"
    if hasattr(value, "materialize"):
        return f"make the logits with {name}.materialize()"
    if value is None or isinstance(value, str):
        return "this argument has to be there, as numbers"
    return "wrap it with torch.tensor(...)"


def _fail_layout(function: str, name: str, value: Tensor) -> None:
    came, fix = f"has layout {value.layout}", f"{name}.to_dense()"
    if value.is_nested:
        came, fix = "is nested", f"{name}.to_padded_tensor(0.0) and, where the function takes one, a mask"
    message = f"{function}: `{name}` {came}, expected a dense tensor (torch.strided); pass {fix}."
    raise DtypeError(message)


def floating(function: str, **tensors: Tensor) -> None:
    """Raise `DtypeError` unless each argument is a tensor of real floating numbers, of 16 bits at least."""
    tensor(function, **tensors)
    for name, value in tensors.items():
        if value.dtype not in FLOATS:
            message = (
                f"{function}: `{name}` has dtype {value.dtype}, expected float16, bfloat16, float32 or float64; "
                f"convert it yourself, for example {name}.float(), if that is what you mean."
            )
            raise DtypeError(message)


def logits(function: str, **given: Shaped) -> None:
    """Raise `DtypeError` unless each argument is a floating tensor, or logits that are not made."""
    for name, value in given.items():
        _no_proxy(function, name, value)
    made = {name: cast("Tensor", t) for name, t in given.items() if not hasattr(t, "materialize")}
    floating(function, **made)


def no_list(function: str, name: str, value: object, *, alone: bool = False) -> None:
    """Raise `DtypeError` where a list or an array came instead of a tensor (or, `alone`, of one number)."""
    if isinstance(value, Tensor | str | float | int) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0:
        return
    message = (
        f"{function}: `{name}` is {_kind(value)}, expected a torch.Tensor{' or one number' if alone else ''}; "
        f"pass torch.tensor({name}, dtype=torch.float32)."
    )
    raise DtypeError(message)


def constant(function: str, **tensors: Tensor | None) -> None:
    """Raise `OptionError` where a tensor that the loss is not differentiated by requires a gradient."""
    for name, value in tensors.items():
        if value is not None and value.requires_grad:
            message = (
                f"{function}: `{name}` requires a gradient, expected a constant, since the loss has no gradient by it; "
                f"pass {name}.detach()."
            )
            raise OptionError(message)
