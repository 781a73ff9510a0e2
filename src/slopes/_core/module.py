"""What the modules of all functions share: `Module` makes each of them from its function and its options.

    class Huber(Module, of=huber):
        delta: float = 1.0
        reduction: Reduction = "mean"

is all of `L.Huber`: its constructor takes these options by keyword, its call what else the function takes.
"""

from __future__ import annotations

import functools
import inspect
import re
import sys
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Final, Literal, cast, dataclass_transform, get_args, get_origin, get_type_hints

from torch import Tensor, nn

from slopes._core import check
from slopes._core.spec import REALS, Domain

_Class = Any  # of modules; mypy takes no class for hashable
_Function = Any  # with its defaults, which mypy does not see in a callable
_EITHER: Final = inspect.Parameter.POSITIONAL_OR_KEYWORD


@dataclass_transform(eq_default=False, kw_only_default=True)
class Module(nn.Module):
    """Base of the modules: an option is an argument of the constructor that is kept under its own name.

    What an option may be follows from its annotation, and the interval of a number from the `Spec` of the module in the
    same file. A tensor is kept as a buffer. A constructor or a `forward` that is written out stays.
    """

    def __init_subclass__(cls, *, of: _Function | None = None) -> None:
        super().__init_subclass__()
        if of is None:  # a class that somebody derives from one of ours
            return
        if "__init__" not in vars(cls):
            cls.__init__ = _constructor(cls)  # type: ignore[method-assign]
        if "forward" not in vars(cls):
            cls.forward = _forward(cls, of)
        if "Args:" not in (cls.__doc__ or ""):
            cls.__doc__ = f"{cls.__doc__ or ''}{_options_of(cls, of)}"  # none under python -OO

    def __init__(self) -> None:
        """Make a module without options."""
        super().__init__()

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401  whatever the user hands in
        kind = cast("_Class", type(self))
        value = _checked(kind, name, value)
        if name in _arguments(kind) and not isinstance(value, nn.Parameter):
            self._buffers.pop(name, None)
            if isinstance(value, Tensor):
                self.__dict__.pop(name, None)
                self.register_buffer(name, value)
                return
        super().__setattr__(name, value)

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


def _constructor(module: _Class) -> _Function:
    """Return the constructor that takes the options which the class declares, and keeps each."""
    options = dict(vars(module).get("__annotations__", {}))
    lines = ["def __init__(self, *, {}):".format(", ".join(options)) if options else "def __init__(self):"]
    lines += ["    Module.__init__(self)", *(f"    self.{name} = {name}" for name in options)]
    made = _written(module, lines)
    made.__kwdefaults__ = {name: vars(module)[name] for name in options}
    made.__annotations__ = {**options, "return": None}
    for name in options:  # a default stands in the signature; a buffer could not have its name beside it
        delattr(module, name)
    return made


def _forward(module: _Class, function: _Function) -> _Function:
    """Return the call: what the function takes but the options, in its order."""
    signature = inspect.signature(function)
    kept = _arguments(module)
    given = {name: argument for name, argument in signature.parameters.items() if name not in kept}
    firsts = [name for name, argument in given.items() if argument.kind == _EITHER]
    others = [name for name in given if name not in firsts]
    taken = ", ".join(["self", *firsts, *(["*", *others] if others else [])])
    handed = [*firsts, *(f"{n}={n}" for n in others), *(f"{n}=self.{n}" for n in kept if n in signature.parameters)]
    made = _written(module, [f"def forward({taken}):", f"    return {function.__name__}({', '.join(handed)})"])
    defaults = (given[name].default for name in firsts)
    made.__defaults__ = tuple(default for default in defaults if default is not inspect.Parameter.empty)
    made.__kwdefaults__ = {name: given[name].default for name in others}
    made.__annotations__ = {n: function.__annotations__[n] for n in (*given, "return")}
    made.__doc__ = f"Return `{function.__name__}` of these tensors under the module's options."
    return made


def _written(module: _Class, lines: list[str]) -> _Function:
    """Return the function of these lines, as if it stood in the class: its names are those of the class's file."""
    inside = ["def made(Module):", *(f"    {line}" for line in lines)]
    name = lines[0].removeprefix("def ").split("(")[0]
    scope: dict[str, Any] = {}
    code = compile("\n".join([*inside, f"    return {name}"]), f"<{module.__qualname__}.{name}>", "exec")
    exec(code, vars(sys.modules[module.__module__]), scope)  # noqa: S102  names of a class and of a signature
    made = scope["made"](Module)
    made.__qualname__, made.__module__ = f"{module.__qualname__}.{name}", module.__module__
    return made


def _options_of(module: _Class, function: _Function) -> str:
    """Return what the function's docstring says of the module's options."""
    said = inspect.getdoc(function) or ""
    entries = re.findall(
        r"^    (\w+):(.*(?:\n     +.*)*)", said.partition("Args:")[2].partition("\n\n")[0], re.MULTILINE
    )
    lines = [f"    {name}:{text}" for name, text in entries if name in _arguments(module)]
    return "\n\nArgs:\n" + "\n".join(lines) if lines else ""


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
