"""The visitor's own function under guard: never trusted to behave.

It may raise, return the wrong thing, or never return. Each of these becomes a `UserFunctionError` that names the
function and carries its traceback; a function that ran past the limit is stopped and not called again.
"""

from __future__ import annotations

import ctypes
import inspect
import threading
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from slopes._core.settings import exact
from slopes.explorer.yours.broken import BrokenFunctionError, own_frames, stack_of
from slopes.shown.curve import by_autograd

Function = Callable[[Tensor], Tensor]

LIMIT: Final = 2.0  # seconds that one evaluation may take


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
            self._stopped = text, stack_of(thread)
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
        return BrokenFunctionError(text, own_frames(error))


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


def _interrupt(thread: threading.Thread) -> None:
    """Ask a thread to end: it does at its next Python instruction, though not inside a call into C."""
    if thread.ident is not None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
