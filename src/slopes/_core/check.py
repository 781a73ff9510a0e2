"""Guards. Each message names the function and the argument, what came, what was expected, and the fix.

Checks of shape, dtype, device and option always run: they read no values and cost no synchronisation. Those
that read values ask `settings.reads_values` first.
"""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import torch
import torch.fx
from torch import Tensor

from slopes._core.errors import DeviceError, DtypeError, OptionError, ShapeError, TransformError, ValuesError
from slopes._core.settings import is_readable, reads_values
from slopes._core.spec import Domain
from slopes._core.tensors import FLOATS, NARROW, Shaped, wide

_LEAST, _MOST = torch.finfo(torch.float32).tiny, torch.finfo(torch.float32).max
_LARGEST = int(sys.float_info.max)  # of the integers that are a float too
_PIECE = 1 << 17


def shape_of(tensor: Shaped) -> str:
    """Return the shape of a tensor as people write it: `[3, 4]`."""
    return str(list(tensor.shape))


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


def option(function: str, name: str, value: float, domain: Domain) -> float:
    """Return a real number of `domain` as a Python number, or raise `OptionError`.

    A number of NumPy's, and a tensor of one number that requires no gradient, are taken for what they hold.
    """
    if type(value) is not float and type(value) is not int:
        value = _number(function, name, value, f"a Python number in {domain}", numbers.Real, "pass a float")
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        message = f"{function}: `{name}` is {brief(value)}, expected a number in {domain}; pass one that is a float."
        raise OptionError(message)
    if value not in domain:  # as NaN never is
        message = f"{function}: `{name}` is {value!r}, expected a number in {domain}; choose one from there."
        raise OptionError(message)
    if not (value == 0 or _LEAST <= abs(value) <= _MOST or abs(value) == math.inf):
        message = (
            f"{function}: `{name}` is {value!r}, expected a number in {domain} that float32 holds; "
            f"choose 0 where that is allowed, or a size from {_LEAST:.3g} to {_MOST:.3g}."
        )
        raise OptionError(message)
    return value


def _number(function: str, name: str, value: object, expected: str, kind: type[Any], fix: str) -> Any:  # noqa: ANN401
    """Return what a number of NumPy's or a tensor of one number holds, or raise `OptionError`."""
    if isinstance(value, Tensor) and value.dim() == 0 and value.dtype != torch.bool:
        if value.requires_grad:
            message = (
                f"{function}: `{name}` is a tensor that requires a gradient, expected {expected}, since nothing is "
                f"learned through it; pass {name}.item()."
            )
            raise OptionError(message)
        if not is_readable(value):
            message = (
                f"{function}: `{name}` is a tensor whose value cannot be read here (under torch.compile, torch.func or "
                f"without data), expected {expected}; pass {name}.item(), taken outside."
            )
            raise OptionError(message)
        value = value.item()
    if isinstance(value, kind) and not isinstance(value, bool):
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    message = f"{function}: `{name}` is {value!r} of type {type(value).__name__}, expected {expected}; {fix}."
    raise OptionError(message)


def brief(value: object) -> str:
    """Return how a value is written, unless it is an integer with more digits than anyone reads."""
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)


def choice(function: str, name: str, value: object, choices: Sequence[str]) -> None:
    """Raise `OptionError` unless `value` is one of `choices`."""
    if value not in choices:
        expected = ", ".join(repr(c) for c in choices)
        message = f"{function}: `{name}` is {value!r}, expected one of {expected}; choose one of these."
        raise OptionError(message)


def flag(function: str, name: str, value: object) -> None:
    """Raise `OptionError` unless `value` is True or False."""
    if not isinstance(value, bool):
        message = f"{function}: `{name}` is {value!r}, expected True or False; choose one of them."
        raise OptionError(message)


def count(function: str, name: str, value: int) -> int:
    """Return an integer of at least 1, of 64 bits at most, or raise `OptionError`."""
    whole = _whole(function, name, value, "an integer of at least 1", "pass a whole number")
    if whole < 1:
        message = f"{function}: `{name}` is {value!r}, expected an integer of at least 1; pass a whole number."
        raise OptionError(message)
    _fits(function, name, whole)
    return whole


def index(function: str, name: str, value: int, usual: int = -100) -> int:
    """Return an integer of 64 bits at most, or raise `OptionError`."""
    whole = _whole(function, name, value, "an integer", f"the usual one is {usual}")
    _fits(function, name, whole)
    return whole


def _whole(function: str, name: str, value: int, expected: str, fix: str) -> int:
    if type(value) is int:
        return value
    return int(_number(function, name, value, expected, numbers.Integral, fix))


def _fits(function: str, name: str, value: int) -> None:
    if not torch.iinfo(torch.int64).min <= value <= torch.iinfo(torch.int64).max:
        message = f"{function}: `{name}` is {brief(value)}, expected one that int64 holds; pass a smaller number."
        raise OptionError(message)


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


def constant(function: str, **tensors: Tensor | None) -> None:
    """Raise `OptionError` where a tensor that the loss is not differentiated by requires a gradient."""
    for name, value in tensors.items():
        if value is not None and value.requires_grad:
            message = (
                f"{function}: `{name}` requires a gradient, expected a constant, since the loss has no gradient by it; "
                f"pass {name}.detach()."
            )
            raise OptionError(message)


