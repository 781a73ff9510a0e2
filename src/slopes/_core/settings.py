"""The settings of the library: the precision of the activations, checks of values, and fusion.

They are process-wide, so that `torch.compile` sees a plain guard and recompiles when one changes. Set inside a `with`
block they are put back when it ends.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Final, Self, cast

import torch
from torch import Tensor

_FAKE: Final = torch._C._TorchDispatchModeKey.FAKE  # noqa: SLF001  there is no public name
_PROXY: Final = torch._C._TorchDispatchModeKey.PROXY  # noqa: SLF001  likewise


class _State:
    exact: bool = False
    check_values: bool | None = None
    fused: bool = os.environ.get("SLOPES_FUSED", "") not in ("", "0")


STATE = _State()


class Blocks:
    """The `with` blocks of one setting that are open, in whichever threads, and what holds outside of them.

    A block that ends takes itself away and not what began after it: two threads whose blocks overlap leave nothing.
    """

    def __init__(self, outside: object) -> None:
        self.outside = outside
        self.open: list[tuple[object, object]] = []

    def end(self, block: object) -> object:
        """Take a block away and return what holds then."""
        self.open[:] = [(which, value) for which, value in self.open if which is not block]
        return self.open[-1][1] if self.open else self.outside


class _Setting:
    """One of the settings, begun where it is made: for the process, or until its `with` block ends."""

    _name: str
    _blocks: Blocks

    def _begin(self, value: object) -> None:
        self._value, self._before, self._outside = value, getattr(STATE, self._name), self._blocks.outside
        setattr(STATE, self._name, value)
        if not torch.compiler.is_compiling():
            self._blocks.outside = value  # until a block is entered, the process

    def __enter__(self) -> Self:
        if not torch.compiler.is_compiling():
            self._blocks.outside = self._outside
            self._blocks.open.append((self, self._value))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        setattr(STATE, self._name, self._before if torch.compiler.is_compiling() else self._blocks.end(self))


class exact(_Setting):  # noqa: N801  a setting reads as a verb: `with slopes.exact():`
    """Compute the activations with the audited formulas instead of torch's kernels.

    Called alone it sets the process; used in a `with` block it holds until the block ends. It holds under
    `torch.compile` too, where fusion makes the audited formulas nearly free. The backward pass follows the
    precision of its forward pass.

    Args:
        on: `True` for the audited formulas, `False` for torch's kernels.

    Examples:
        >>> import torch, slopes
        >>> x = torch.tensor(20.0, requires_grad=True)
        >>> torch.autograd.grad(slopes.activations.sigmoid(x), x)[0].item()
        0.0
        >>> with slopes.exact():
        ...     slope = torch.autograd.grad(slopes.activations.sigmoid(x), x)[0]
        >>> f"{slope.item():.4e}"
        '2.0612e-09'
    """

    _name, _blocks = "exact", Blocks(STATE.exact)

    def __init__(self, on: bool = True) -> None:  # noqa: FBT001, FBT002  `exact(False)` reads as it acts
        self._begin(on)


class fused(_Setting):  # noqa: N801  likewise
    """Run the formulas of large inputs in one pass that torch's compiler writes, in code that is not compiled itself.

    Value, weights, reduction and gradient of a loss, or an activation and its slope, become one loop over memory
    instead of one for each operation. The first call of each function, dtype and set of options compiles, for some
    seconds (less in a later process, from torch's cache); batches of another size do not compile again. It is by
    choice, since a compiler at run time should surprise nobody. Where there is none, or a function cannot be compiled,
    its plain operations run, and `slopes.explain()` says so. Under `torch.compile`, `torch.func`, forward mode and
    second derivatives nothing changes.

    Called alone it sets the process; used in a `with` block it holds until the block ends. The environment variable
    `SLOPES_FUSED=1` turns it on from the start.

    Args:
        on: `True` for fused passes, `False` for torch's operators one by one.

    Examples:
        >>> import torch, slopes
        >>> with slopes.fused():
        ...     slopes.losses.mse(torch.ones(4), torch.zeros(4)).item()  # small ones are not worth a compilation
        1.0
    """

    _name, _blocks = "fused", Blocks(STATE.fused)

    def __init__(self, on: bool = True) -> None:  # noqa: FBT001, FBT002  `fused(False)` reads as it acts
        self._begin(on)


class checks(_Setting):  # noqa: N801  a setting reads as a verb: `with slopes.checks(values=False):`
    """Say whether checks that must read tensor values run.

    Shapes, dtypes, devices and options are always checked, since that needs no synchronisation. Values (class
    indices in range, targets that are probabilities, ...) are by default read on CPU tensors outside
    compilation only.

    Args:
        values: `True` reads them on every device, `False` never, `None` restores the default.

    Examples:
        >>> import torch, slopes
        >>> with slopes.checks(values=False):
        ...     slopes.losses.binary_cross_entropy(torch.zeros(1), torch.full((1,), 2.0)).item()
        0.6931471824645996
    """

    _name, _blocks = "check_values", Blocks(STATE.check_values)

    def __init__(self, *, values: bool | None) -> None:
        self._begin(values)


def constant(number: float) -> float:
    """Return a number, under `torch.compile` as a constant of the graph; see `settled`."""
    (found,) = settled((number,))
    return cast("float", found)


def settled(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the arguments, under `torch.compile` with the numbers among them as constants of the graph.

    Where an option changes from call to call, torch makes it a symbol, and bakes the value of one call into the
    operators that take no symbol where others do (clamp beside a product): the next call gets a stale option, in
    silence. Constants are guarded, so that another value makes another graph.
    """
    if not torch.compiler.is_compiling():
        return arguments
    from torch.fx.experimental.symbolic_shapes import guard_scalar  # noqa: PLC0415  it brings sympy, half a second

    return tuple(guard_scalar(x) if isinstance(x, float | int) else x for x in arguments)


def is_transformed(*tensors: Tensor | None) -> bool:
    """Whether `torch.func` (vmap, grad, jvp) is at work on any of these tensors."""
    wrapped = torch._C._functorch.is_functorch_wrapped_tensor  # noqa: SLF001
    for t in tensors:  # noqa: SIM110  a loop is half as long as any() for the one or two that there are
        if t is not None and wrapped(t):
            return True
    return False


def has_autocast(device: torch.device) -> bool:
    """Whether autocast is at work on a device; on "meta" it is not, and torch would raise an error."""
    return device.type != "meta" and torch.is_autocast_enabled(device.type)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which operations have the dtype of their tensors, whatever autocast says."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def is_recorded() -> bool:
    """Whether tensors have shapes and no values just now: under `FakeTensorMode`, and while `make_fx` records."""
    mode = torch._C._get_dispatch_mode  # noqa: SLF001
    return mode(_FAKE) is not None or mode(_PROXY) is not None


def is_readable(value: Tensor) -> bool:
    """Whether this tensor has a value that Python may ask for now."""
    return not (torch.compiler.is_compiling() or is_transformed(value) or is_recorded() or value.is_meta)


def reads_values(*tensors: Tensor | None) -> bool:
    """Whether checks may read the values of these tensors now."""
    if torch.compiler.is_compiling() or STATE.check_values is False or is_transformed(*tensors) or is_recorded():
        return False
    on_cpu = True
    for t in tensors:
        if t is not None and not t.is_cpu:
            on_cpu = False
            if t.is_meta:
                return False
    return on_cpu or bool(STATE.check_values)
