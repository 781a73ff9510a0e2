"""Losses of rows whose intermediate results are too large to make: value and gradient in blocks of rows.

A `Blockwise` is a loss for each row, written twice: once as plain differentiable operations, and once as a loop over
blocks of rows that gives the losses and, for a known weight of each row, the gradients.

- A loss that is reduced to one number knows those weights in its forward pass, makes the gradients there and hands
  them over in the first backward pass; a second one computes them again.
- Losses that are not reduced keep their inputs and run the loop again in the backward pass.
- Where no gradient is wanted there is the loop for the losses alone.

`torch.compile` sees one operator. A gradient that is itself to be differentiated, many upstream gradients at once,
`torch.func` and forward mode take the plain form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from slopes._core import check
from slopes._core.reduce import Plan
from slopes._core.settings import is_recorded, is_transformed, without_autocast
from slopes._core.tensors import wide
from slopes.kernels.blocks.kept import Kept
from slopes.kernels.blocks.operators import Blocks, Gradients, Nodes

BLOCK_BYTES: Final = 1 << 23  # of one block of N×M numbers: small beside the inputs, large enough for a fast product
LEAST_ROWS: Final = 16  # a product of fewer rows reads the whole other side for too little


class Blockwise:
    """A loss for each row.

    Args:
        name: What its operators are called by.
        plain: `plain(*tensors, *extras)`, the losses in differentiable torch operations.
        blocks: `blocks(tensors, extras, factor, wanted)`, the losses and, where `wanted`, the gradients of
            sum(factor · losses) by each tensor, float32 for 16-bit ones.
        outputs: What follows the rows in the shape of the losses; the rows are those of the first tensor, which has
            one dimension more.
    """

    def __init__(self, name: str, plain: Callable[..., Tensor], blocks: Blocks, outputs: tuple[int, ...] = ()) -> None:
        self.name, self.outputs = name, outputs
        self._plain, self._blocks = plain, blocks
        self._nodes = Nodes(name, self.blocks, outputs)

    def plain(self, tensors: Sequence[Any], extras: Sequence[Any]) -> Tensor:
        """Return the losses by the plain form; products have the dtype of their tensors, whatever autocast says."""
        with _as_given(tensors):
            return self._plain(*tensors, *extras)

    def blocks(
        self, tensors: Sequence[Any], extras: Sequence[Any], factor: Tensor | None, wanted: Sequence[bool]
    ) -> tuple[Tensor, Gradients]:
        """Run the loop; products have the dtype of their tensors likewise."""
        with _as_given(tensors):
            return self._blocks(tensors, extras, factor, wanted)

    def rows(self, tensors: Sequence[Tensor | None], extras: Sequence[Any]) -> Tensor:
        """Return the loss of each row."""
        check.not_traced(self.name)
        if is_one_node():
            return self._nodes.rows(tensors, extras)
        if is_watched(*tensors, *extras):
            return self.plain(tensors, extras)
        return cast("Tensor", _Rows.apply(self, len(tensors), *tensors, *extras))  # type: ignore[no-untyped-call]

    def reduced(self, tensors: Sequence[Tensor | None], extras: Sequence[Any], plan: Plan) -> Tensor:
        """Return the losses, reduced as planned."""
        learned = any(isinstance(t, Tensor) and t.requires_grad for t in (plan.weight, plan.divisor))
        constant = not (torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in tensors))
        if plan.reduction == "none" or learned or constant:
            return plan.apply(self.rows(tensors, extras))
        if is_one_node():
            return self._nodes.total(tensors, extras, _factor(plan, tensors[0]))
        if is_watched(*tensors, *extras, plan.weight, plan.keep, plan.divisor):
            return plan.apply(self.plain(tensors, extras))
        return cast("Tensor", _Total.apply(self, len(tensors), plan, *tensors, *extras))  # type: ignore[no-untyped-call]


def rows_of(columns: int, itemsize: int, matrices: int = 1) -> int:
    """Return how many rows a block has, if `matrices` matrices of so many columns are alive at once."""
    return max(BLOCK_BYTES // max(columns * itemsize * matrices, 1), LEAST_ROWS)


def _as_given(tensors: Sequence[Any]) -> AbstractContextManager[Any]:
    return without_autocast(next(t.device for t in tensors if t is not None))


def is_one_node() -> bool:
    """Whether `torch.compile` is at work, and `torch.func` is not inside of it: that wants the plain form."""
    return torch.compiler.is_compiling() and not torch._C._are_functorch_transforms_active()  # noqa: SLF001


def is_watched(*arguments: Any) -> bool:  # noqa: ANN401  what a loss takes
    """Whether the plain form is wanted: under `torch.func` and forward mode, and for shapes without values."""
    # A node of autograd is refused under torch.func even where all that it takes is constant to it.
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active() or is_recorded():  # noqa: SLF001
        return True
    tensors = [t for t in arguments if isinstance(t, Tensor)]
    for t in tensors:
        if t.is_meta:
            return True
    if forward_ad._current_level < 0:  # noqa: SLF001  nearly always: there are no tangents
        return False
    return any(forward_ad.unpack_dual(t).tangent is not None for t in tensors)  # type: ignore[no-untyped-call]


def is_many(upstream: Tensor) -> bool:
    """Whether this stands for a batch of upstream gradients, whose gradients cannot be written into one buffer."""
    return is_transformed(upstream) or torch._C._functorch.is_legacy_batchedtensor(upstream)  # noqa: SLF001


class _Total(torch.autograd.Function):
    """Value and gradients of a reduced loss in one pass."""

    @staticmethod
    def forward(ctx: Any, loss: Blockwise, count: int, plan: Plan, *arguments: Any) -> Tensor:  # noqa: ANN401
        tensors, extras = arguments[:count], arguments[count:]
        factor = _factor(plan, tensors[0])
        _keep(ctx, loss, count, arguments, ctx.needs_input_grad[3 : 3 + count], factor)
        losses, ctx.gradients = loss.blocks(tensors, extras, factor, ctx.wanted)
        return plan.apply(losses)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        again = torch.is_grad_enabled() or is_many(upstream)
        if again or ctx.gradients is None:
            *arguments, factor = ctx.kept.all(ctx.saved_tensors)
            tensors, extras = arguments[: ctx.count], arguments[ctx.count :]
        if again:
            return _returned(ctx, 3, _differentiable(ctx, tensors, extras, factor * upstream))
        gradients, ctx.gradients = ctx.gradients, None  # the buffers are handed over, not copied
        if gradients is None:
            gradients = ctx.loss.blocks(tensors, extras, factor, ctx.wanted)[1]
        if upstream.device.type != "cpu" or upstream.item() != 1:
            gradients = [g if g is None else g.mul_(upstream) for g in gradients]
        return _returned(ctx, 3, _narrowed(gradients, ctx.dtypes))


class _Rows(torch.autograd.Function):
    """Losses of the rows; their gradients are made in the backward pass, from the inputs alone."""

    @staticmethod
    def forward(ctx: Any, loss: Blockwise, count: int, *arguments: Any) -> Tensor:  # noqa: ANN401
        _keep(ctx, loss, count, arguments, ctx.needs_input_grad[2 : 2 + count], None)
        return loss.blocks(arguments[:count], arguments[count:], None, [False] * count)[0]

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        *arguments, _ = ctx.kept.all(ctx.saved_tensors)
        tensors, extras = arguments[: ctx.count], arguments[ctx.count :]
        if torch.is_grad_enabled() or is_many(upstream):
            return _returned(ctx, 2, _differentiable(ctx, tensors, extras, upstream))
        gradients = ctx.loss.blocks(tensors, extras, upstream, ctx.wanted)[1]
        return _returned(ctx, 2, _narrowed(gradients, ctx.dtypes))


def _keep(
    ctx: Any,  # noqa: ANN401  autograd's context
    loss: Blockwise,
    count: int,
    arguments: Sequence[Any],
    wanted: Sequence[bool],
    factor: Tensor | None,
) -> None:
    """Keep what the backward pass needs: the arguments, of which the first `count` are the tensors, and the factor."""
    ctx.kept = Kept([*arguments, factor])
    ctx.save_for_backward(*Kept.tensors([*arguments, factor]))
    ctx.loss, ctx.count, ctx.wanted = loss, count, wanted
    ctx.dtypes = [None if t is None else t.dtype for t in arguments[:count]]


def _returned(ctx: Any, before: int, gradients: Gradients) -> tuple[Tensor | None, ...]:  # noqa: ANN401
    """Return the gradients, and None for what came before the tensors and after them."""
    return (*(None for _ in range(before)), *gradients, *(None for _ in range(ctx.kept.count - 1 - ctx.count)))


def _factor(plan: Plan, like: Tensor | None) -> Tensor:
    """Return what each row's loss is multiplied by on its way into the total."""
    assert like is not None  # noqa: S101  for the type checker: the first tensor is always there
    factor = torch.ones(like.shape[:-1], dtype=wide(like.dtype), device=like.device)
    if plan.weight is not None:
        factor = plan.weight
    elif plan.keep is not None:
        factor = plan.keep.to(factor.dtype)
    return factor * plan.scale(factor.dtype)


def _narrowed(gradients: Gradients, dtypes: Sequence[torch.dtype]) -> Gradients:
    return [None if g is None else g.to(dtype) for g, dtype in zip(gradients, dtypes, strict=True)]


def _differentiable(ctx: Any, saved: Sequence[Any], extras: Sequence[Any], upstream: Tensor) -> Gradients:  # noqa: ANN401
    """Return the gradients as a graph for a second derivative, or for many upstream gradients at once."""
    again = torch.is_grad_enabled()
    with torch.enable_grad(), _as_given(saved):
        # Views of their own: a tensor that is handed in twice has two gradients.
        tensors = [None if t is None else t.view_as(t) for t in saved]
        wanted = [t for t, w in zip(tensors, ctx.wanted, strict=True) if w and t is not None]
        losses = ctx.loss.plain(tensors, extras)
        gradients = iter(torch.autograd.grad(losses, wanted, upstream, create_graph=again, materialize_grads=True))
    return [next(gradients) if w else None for w in ctx.wanted]
