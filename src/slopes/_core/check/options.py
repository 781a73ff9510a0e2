"""Whether an option is a number, a word or a flag that the function takes."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from slopes._core.errors import OptionError
from slopes._core.settings import is_readable
from slopes._core.spec import Domain

_LEAST, _MOST = torch.finfo(torch.float32).tiny, torch.finfo(torch.float32).max
_LARGEST = int(sys.float_info.max)  # of the integers that are a float too


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


def ordered(function: str, **ends: float) -> None:
    """Raise `OptionError` unless the first of two numbers lies below the second."""
    (low, first), (high, second) = ends.items()
    if not first < second:
        message = (
            f"{function}: `{low}` is {first!r} and `{high}` is {second!r}, expected `{low}` below `{high}`; exchange "
            f"them, or move one away from the other."
        )
        raise OptionError(message)


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
