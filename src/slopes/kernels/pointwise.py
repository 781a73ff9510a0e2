"""Pointwise functions with analytic slopes, in cache-sized blocks.

A `Pointwise` is a value and its partial derivatives, written once as plain torch operations. Eagerly on a CPU
it runs block by block, so that the intermediate results stay in the cache; under `torch.compile`, on other
devices and under `torch.func` the same formula runs whole. Only the inputs are kept for the backward pass.

For a loss that is reduced to one number, `Pointwise.reduced` computes value and gradient in the same pass and
keeps the gradient (4 bytes an element for float32); the first backward pass hands that buffer over, a second
one computes it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from slopes._core.reduce import Plan, wide
from slopes._core.settings import is_transformed

# Elements of a block for each thread: torch splits an operation between threads at this grain, and eight
# float32 temporaries of it fit the second-level cache of current processors.
GRAIN: Final = 1 << 15

Formula = Callable[..., Tensor]
Partials = Callable[..., tuple[Tensor, ...]]


class Pointwise:
    """A pointwise function of one or more tensors of equal shape, with its analytic partial derivatives.

    Args:
        name: For tracebacks and profiles.
        value: `value(*tensors, *numbers)`, in differentiable torch operations.
        slopes: `slopes(*tensors, *numbers)`, one partial derivative per tensor, differentiable likewise.
        both: `(value, slopes)` in one go, where they share work.
        tensors: How many of the leading arguments are tensors.
        narrow: Return 16-bit results for 16-bit inputs (activations) instead of float32 (losses).
    """

    def __init__(
        self,
        name: str,
        value: Formula,
        slopes: Partials,
        *,
        both: Callable[..., tuple[Tensor, tuple[Tensor, ...]]] | None = None,
        tensors: int = 1,
        narrow: bool = False,
    ) -> None:
        self.name, self.value, self.slopes, self.tensors, self.narrow = name, value, slopes, tensors, narrow
        self.both = both or (lambda *a: (value(*a), slopes(*a)))
        self._traced = _function(self, forward_mode=False)
        self._eager = _function(self, forward_mode=True)

    @classmethod
    def sharing(
        cls, name: str, both: Callable[..., tuple[Tensor, tuple[Tensor, ...]]], *, tensors: int, narrow: bool = False
    ) -> Pointwise:
        """Return a pointwise function from one formula that gives the value and the slopes together."""
        return cls(name, lambda *a: both(*a)[0], lambda *a: both(*a)[1], both=both, tensors=tensors, narrow=narrow)

    def __call__(self, *arguments: Any) -> Tensor:  # noqa: ANN401  tensors first, numbers after
        """Return the value for each element."""
        chosen = self._traced if torch.compiler.is_compiling() else self._eager
        return cast("Tensor", chosen.apply(*arguments))  # type: ignore[no-untyped-call]

    def reduced(self, *arguments: Any, plan: Plan) -> Tensor:  # noqa: ANN401  likewise
        """Return the value for each element, reduced as planned; elements that do not count leave no trace."""
        inputs: Sequence[Tensor] = arguments[: self.tensors]
        if plan.reduction == "none" or not _fuses(*inputs, plan=plan):
            kept = [plan.neutral(t) for t in inputs]
            return plan.apply(self(*kept, *arguments[self.tensors :]))
        return cast("Tensor", _Reduced.apply(self, plan, *arguments))  # type: ignore[no-untyped-call]


def _fuses(*inputs: Tensor, plan: Plan) -> bool:
    """Whether value and gradient may be computed in one eager pass."""
    if torch.compiler.is_compiling() or is_transformed(*inputs, plan.weight, plan.keep):
        return False
    if any(isinstance(t, Tensor) and t.requires_grad for t in (plan.weight, plan.divisor)):
        return False
    return all(t.is_contiguous() and forward_ad.unpack_dual(t).tangent is None for t in inputs)


def _function(pointwise: Pointwise, *, forward_mode: bool) -> type[torch.autograd.Function]:
    """Make the autograd function; `torch.compile` does not trace one that has a `jvp`, hence two of them."""
    # Locals, not attributes: torch.compile guards on functions and numbers, not on objects of ours.
    count, narrow, value, slopes = pointwise.tensors, pointwise.narrow, pointwise.value, pointwise.slopes

    class Elementwise(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*arguments: Any) -> Tensor:  # noqa: ANN401
            inputs, numbers = arguments[:count], arguments[count:]
            to = inputs[0].dtype if narrow else wide(inputs[0].dtype)
            return _run(lambda *a: (value(*a),), inputs, numbers, [to])[0]

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401, ARG004
            ctx.save_for_backward(*inputs[:count])
            ctx.save_for_forward(*inputs[:count])
            ctx.numbers = inputs[count:]

        @staticmethod
        def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]  # noqa: ANN401
            inputs, numbers = ctx.saved_tensors, ctx.numbers
            wanted = ctx.needs_input_grad[:count]

            def partials(up: Tensor, *a: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
                return tuple(up * slope for slope, w in zip(slopes(*a), wanted, strict=True) if w)

            to = [t.dtype for t, w in zip(inputs, wanted, strict=True) if w]
            gradients = iter(_run(partials, (upstream, *inputs), numbers, to))
            return (*(next(gradients) if w else None for w in wanted), *(None for _ in numbers))

    Elementwise.__name__ = Elementwise.__qualname__ = pointwise.name
    if forward_mode:

        def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:  # noqa: ANN401
            partials = slopes(*(t.to(wide(t.dtype)) for t in ctx.saved_tensors), *ctx.numbers)
            terms = [t * s for t, s in zip(tangents, partials, strict=False) if t is not None]
            to = ctx.saved_tensors[0].dtype if narrow else terms[0].dtype
            return torch.stack(terms).sum(0).to(to) if len(terms) > 1 else terms[0].to(to)

        Elementwise.jvp = staticmethod(jvp)  # type: ignore[method-assign, assignment]
    return Elementwise


def _run(
    formula: Callable[..., tuple[Tensor, ...]],
    inputs: Sequence[Tensor],
    numbers: Sequence[Any],
    to: Sequence[torch.dtype],
) -> tuple[Tensor, ...]:
    """Run a formula on inputs widened to float32, in blocks where that pays, and round once at the end."""
    first = inputs[0]
    whole = (
        torch.compiler.is_compiling()
        or first.device.type != "cpu"
        or first.numel() <= GRAIN
        or torch.is_grad_enabled()  # a graph through the formula itself is wanted
        or is_transformed(*inputs)
        or not all(t.is_contiguous() for t in inputs)
    )
    if whole:
        results = formula(*(t.to(wide(t.dtype)) for t in inputs), *numbers)
        return tuple(r.to(dtype) for r, dtype in zip(results, to, strict=True))
    flat = [t.view(-1) for t in inputs]
    outputs = [torch.empty(first.shape, dtype=dtype, device=first.device) for dtype in to]
    size = _block(first)
    for start in range(0, first.numel(), size):
        block = slice(start, start + size)
        results = formula(*(t[block].to(wide(t.dtype)) for t in flat), *numbers)
        for output, result in zip(outputs, results, strict=True):
            output.view(-1)[block].copy_(result)
    return tuple(outputs)


def _block(like: Tensor) -> int:
    return GRAIN * torch.get_num_threads() if like.device.type == "cpu" else max(like.numel(), 1)


class _Reduced(torch.autograd.Function):
    """Value and gradient of a reduced pointwise loss in one eager pass."""

    @staticmethod
    def forward(ctx: Any, pointwise: Pointwise, plan: Plan, *arguments: Any) -> Tensor:  # type: ignore[override]  # noqa: ANN401
        inputs, numbers = arguments[: pointwise.tensors], arguments[pointwise.tensors :]
        ctx.save_for_backward(*inputs)
        ctx.pointwise, ctx.plan, ctx.numbers = pointwise, plan, numbers
        ctx.wanted = ctx.needs_input_grad[2 : 2 + pointwise.tensors]
        total, ctx.gradients = _pass(pointwise, plan, inputs, numbers, ctx.wanted)
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]  # noqa: ANN401
        inputs, numbers, plan = ctx.saved_tensors, ctx.numbers, ctx.plan
        if torch.is_grad_enabled():
            gradients = _differentiable(ctx.pointwise, plan, inputs, numbers, upstream)
        else:
            gradients, ctx.gradients = ctx.gradients, None  # the buffer is handed over, not copied
            if gradients is None:
                gradients = _pass(ctx.pointwise, plan, inputs, numbers, ctx.wanted)[1]
            gradients = [g if g is None else g.mul_(upstream) for g in gradients]
        results = (
            g.to(t.dtype) if w and g is not None else None
            for g, t, w in zip(gradients, inputs, ctx.wanted, strict=True)
        )
        return (None, None, *results, *(None for _ in numbers))


def _differentiable(
    pointwise: Pointwise, plan: Plan, inputs: Sequence[Tensor], numbers: Sequence[Any], upstream: Tensor
) -> list[Tensor | None]:
    """Return the gradients as a graph, for a second derivative."""
    kept = [plan.neutral(t) for t in inputs]
    factor = upstream * plan.scale()
    if plan.weight is not None:
        factor = factor * plan.weight
    return [plan.neutral(factor * slope) for slope in pointwise.slopes(*kept, *numbers)]


def _pass(
    pointwise: Pointwise, plan: Plan, inputs: Sequence[Tensor], numbers: Sequence[Any], wanted: Sequence[bool]
) -> tuple[Tensor, list[Tensor | None]]:
    """Return the reduced value, and the gradients that are wanted for an upstream of 1."""
    first = inputs[0]
    dtype = wide(first.dtype)
    flat = [t.detach().view(-1) for t in inputs]
    keep, weight = (None if t is None else t.detach().reshape(-1) for t in (plan.keep, plan.weight))
    gradients = [torch.empty_like(t, dtype=dtype) if w else None for t, w in zip(inputs, wanted, strict=True)]
    scale, totals = plan.scale(), []
    size = _block(first)
    for start in range(0, first.numel(), size):
        block = slice(start, start + size)
        values = [t[block].to(dtype) for t in flat]
        if keep is not None:
            values = [torch.where(keep[block], t, 0.0) for t in values]
        if any(wanted):
            loss, slopes = pointwise.both(*values, *numbers)
        else:
            loss, slopes = pointwise.value(*values, *numbers), ()
        if weight is not None:
            loss = loss * weight[block]
        elif keep is not None:
            loss = torch.where(keep[block], loss, 0.0)
        totals.append(loss.sum())
        for gradient, slope in zip(gradients, slopes, strict=False):
            if gradient is not None:
                _store(gradient.view(-1)[block], slope, scale, keep, weight, block)
    total = torch.stack(totals).sum() if totals else torch.zeros((), dtype=dtype, device=first.device)
    return total * scale if plan.divisor is None or not totals else _divided(total, plan), gradients


def _divided(total: Tensor, plan: Plan) -> Tensor:
    if isinstance(plan.divisor, Tensor):
        empty = plan.divisor == 0
        return torch.where(empty, 0.0, total / torch.where(empty, 1.0, plan.divisor)).to(total.dtype)
    return total / plan.divisor if plan.divisor else total * 0.0


def _store(
    target: Tensor,
    slope: Tensor,
    scale: Tensor | float,
    keep: Tensor | None,
    weight: Tensor | None,
    block: slice,
) -> None:
    if weight is not None:
        slope = slope * weight[block]
    elif keep is not None:
        slope = torch.where(keep[block], slope, 0.0)
    torch.mul(slope, scale, out=target)
