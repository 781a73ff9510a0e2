"""Formulas in torch's own operators, in blocks that the processor's caches hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from slopes._core.reduce import Plan
from slopes._core.settings import is_recorded, is_transformed
from slopes._core.tensors import NARROW, wide

# Elements of a block: for each thread, and at most. Smaller ones would stay in the second-level cache, but every
# operation ends in a barrier between the threads, which a machine that others use too makes dear.
GRAIN: Final = 1 << 18
LARGEST: Final = 1 << 20


def each(
    formula: Callable[..., tuple[Tensor, ...]],
    inputs: Sequence[Tensor],
    numbers: Sequence[Any],
    to: Sequence[torch.dtype],
    shapes: Sequence[torch.Size],
    *,
    by_rows: bool,
) -> tuple[Tensor, ...]:
    """Run a formula on inputs widened to float32, in blocks where that pays, and round once at the end."""
    if torch.compiler.is_compiling() or is_recorded():
        return _whole(formula, inputs, numbers, to)
    largest = max(inputs, key=Tensor.numel)
    whole = (
        largest.device.type != "cpu"
        or largest.numel() <= GRAIN
        or torch.is_grad_enabled()  # a graph through the formula itself is wanted
        or is_transformed(*inputs)
        or not all(t.is_contiguous() for t in inputs)
    )
    if whole:
        return _whole(formula, inputs, numbers, to)
    width = largest.shape[-1] if by_rows else 1
    count = largest.numel() // width
    dims = max(t.dim() for t in inputs) - by_rows
    given = [flat(t, count, dims) for t in inputs]
    outputs = [torch.empty(shape, dtype=dtype, device=largest.device) for shape, dtype in zip(shapes, to, strict=True)]
    size = _block(largest, width)
    for start in range(0, count, size):
        block = slice(start, start + size)
        results = formula(*(t[block].to(wide(t.dtype)) for t in given), *numbers)
        for output, result in zip(outputs, results, strict=True):
            flat(output, count, dims)[block].copy_(result)
    return tuple(outputs)


def writes(*inputs: Tensor) -> bool:
    """Whether the results may be written in place."""
    if torch.compiler.is_compiling() or is_recorded() or torch.is_grad_enabled() or is_transformed(*inputs):
        return False
    first = inputs[0]
    return all(
        t.device.type == "cpu" and t.is_contiguous() and t.dtype == first.dtype == wide(first.dtype) for t in inputs
    )


def _whole(
    formula: Callable[..., tuple[Tensor, ...]],
    inputs: Sequence[Tensor],
    numbers: Sequence[Any],
    to: Sequence[torch.dtype],
) -> tuple[Tensor, ...]:
    results = formula(*(t.to(wide(t.dtype)) for t in inputs), *numbers)
    return tuple(r.to(dtype) for r, dtype in zip(results, to, strict=True))


def flattened(inputs: Sequence[Tensor], *, by_rows: bool) -> list[Tensor]:
    """Return contiguous inputs as `[count]`, or as `[count, C]` where they have rows."""
    first = inputs[0]
    count = first.numel() // first.shape[-1] if by_rows else first.numel()
    return [flat(t, count, first.dim() - by_rows) for t in inputs]


def flat(t: Tensor, count: int, dims: int) -> Tensor:
    """Return `t` as `[count]`, or as `[count, C]` where it has a dimension more than the `dims` of the result."""
    return t.view(count, t.shape[-1]) if t.dim() > dims else t.view(count)


def _block(like: Tensor, width: int) -> int:
    """Return how many elements, or rows, a block has."""
    size = min(GRAIN * torch.get_num_threads(), LARGEST) if like.device.type == "cpu" else like.numel()
    return max(size // max(width, 1), 1)


def total(
    formula: Callable[..., Any],
    plan: Plan,
    inputs: Sequence[Tensor],
    numbers: Sequence[Any],
    wanted: Sequence[bool],
    *,
    by_rows: bool,
) -> tuple[Tensor, list[Tensor | None]]:
    """Return the reduced value, and the gradients that are wanted for an upstream of 1."""
    first = inputs[0]
    if 0 < first.numel() <= GRAIN and plan.keep is None and plan.weight is None:
        return _small(formula, plan, inputs, numbers, wanted, by_rows=by_rows)
    dtype = wide(first.dtype)
    width = first.shape[-1] if by_rows else 1
    count = first.numel() // width if width else 0
    dims = first.dim() - by_rows
    given = [flat(t.detach(), count, dims) for t in inputs] if count else []
    keep, weight = (None if t is None else t.detach().reshape(-1) for t in (plan.keep, plan.weight))
    gradients = [
        torch.empty(t.shape, dtype=wide(t.dtype), device=t.device) if w else None
        for t, w in zip(inputs, wanted, strict=True)
    ]
    scale, totals = plan.scale(dtype), []
    size = _block(first, width)
    for start in range(0, count, size):
        block = slice(start, start + size)
        at: slice | Tensor = block
        kept = None if keep is None else keep[block]
        if kept is not None and by_rows:  # rows that do not count are left out, not computed and thrown away
            at, kept = kept.nonzero().squeeze(-1) + start, None
        values = [t[at].to(wide(t.dtype)) for t in given]
        if kept is not None:
            values = [torch.where(kept, t, 0) for t in values]
        loss, slopes = formula(*values, *numbers)
        factor = None if weight is None else weight[at]
        totals.append(counted(loss, factor, kept).sum())
        for gradient, found in zip(gradients, slopes, strict=False):
            slope = found() if gradient is not None and callable(found) else found
            if gradient is not None and slope is not None:
                _store(flat(gradient, count, dims), block, at, counted(slope, factor, kept), scale)
    summed = torch.stack(totals).sum() if totals else torch.zeros((), dtype=dtype, device=first.device)
    return plan.divided(summed), gradients


def _small(
    formula: Callable[..., Any],
    plan: Plan,
    inputs: Sequence[Tensor],
    numbers: Sequence[Any],
    wanted: Sequence[bool],
    *,
    by_rows: bool,
) -> tuple[Tensor, list[Tensor | None]]:
    """Return the same where all counts alike and one block is enough."""
    values = flattened(inputs, by_rows=True) if by_rows and inputs[0].dim() != 2 else inputs  # noqa: PLR2004
    dtype = wide(inputs[0].dtype)
    if any(t.dtype in NARROW for t in values):
        values = [t.to(wide(t.dtype)) for t in values]
    loss, slopes = formula(*values, *numbers)
    scale, gradients = plan.scale(dtype), []
    for wants, found, given in zip(wanted, slopes, inputs, strict=False):
        slope = (found() if callable(found) else found) if wants else None
        if slope is not None:
            slope = slope * scale
            slope = slope if slope.shape == given.shape else slope.view(given.shape)
        gradients.append(slope)
    return plan.divided(loss.sum()), gradients + [None] * (len(inputs) - len(gradients))


def _store(gradient: Tensor, block: slice, at: slice | Tensor, slope: Tensor, scale: Tensor | float) -> None:
    """Write slope · scale into the rows `at` of the block, and 0 into its other rows."""
    if isinstance(at, slice) or at.numel() == gradient[block].shape[0]:
        torch.mul(slope, scale, out=gradient[block])
    else:
        gradient[block].zero_()
        gradient[at] = slope * scale


def along(factor: Tensor, values: Tensor) -> Tensor:
    """Return a factor of each element, or of each row where the values have rows."""
    return factor.unsqueeze(-1) if values.dim() > factor.dim() else factor


def times(factor: Tensor, slope: Tensor) -> Tensor:
    """Return factor · slope, the factor one per row where the slope has rows."""
    return along(factor, slope) * slope


def counted(values: Tensor, factor: Tensor | None, kept: Tensor | None) -> Tensor:
    """Return values times their weight, 0 where they do not count."""
    if factor is not None:
        return times(factor, values)  # weights of elements that do not count are 0, their inputs were replaced
    return values if kept is None else torch.where(along(kept, values), values, 0.0)