def within(function: str, name: str, value: Tensor, domain: Domain, fix: str, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless each value that counts lies in `domain`; NaN does not."""
    if not reads_values(value, keep) or value.numel() == 0:
        return
    low, high = (float(end) for end in value.detach().aminmax())  # one pass; most inputs are right
    if low in domain and high in domain:
        return
    above = value > domain.low if domain.low_open else value >= domain.low
    below = value < domain.high if domain.high_open else value <= domain.high
    wrong = ~(above & below)
    if keep is not None:
        wrong = wrong & keep
    if bool(wrong.any()):
        came = value[wrong][0].item()
        if math.isnan(came):
            fix = f"find the step that made it: {name}.isnan() says which it is"
        message = f"{function}: `{name}` holds {came:.6g}, expected values in {domain}; {fix}."
        raise ValuesError(message)


def hard_labels(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless each value that counts is 0 or 1."""
    if not reads_values(value, keep) or value.numel() == 0:
        return
    flat = value.detach().reshape(-1)
    # Piece by piece, in the cache: a temporary of the whole would cost more than the loss.
    starts = range(0, flat.numel(), _PIECE)
    if all(_all_zero(torch.addcmul(p, p, p, value=-1)) for p in (flat[s : s + _PIECE] for s in starts)):
        return
    wrong = ~((value == 0) | (value == 1))
    if keep is not None:
        wrong = wrong & keep
    if bool(wrong.any()):
        message = (
            f"{function}: `{name}` holds {value[wrong][0].item():.6g}, expected 0 or 1; "
            f"for soft targets use binary_cross_entropy, from labels -1 and +1 make (labels + 1) / 2."
        )
        raise ValuesError(message)


def _all_zero(value: Tensor) -> bool:
    low, high = value.aminmax()
    return low.item() == 0 == high.item()


def distribution(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless the last dimension holds probabilities that sum to 1."""
    fix = "pass probabilities, for example the softmax of a teacher's logits"
    within(
        function,
        name,
        value,
        Domain(0.0, 1.0),
        fix,
        None if keep is None else keep.unsqueeze(-1).expand_as(value),
    )
    if not reads_values(value, keep):
        return
    total = value.double().sum(-1)
    wrong = (total - 1).abs() > rounding(value)
    if keep is not None:
        wrong = wrong & keep
    if bool(wrong.any()):
        message = (
            f"{function}: a row of `{name}` sums to {total[wrong][0].item():.6g}, expected 1; "
            f"divide it by its sum, or pass class indices (int64) if each row has one class."
        )
        raise ValuesError(message)


def log_distribution(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless the exponentials of the last dimension sum to 1."""
    if not reads_values(value, keep):
        return
    total = value.detach().to(wide(value.dtype)).exp().sum(-1)  # rounded far less than what is allowed
    wrong = ~((total - 1).abs() <= rounding(value))
    if keep is not None:
        wrong = wrong & keep
    if bool(wrong.any()):
        message = (
            f"{function}: a row of exp(`{name}`) sums to {total[wrong][0].item():.6g}, expected 1; "
            f"pass log-probabilities, for example torch.log_softmax(logits, -1)."
        )
        raise ValuesError(message)


def rounding(value: Tensor) -> float:
    """Return how far a sum over the last dimension may be off its true value."""
    # Each of the C entries carries half a unit in the last place; a sum of rounded ones is off by about its root.
    return 4 * torch.finfo(value.dtype).eps * math.sqrt(max(value.shape[-1], 1)) + 1e-6


def signs(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless each value that counts is -1 or +1."""
    if not reads_values(value, keep) or value.numel() == 0:
        return
    low, high = (float(end) for end in value.detach().abs().aminmax())
    if low == 1 and high == 1:
        return
    wrong = value.abs() != 1
    if keep is not None:
        wrong = wrong & keep
    if bool(wrong.any()):
        message = (
            f"{function}: `{name}` holds {value[wrong][0].item():.6g}, expected -1 or +1; "
            f"from labels 0 and 1 make 2 * labels - 1."
        )
        raise ValuesError(message)


def moderate(function: str, keep: Tensor | None = None, **points: Tensor) -> None:
    """Raise `ValuesError` where points that count have entries without differences: infinite, or nearly; NaN may be."""
    for name, value in points.items():
        if value.numel() == 0 or not reads_values(value, keep):
            continue
        most = torch.finfo(torch.float32 if value.dtype in NARROW else value.dtype).max / 4
        low, high = (float(end) for end in value.detach().aminmax())
        if -most <= low and high <= most:
            continue
        wrong = value.detach().abs() > most
        if keep is not None:
            wrong = wrong & keep.reshape(keep.shape + (1,) * (value.dim() - keep.dim()))
        if bool(wrong.any()):
            at = wrong.nonzero()[0].tolist()
            message = (
                f"{function}: `{name}` is {value[wrong][0].item():.6g} at entry {at}, expected "
                f"finite numbers of at most {most:.3g} in size; find the overflow that made it so (float16 ends at "
                f"65,504), and scale down what comes before it."
            )
            raise ValuesError(message)


def no_list(function: str, name: str, value: object, *, alone: bool = False) -> None:
    """Raise `DtypeError` where a list or an array came instead of a tensor (or, `alone`, of one number)."""
    if isinstance(value, Tensor | str | float | int) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0:
        return
    message = (
        f"{function}: `{name}` is {_kind(value)}, expected a torch.Tensor{' or one number' if alone else ''}; "
        f"pass torch.tensor({name}, dtype=torch.float32)."
    )
    raise DtypeError(message)
