"""Formulas in one pass over memory, written by torch's compiler: what `slopes.fused()` asks for.

A program is a formula with its options, compiled once with sizes that may change: the weighted and reduced value with
its gradients, a value alone, or slopes times what comes from above. Whatever cannot be had, a compiler, a formula that
it takes, a process that may start one, is noted for `slopes.explain()`, and the plain form runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from types import FunctionType
from typing import Any, Final

import torch
from torch import Tensor

from slopes._core.reduce import Plan
from slopes._core.settings import STATE, has_autocast, is_recorded, is_transformed, settled, without_autocast
from slopes._core.tensors import wide
from slopes.kernels import record
from slopes.kernels.pointwise import plain

LEAST: Final = 1 << 15  # elements from which one pass makes good what it costs to enter a compiled program
BACKEND: Final = "inductor"
_OPTIONS: Final = 4  # sets of options of a formula that are compiled; one that changes at each call never ends
_FORKED: Final = "this process was forked, where threads of a compiler or of OpenMP may be lost"
_LINE: Final = 160  # characters of an error that are shown

Program = Callable[..., Any]
_forked = False


def _after_fork() -> None:
    global _forked  # noqa: PLW0603  a process has one
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Programs:
    """The compiled programs of one formula.

    Args:
        name: Of the function.
        value: `value(*tensors, *numbers)`.
        slopes: Partial derivatives by each tensor.
        both: The two in one go.
    """

    def __init__(self, name: str, value: Program, slopes: Program, both: Program) -> None:
        self.name = name
        self._formulas = {"value": value, "slopes": slopes, "total": both}
        self._made: dict[Any, Program] = {}
        self._options: set[Any] = set()
        self._refused: dict[Any, str] = {}

    def total(
        self, plan: Plan, inputs: Sequence[Tensor], numbers: Sequence[Any], wanted: Sequence[bool]
    ) -> tuple[Tensor, list[Tensor | None]] | None:
        """Return the reduced value and the gradients that are wanted; None where the plain form is to run."""
        like = inputs[0]
        given = [t.detach() for t in inputs]
        keep, weight = (None if t is None else t.detach().reshape(-1) for t in (plan.keep, plan.weight))
        scale = plan.scale(wide(like.dtype))
        if not isinstance(scale, Tensor):
            scale = torch.full((), scale, dtype=wide(like.dtype), device=like.device)
        found = self._run("total", tuple(wanted), [scale.detach(), keep, weight, *given], numbers, like)
        if found is None:
            return None
        total, *gradients = found
        left = iter(gradients)
        return plan.divided(total), [next(left) if w else None for w in wanted]

    def value(self, inputs: Sequence[Tensor], numbers: Sequence[Any], to: torch.dtype) -> Tensor | None:
        """Return the value of each element, or row; None where the plain form is to run."""
        found: Tensor | None = self._run("value", to, [t.detach() for t in inputs], numbers, inputs[0])
        return found

    def slopes(
        self, upstream: Tensor, inputs: Sequence[Tensor], numbers: Sequence[Any], wanted: Sequence[bool]
    ) -> tuple[Tensor, ...] | None:
        """Return the slopes that are wanted times `upstream`; None where the plain form is to run."""
        given = [t.detach() for t in (upstream, *inputs)]
        found: tuple[Tensor, ...] | None = self._run("slopes", tuple(wanted), given, numbers, inputs[0])
        return found

    def _run(self, kind: str, how: Any, given: Sequence[Any], numbers: Sequence[Any], like: Tensor) -> Any:  # noqa: ANN401
        """Run a program, or note why there is none."""
        tensors = tuple(x for x in numbers if isinstance(x, Tensor))
        constants = tuple(None if isinstance(x, Tensor) else x for x in numbers)
        which = tuple(isinstance(x, Tensor) for x in numbers)
        kinds = tuple(None if t is None else t.dtype for t in (*given, *tensors))
        key = (kind, how, constants, which, kinds, like.device)
        reason = _FORKED if _forked else self._refused.get(key) or self._too_many(constants)
        if reason is None:
            program = self._made.get(key)
            if program is None:
                made = _MAKERS[kind](self._formulas[kind], how, constants, which)
                program = self._made.setdefault(key, _compiled(made))
            try:
                with torch.no_grad(), without_autocast(like.device) if has_autocast(like.device) else nullcontext():
                    found = program(*given, *tensors)
            except torch.OutOfMemoryError:
                raise
            except Exception as error:  # noqa: BLE001  a compiler fails in many ways, and the plain form is right
                said = " ".join(str(error).split())[:_LINE]
                reason = self._refused[key] = f"torch's compiler failed with {type(error).__name__}: {said}"
            else:
                record.passed(self.name, like, "one compiled pass", "since slopes.fused is on")
                return found
        record.passed(self.name, like, "torch's operators one by one", f"though slopes.fused is on, since {reason}")
        return None

    def _too_many(self, constants: tuple[Any, ...]) -> str | None:
        if constants not in self._options and len(self._options) >= _OPTIONS:
            return f"its options have changed more than {_OPTIONS} times"
        self._options.add(constants)
        return None


def asked(x: Tensor) -> bool:
    """Whether a compiled pass over this tensor is asked for and worth it."""
    if torch.compiler.is_compiling() or not STATE.fused or x.numel() < LEAST:
        return False
    return not (is_recorded() or is_transformed(x))


def wants(*tensors: Tensor) -> bool:
    """Whether these tensors, of which the first is the largest, are to be run through a compiled pass now."""
    if not asked(tensors[0]) or torch.is_grad_enabled():
        return False
    return not is_transformed(*tensors) and all(t.is_contiguous() for t in tensors)


def _compiled(program: FunctionType) -> Program:
    """Return a program that torch compiles at its first call, for any sizes.

    torch counts the graphs of a piece of code, and refuses more than a few: each program has code of its own.
    """
    own = FunctionType(
        program.__code__.replace(), program.__globals__, program.__name__, program.__defaults__, program.__closure__
    )
    return torch.compile(own, dynamic=True, fullgraph=True, backend=BACKEND)


def _filled(constants: tuple[Any, ...], which: tuple[bool, ...], tensors: Sequence[Tensor]) -> list[Any]:
    """Return the numbers of a formula, tensors in their places, the others as constants of the program."""
    left = iter(tensors)
    return [
        next(left) if is_tensor else constant for constant, is_tensor in zip(settled(constants), which, strict=True)
    ]


def _total(both: Program, wanted: tuple[bool, ...], constants: tuple[Any, ...], which: tuple[bool, ...]) -> Any:  # noqa: ANN401
    count = len(wanted)

    def total(scale: Tensor, keep: Tensor | None, weight: Tensor | None, *given: Tensor) -> list[Tensor]:
        values = [t.to(wide(t.dtype)) for t in given[:count]]
        if keep is not None:
            values = [torch.where(plain.along(keep, t), t, 0) for t in values]
        loss, slopes = both(*values, *_filled(constants, which, given[count:]))
        # The sum of a block of float32 is taken in float64 where that costs nothing.
        to = torch.float64 if loss.device.type == "cpu" else loss.dtype
        results = [plain.counted(loss, weight, keep).sum(dtype=to).to(loss.dtype)]
        for slope, wants, value in zip(slopes, wanted, values, strict=False):
            if wants:
                slope = torch.zeros_like(value) if slope is None else slope  # noqa: PLW2901
                results.append(plain.counted(slope, weight, keep) * scale)
        return results

    return total


def _value(value: Program, to: torch.dtype, constants: tuple[Any, ...], which: tuple[bool, ...]) -> Any:  # noqa: ANN401
    def one(*given: Tensor) -> Tensor:
        of = len(given) - sum(which)
        found: Tensor = value(*(t.to(wide(t.dtype)) for t in given[:of]), *_filled(constants, which, given[of:]))
        return found.to(to)

    return one


def _slopes(slopes: Program, wanted: tuple[bool, ...], constants: tuple[Any, ...], which: tuple[bool, ...]) -> Any:  # noqa: ANN401
    count = len(wanted)

    def partials(upstream: Tensor, *given: Tensor) -> list[Tensor]:
        values = [t.to(wide(t.dtype)) for t in given[:count]]
        found = slopes(*values, *_filled(constants, which, given[count:]))
        up = upstream.to(wide(upstream.dtype))
        return [
            plain.times(up, s).to(t.dtype) for s, w, t in zip(found, wanted, given, strict=False) if w and s is not None
        ]

    return partials


_MAKERS: Final[dict[str, Callable[..., Any]]] = {"total": _total, "value": _value, "slopes": _slopes}
