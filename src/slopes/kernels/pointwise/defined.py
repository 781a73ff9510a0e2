"""Losses that say where they have no value: ∞ - ∞, 0 · ∞, or a row of classes that are all masked.

A result that is finite is taken as it is, which costs a look at one number. One that is not is made once more, block
by block, to find the entry that has no value or no gradient, and to name what it was made of. An entry that holds a
NaN of the caller's, or that is infinite and has its gradient, is nobody's mistake here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from slopes._core.errors import ValuesError
from slopes._core.linear_logits import LinearLogits
from slopes._core.reduce import Plan
from slopes._core.settings import reads_values
from slopes._core.tensors import wide
from slopes.kernels.pointwise import plain
from slopes.kernels.pointwise.executor import Pointwise

if TYPE_CHECKING:
    from slopes._core.linear_logits import Logits

_BLOCK: Final = 1 << 18
_HUGE: Final = 1e15  # the products of two such numbers are near the end of float32


def reduced(formula: Pointwise, plan: Plan, *numbers: Any, **tensors: Logits | None) -> Tensor:  # noqa: ANN401
    """Return `formula.reduced`; raise `ValuesError` where it has no value or no gradient, and values may be read."""
    loss = formula.reduced(*tensors.values(), *numbers, plan=plan)
    if _is_finite(loss):
        return loss
    if not all(isinstance(t, Tensor) for t in tensors.values()):
        _refuse_endless(plan.function, loss, tensors)
        return loss
    given: dict[str, Tensor] = tensors  # type: ignore[assignment]
    with torch.no_grad():
        _refuse_undefined(formula, plan, numbers, given)
        _refuse_opposites(formula, plan, numbers, given, loss)
    return loss


def _refuse_endless(function: str, loss: Tensor, tensors: Mapping[str, Logits | None]) -> None:
    """Raise `ValuesError` where a loss over logits that are not made is NaN, and nothing that they are made of is."""
    if not _holds_nan(loss):
        return
    made = {n: t for n, t in tensors.items() if isinstance(t, LinearLogits)}
    parts = {f"{n}.{of}": getattr(t, of) for n, t in made.items() for of in ("hidden", "weight", "bias")}
    given = {n: t.detach() for n, t in [*parts.items(), *tensors.items()] if isinstance(t, Tensor)}
    if any(_holds_nan(t) for t in given.values()):
        return
    for name, value in given.items():
        if bool(value.isinf().any()):
            at = value.isinf().nonzero()[0].tolist()
            came = f"`{name}` is {value[tuple(at)].item()} at entry {at}"
            break
    else:
        name = next(iter(parts))
        came = f"products of `{name}` and its weight are beyond {given[name].dtype}"
    message = (
        f"{function}: {came}, and the loss is NaN, expected a finite logit in each row that counts, and none of +inf; "
        f"find the step that made it so, or leave out a class by a bias of -inf, and a row by the mask."
    )
    raise ValuesError(message)


def told(loss: Tensor, plan: Plan, **tensors: Tensor) -> Tensor:
    """Return a loss between all pairs; raise `ValuesError` where it is NaN and no input is, and values may be read."""
    if _is_finite(loss) or not bool(loss.detach().isnan().any()) or any(_holds_nan(t) for t in tensors.values()):
        return loss
    sizes = {name: float(t.detach().abs().amax()) for name, t in tensors.items() if t.numel()}
    name = max(sizes, key=lambda n: sizes[n])
    message = (
        f"{plan.function}: `{name}` holds numbers up to {sizes[name]:.6g}, expected ones whose products and "
        f"differences the dtype holds, since the loss is NaN; divide it by its largest entry, or normalise."
    )
    raise ValuesError(message)


def scored(function: str, scores: Tensor, logits: Logits, keep: Tensor) -> Tensor:
    """Return scores of each row; raise `ValuesError` where a row that counts has no class, and values may be read.

    Args:
        function: Name for error messages.
        scores: `[...]` or `[..., n]`, of rows of logits.
        logits: `[..., C]`.
        keep: `[...]` boolean, True where a row counts.
    """
    if _is_finite(scores) or not isinstance(logits, Tensor):
        return scores
    nothing = keep & (logits.detach() == -torch.inf).all(-1)
    if bool(nothing.any()):
        at = nothing.nonzero()[0].tolist()
        _fail(function, f"entry {at}", {"logits": logits.detach()[nothing][0]})
    return scores


def _holds_nan(value: Tensor) -> bool:
    return bool(value.detach().isnan().any())


def _is_finite(loss: Tensor) -> bool:
    """Whether the loss is finite, or nobody may look."""
    if not reads_values(loss):
        return True
    # The sum of all is finite where each is; where it is not, a closer look follows.
    return math.isfinite(loss.item() if loss.dim() == 0 else loss.detach().sum().item())


def _refuse_undefined(formula: Pointwise, plan: Plan, numbers: Sequence[Any], given: Mapping[str, Tensor]) -> None:
    """Raise `ValuesError` at the first entry that counts whose value, or a gradient that is wanted, is NaN."""
    first = next(iter(given.values()))
    shape = first.shape[:-1] if formula.rows else first.shape
    flat = {n: t.detach().reshape(shape.numel(), *t.shape[len(shape) :]) for n, t in given.items()}
    wanted = [t.requires_grad for t in given.values()]
    for start in range(0, shape.numel(), size := max(_BLOCK // max(math.prod(first.shape[len(shape) :]), 1), 1)):
        block = {n: _wide(t[start : start + size]) for n, t in flat.items()}
        keep = None if plan.keep is None else plan.keep.reshape(-1)[start : start + size]
        wrong = _undefined(formula, numbers, block, wanted, keep)
        if bool(wrong.any()):
            at = int(wrong.nonzero()[0, 0])
            _fail(plan.function, _index(start + at, shape), {n: t[at] for n, t in block.items()})


def _undefined(
    formula: Pointwise, numbers: Sequence[Any], block: Mapping[str, Tensor], wanted: Sequence[bool], keep: Tensor | None
) -> Tensor:
    """Return which entries have no value, or no gradient where one is wanted, though nothing in them is NaN."""
    if keep is not None:
        block = {n: torch.where(plain.along(keep, t), t, 0) for n, t in block.items()}
    value, slopes = formula.both(*block.values(), *numbers)
    wrong = value.isnan()
    for slope, wants in zip(slopes, wanted, strict=False):
        if wants and slope is not None:
            wrong = wrong | _any(slope.isnan())
    for t in block.values():
        wrong = wrong & ~_any(t.isnan())
    return wrong


def _wide(value: Tensor) -> Tensor:
    return value.to(wide(value.dtype))


def _any(entries: Tensor) -> Tensor:
    return entries.any(-1) if entries.dim() > 1 else entries


def _index(at: int, shape: Sequence[int]) -> str:
    """Return the index of an entry as people write it."""
    index: list[int] = []
    for size in reversed(shape):
        index.insert(0, at % size)
        at //= size
    return f"entry {index}" if index else "the only entry"


def _fail(function: str, where: str, entry: Mapping[str, Tensor]) -> None:
    """Raise `ValuesError` that names what is infinite in an entry, or too large where nothing is."""
    floating = {n: t for n, t in entry.items() if t.is_floating_point()}
    named = {n: t for n, t in floating.items() if bool(t.isinf().any())}
    named = named or {n: t for n, t in floating.items() if bool((t.abs() > _HUGE).any())} or floating
    came = " and ".join(f"`{n}` {_of(t)}" for n, t in named.items())
    message = (
        f"{function}: {came} at {where}, where the loss or its gradient does not exist, expected numbers for which it "
        f"does; leave the entry out with `mask`, or find what made it so (an overflow, a probability of 0)."
    )
    raise ValuesError(message)


def _of(value: Tensor) -> str:
    """Return what is odd about one entry, or one row."""
    if value.dim() == 0:
        return f"is {value.item():.6g}"
    if bool((value == -torch.inf).all()):
        return "is -inf in every class"
    infinite = value[value.isinf()]
    return f"holds {(infinite if infinite.numel() else value[value.abs().argmax()].reshape(1))[0].item():.6g}"


def _refuse_opposites(
    formula: Pointwise, plan: Plan, numbers: Sequence[Any], given: Mapping[str, Tensor], loss: Tensor
) -> None:
    """Raise `ValuesError` where +∞ in one entry and -∞ in another meet in the sum."""
    if plan.reduction == "none" or not bool(loss.isnan()) or any(_holds_nan(plan.neutral(t)) for t in given.values()):
        return
    losses = formula(*(plan.neutral(t.detach()) for t in given.values()), *numbers)
    if plan.keep is not None:
        losses = torch.where(plan.keep, losses, 0.0)
    places = [(losses == end).nonzero() for end in (math.inf, -math.inf)]
    if not all(len(place) for place in places):
        return
    up, down = (place[0].tolist() for place in places)
    name = next(iter(given))
    message = (
        f"{plan.function}: by `{name}` the loss of entry {up} is inf and that of entry {down} is -inf, expected losses "
        f"that have a sum; leave one of them out with `mask`, or find what made them so."
    )
    raise ValuesError(message)
