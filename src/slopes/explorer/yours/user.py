"""The visitor's own function: loaded from the command line or from Python only, and never trusted to behave.

It may raise, return the wrong thing, or never return. Each of these becomes a `UserFunctionError` that names the
function and carries its traceback; a function that ran past the limit is stopped and not called again.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import inspect
import sys
import threading
import traceback
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor

import slopes
from slopes._core.errors import UserFunctionError
from slopes._core.names import meant
from slopes._core.settings import exact
from slopes.shown.curve import by_autograd

Function = Callable[[Tensor], Tensor]

LIMIT: Final = 2.0  # seconds that one evaluation may take
# The rooms that call the function and draw it: their frames are not what the user can act on.
_OURS: Final = tuple(str(Path(slopes.__file__).parent / room) for room in ("explorer", "shown"))


class BrokenFunctionError(UserFunctionError):
    """A function of the user's that could not be drawn, with the traceback of its own frames."""

    def __init__(self, text: str, shown: str = "") -> None:
        super().__init__(text)
        self.traceback = shown


def load(reference: str) -> Function:
    """Return the function that `path.py:name` or `module:name` refers to.

    Args:
        reference: Where the function is, as typed on a command line.

    Returns:
        The function, not yet called.

    Raises:
        UserFunctionError: There is no such file, module or name, it cannot be imported, or it cannot be called.
    """
    where, _, name = reference.rpartition(":")
    if not where or not name.isidentifier():
        text = f"'{reference}' does not say where a function is; write path/to/file.py:name or module:name."
        raise BrokenFunctionError(text)
    try:
        module = _from_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
    except UserFunctionError:
        raise
    except (Exception, SystemExit) as error:
        text = f"{where} could not be imported: {type(error).__name__}: {error}; mend it, or write where it is."
        raise BrokenFunctionError(text, _own_frames(error)) from error
    function: Any = getattr(module, name, None)
    if function is None:
        known = [other for other, value in vars(module).items() if callable(value) and not other.startswith("_")]
        text = f"{where} has no {name}; {meant(name, known) if known else 'write it there.'}"
        raise BrokenFunctionError(text)
    if not callable(function):
        text = f"{name} in {where} is a {type(function).__name__}, which cannot be called; name a function."
        raise BrokenFunctionError(text)
    return cast("Function", function)  # what it takes and returns is checked at each call


class Guarded:
    """An activation of the user's under guard: call it like `value_and_slope`, with a limit in time.

    Args:
        function: The function.
        name: What the page calls it.
        limit: Seconds that one evaluation may take.
    """

    def __init__(self, function: Function, name: str, limit: float = LIMIT) -> None:
        self.name = name
        self._function = function
        self._limit = limit
        self._stopped: tuple[str, str] | None = None

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return values and slopes at `x`.

        Raises:
            UserFunctionError: The function raised, returned the wrong thing, or took too long.
        """
        return self._guard(lambda points: self._checked(self._function(points), points, "an activation"), x)

    def _guard(self, checked: Function, x: Tensor) -> tuple[Tensor, Tensor]:
        if self._stopped:
            raise BrokenFunctionError(*self._stopped)
        outcome: list[tuple[Tensor, Tensor] | BaseException] = []
        thread = threading.Thread(target=_run, args=(checked, x, outcome), daemon=True, name=f"slopes: {self.name}")
        with exact():  # set here, not there: a thread that never returns would keep the process-wide setting
            thread.start()
            thread.join(self._limit)
        if not outcome and thread.is_alive():
            text = (
                f"{self.name} had not returned after {self._limit:g} seconds. It was stopped and is not called again; "
                "mend it and start the explorer anew."
            )
            self._stopped = text, _stack_of(thread)
            _interrupt(thread)
            raise BrokenFunctionError(*self._stopped)
        if not outcome:
            text = f"{self.name} ended without a result, expected a tensor; mend it and start the explorer anew."
            raise BrokenFunctionError(text)
        if isinstance(outcome[0], BaseException):
            raise self._said(outcome[0])
        return outcome[0]

    def _checked(self, y: object, x: Tensor, kind: str) -> Tensor:
        if not isinstance(y, Tensor):
            text = f"{self.name} returned a {type(y).__name__}; it must return a tensor."
            raise BrokenFunctionError(text)
        if y.shape != x.shape:
            text = (
                f"{self.name} returned shape {list(y.shape)} for an input of shape {list(x.shape)}; {kind} "
                f"returns one value for each input{' here, before any mean' if kind == 'a loss' else ''}."
            )
            raise BrokenFunctionError(text)
        if not y.dtype.is_floating_point:
            text = f"{self.name} returned {y.dtype}; it must return floating point, as its input is."
            raise BrokenFunctionError(text)
        if not y.requires_grad:
            text = (
                f"{self.name} cannot be differentiated: its result does not depend on its input through operations "
                "that autograd follows (.detach(), .item(), NumPy or torch.no_grad() cut the graph)."
            )
            raise BrokenFunctionError(text)
        return y.to(torch.float64)

    def _said(self, error: BaseException) -> BrokenFunctionError:
        if isinstance(error, BrokenFunctionError):
            return error
        text = f"{self.name} raised {type(error).__name__}: {error}"
        return BrokenFunctionError(text, _own_frames(error))


class GuardedLoss(Guarded):
    """A loss of the user's under guard: `f(predictions, targets)`, one value for each prediction."""

    def at(self, predictions: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return values and slopes by the predictions.

        Raises:
            UserFunctionError: The function raised, returned the wrong thing, or took too long.
        """
        loss: Callable[..., object] = self._function
        fixed = targets.detach().clone()
        return self._guard(lambda points: self._checked(loss(points, fixed), points, "a loss"), predictions)


def takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function wants two arguments at least, as a loss does."""
    try:
        given = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in plain and p.default is inspect.Parameter.empty for p in given) >= 2  # noqa: PLR2004  as said


def _run(checked: Function, x: Tensor, outcome: list[tuple[Tensor, Tensor] | BaseException]) -> None:
    torch.set_num_threads(1)  # holds for this thread; a few thousand numbers are slower on more
    try:
        outcome.append(by_autograd(checked, x))
    except BaseException as error:  # noqa: BLE001  SystemExit too: nothing of theirs may end the server
        outcome.append(error)


def _from_file(path: Path) -> Any:  # noqa: ANN401  a module of any shape
    if not path.is_file():
        text = f"There is no file {path}, expected one with the function; check the path."
        raise BrokenFunctionError(text)
    spec = cast("ModuleSpec", importlib.util.spec_from_file_location(path.stem, path.resolve()))  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    cast("Loader", spec.loader).exec_module(module)
    return module


def _own_frames(error: BaseException) -> str:
    """The traceback from the first frame outside this package on: what the user can act on."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith((*_OURS, "<frozen importlib"))]
    body = traceback.format_list(own)
    return "".join(["Traceback (most recent call last):\n", *body, *traceback.format_exception_only(error)])


def _stack_of(thread: threading.Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001  the documented way to see another thread
    if frame is None:
        return ""
    own = [f for f in traceback.extract_stack(frame) if not f.filename.startswith(_OURS)]
    own = [f for f in own if not f.filename.endswith("threading.py")]
    return "".join(["Where it was when it was stopped:\n", *traceback.format_list(own)])


def _interrupt(thread: threading.Thread) -> None:
    """Ask a thread to end: it does at its next Python instruction, though not inside a call into C."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
