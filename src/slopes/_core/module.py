"""What the modules of all functions share: options are checked where they are set, and shown by `repr`."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from torch import Tensor, nn

from slopes._core import check
from slopes._core.spec import REALS, Domain

_Class = Any  # of modules; mypy takes no class for hashable


class Module(nn.Module):
    """Base of the modules: an option is an argument of the constructor that is kept under its own name.

    What an option may be follows from the constructor's annotations, and the interval of a number from the `Spec` of
    the module in the same file.
    """

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401  whatever the user hands in
        super().__setattr__(name, _checked(cast("_Class", type(self)), name, value))

    def extra_repr(self) -> str:
        """Return the options that are not the default; of what is learned, one number as it is now."""
        shown, module = [], cast("_Class", type(self))
        for name, argument in _arguments(module).items():
            value = getattr(self, name, argument.default)
            if isinstance(value, nn.Parameter):
                value = float(f"{value.item():.6g}") if value.numel() == 1 and not value.is_meta else argument.default
            if not isinstance(value, Tensor) and value == argument.default:
                continue
            written = f"tensor of {check.shape_of(value)}" if isinstance(value, Tensor) else repr(value)
            shown.append(f"{name}={written}")
        return ", ".join(shown)


@functools.cache
def _arguments(module: _Class) -> Mapping[str, inspect.Parameter]:
    """Return the arguments of the constructor."""
    given = inspect.signature(module.__init__).parameters
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: argument for name, argument in given.items() if name != "self" and argument.kind in kinds}


@functools.cache
def _types(module: _Class) -> Mapping[str, Any]:
    """Return what the constructor's annotations say of each argument."""
    hints = get_type_hints(module.__init__)
    return {name: hints[name] for name in _arguments(module)}


@functools.cache
def _domains(module: _Class) -> Mapping[str, Domain]:
    """Return the intervals that the module's `Spec` gives."""
    specs = getattr(sys.modules[module.__module__], "SPECS", ())
    return {of.name: of.domain for spec in specs if spec.module is module for of in spec.parameters}


def _checked(module: _Class, name: str, value: Any) -> Any:  # noqa: ANN401  whatever the user hands in
    """Return the value as it is kept; raise `OptionError` where this is an option that must not have it.

    Tensors that a function takes as tensors wait for the call, since what they must be follows from its inputs.
    """
    if name not in _arguments(module) or isinstance(value, nn.Parameter):
        return value
    expected, function, default = _types(module)[name], module.__name__, _arguments(module)[name].default
    members = get_args(expected) if isinstance(expected, UnionType) else (expected,)
    if isinstance(value, Tensor) and Tensor in members:
        return value
    if get_origin(expected) is Literal:
        check.choice(function, name, value, get_args(expected))
    elif expected is bool:
        check.flag(function, name, value)
    elif expected is int and isinstance(default, int):
        return check.index(function, name, value, default)
    elif float in members and not (value is None and NoneType in members):
        return check.option(function, name, value, _domains(module).get(name, REALS))
    return value
