"""The two settings of the library: which precision the activations have, and whether values are checked.

Both are process-wide, so that `torch.compile` sees a plain guard and recompiles when one changes. Set inside
a `with` block they are put back when it ends.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Any, Final, Self

import torch
from torch import Tensor

_MODES: Final = torch._C._TorchDispatchModeKey  # noqa: SLF001  there is no public name
_WITHOUT_VALUES: Final = (_MODES.FAKE, _MODES.PROXY)


class _State:
    exact: bool = False
    check_values: bool | None = None


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


_EXACT = Blocks(outside=False)
_CHECKS = Blocks(outside=None)


class exact:  # noqa: N801  a setting reads as a verb: `with slopes.exact():`
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

    def __init__(self, on: bool = True) -> None:  # noqa: FBT001, FBT002  `exact(False)` reads as it acts
        self._on, self._before, self._outside = on, STATE.exact, _EXACT.outside
        STATE.exact = on
        if not torch.compiler.is_compiling():
            _EXACT.outside = on  # until a block is entered, the process

    def __enter__(self) -> Self:
        if not torch.compiler.is_compiling():
            _EXACT.outside = self._outside
            _EXACT.open.append((self, self._on))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        STATE.exact = self._before if torch.compiler.is_compiling() else bool(_EXACT.end(self))


class checks:  # noqa: N801  a setting reads as a verb: `with slopes.checks(values=False):`
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

    def __init__(self, *, values: bool | None) -> None:
        self._values, self._before, self._outside = values, STATE.check_values, _CHECKS.outside
        STATE.check_values = values
        if not torch.compiler.is_compiling():
            _CHECKS.outside = values

    def __enter__(self) -> Self:
        if not torch.compiler.is_compiling():
            _CHECKS.outside = self._outside
            _CHECKS.open.append((self, self._values))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if torch.compiler.is_compiling():
            STATE.check_values = self._before
        else:
            found = _CHECKS.end(self)
            STATE.check_values = None if found is None else bool(found)


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
    return any(t is not None and torch._C._functorch.is_functorch_wrapped_tensor(t) for t in tensors)  # noqa: SLF001


def has_autocast(device: torch.device) -> bool:
    """Whether autocast is at work on a device; on "meta" it is not, and torch would raise an error."""
    return device.type != "meta" and torch.is_autocast_enabled(device.type)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context in which operations have the dtype of their tensors, whatever autocast says."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)


def is_recorded() -> bool:
    """Whether tensors have shapes and no values just now: under `FakeTensorMode`, and while `make_fx` records."""
    return any(torch._C._get_dispatch_mode(key) is not None for key in _WITHOUT_VALUES)  # noqa: SLF001


def is_readable(value: Tensor) -> bool:
    """Whether this tensor has a value that Python may ask for now."""
    return not (torch.compiler.is_compiling() or is_transformed(value) or is_recorded() or value.is_meta)


def reads_values(*tensors: Tensor | None) -> bool:
    """Whether checks may read the values of these tensors now."""
    if torch.compiler.is_compiling() or STATE.check_values is False or is_transformed(*tensors) or is_recorded():
        return False
    if any(t is not None and t.is_meta for t in tensors):
        return False
    return bool(STATE.check_values) or all(t is None or t.device.type == "cpu" for t in tensors)
