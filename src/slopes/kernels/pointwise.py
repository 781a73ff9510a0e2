"""Functions of each element, or of each row, with analytic slopes, in cache-sized blocks.

A `Pointwise` is a value and its partial derivatives, written once as plain torch operations: of each element, or
(`rows=True`) of each row of a last dimension. Eagerly on a CPU it runs block by block, so that the intermediate
results stay in the cache; under `torch.compile`, on other devices and under `torch.func` the same formula runs
whole. Only the inputs are kept for the backward pass.

For a loss that is reduced to one number, `Pointwise.reduced` computes value and gradient in the same pass and
keeps the gradient (4 bytes an element for float32); the first backward pass hands that buffer over, a second
one computes it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import TransformError
from slopes._core.reduce import Plan, Reduction, wide
from slopes._core.settings import is_recorded, is_transformed, settled
from slopes.kernels import linear
from slopes.kernels.blockwise import is_many, is_watched
from slopes.kernels.kept import Kept

# Elements of a block: for each thread, and at most. Smaller ones would stay in the second-level cache, but every
# operation ends in a barrier between the threads, which a machine that others use too makes dear.
GRAIN: Final = 1 << 18
LARGEST: Final = 1 << 20
_FACTORS: Final = 3  # of a plan: keep, weight and divisor

Value = Callable[..., Tensor]
Slopes = Callable[..., tuple[Tensor | None, ...]]
Both = Callable[..., tuple[Tensor, tuple[Any, ...]]]


class Pointwise:
    """A function of each element, or row, of some tensors, with its analytic partial derivatives.

    Args:
        name: For tracebacks and profiles.
        value: `value(*tensors, *numbers)`, in differentiable torch operations.
        slopes: `slopes(*tensors, *numbers)`, one partial derivative per tensor (None for a constant one),
            differentiable likewise.
        both: `(value, slopes)` in one go, where they share work.
        tensors: How many of the leading arguments are tensors.
        narrow: Return 16-bit results for 16-bit inputs (activations) instead of float32 (losses).
        rows: The value has one entry per row: the first tensor has one dimension more than it.
        eager: Like `both`, for the fused eager pass only, where a faster way than `both` is known; it need not be
            differentiable, and a slope may be a function, called where its gradient is wanted.
        into: `(forward, backward)` that write float32 or float64 results without temporaries, for the eager passes
            of an activation, where blocks have nothing to save: `forward(out, *tensors)`, `backward(outs, upstream,
            *tensors)`.
        owned: Like `eager`, but it may overwrite its first tensor; a last argument makes some rows of that again.
    """

    def __init__(
        self,
        name: str,
        value: Value,
        slopes: Slopes,
        *,
        both: Both | None = None,
        tensors: int = 1,
        narrow: bool = False,
        rows: bool = False,
        eager: Both | None = None,
        into: tuple[Callable[..., None], Callable[..., None]] | None = None,
        owned: Both | None = None,
    ) -> None:
        self.name, self.value, self.slopes = name, value, slopes
        self.tensors, self.narrow, self.rows = tensors, narrow, rows
        self.both: Both = both or (lambda *a: (value(*a), slopes(*a)))
        self.eager, self.into = eager or self.both, into
        self.function = _snake(name)
        self._unmade = linear.Engine(self.function, tensors, value, self.eager, owned) if rows else None
        self._traced = _function(self, forward_mode=False)
        self._eager = _function(self, forward_mode=True)

    @classmethod
    def sharing(
        cls,
        name: str,
        both: Both,
        *,
        tensors: int,
        narrow: bool = False,
        rows: bool = False,
        eager: Both | None = None,
        owned: Both | None = None,
    ) -> Pointwise:
        """Return a function made from one formula that gives the value and the slopes together."""
        return cls(
            name,
            lambda *a: both(*a)[0],
            lambda *a: both(*a)[1],
            both=both,
            tensors=tensors,
            narrow=narrow,
            rows=rows,
            eager=eager,
            owned=owned,
        )

    def __call__(self, *arguments: Any) -> Tensor:  # noqa: ANN401  tensors first, numbers after
        """Return the value for each element, or row."""
        if self._unmade is not None and linear.wants(arguments[: self.tensors]):
            return self._unmade.rows(arguments[: self.tensors], arguments[self.tensors :])
        check.not_traced(self.function)
        arguments = settled(arguments)
        if not torch.compiler.is_compiling():
            _refuse_nested_forward(self.function)
            return cast("Tensor", self._eager.apply(*arguments))  # type: ignore[no-untyped-call]
        inputs: Sequence[Tensor] = arguments[: self.tensors]
        if not (torch.is_grad_enabled() and any(t.requires_grad for t in inputs)):
            to = inputs[0].dtype if self.narrow else wide(inputs[0].dtype)  # torch.compile wants a gradient or none
            return self.value(*(t.to(wide(t.dtype)) for t in inputs), *arguments[self.tensors :]).to(to)
        first, *others = inputs
        # Views, since torch.compile refuses a tensor that is handed in twice.
        apart = (first, *(t.view_as(t) for t in others), *arguments[self.tensors :])
        return cast("Tensor", self._traced.apply(*apart))  # type: ignore[no-untyped-call]

    def reduced(self, *arguments: Any, plan: Plan) -> Tensor:  # noqa: ANN401  likewise
        """Return the value for each element, reduced as planned; one that does not count leaves no trace."""
        inputs: Sequence[Tensor] = arguments[: self.tensors]
        if self._unmade is not None and linear.wants(inputs):
            return self._unmade.reduced(inputs, arguments[self.tensors :], plan)
        arguments = settled(arguments)
        if plan.reduction == "none" or not _fuses(*inputs, plan=plan):
            kept = [plan.neutral(t) for t in inputs]
            return plan.apply(self(*kept, *arguments[self.tensors :]))
        factors = plan.keep, plan.weight, plan.divisor
        return cast("Tensor", _Reduced.apply(self, plan.reduction, *factors, *arguments))  # type: ignore[no-untyped-call]


def _refuse_nested_forward(function: str) -> None:
    """Raise `TransformError` where `torch.func` takes a tangent of a tangent: torch makes it 0, whatever the jvp."""
    if not torch._C._are_functorch_transforms_active():  # noqa: SLF001
        return
    levels = torch._C._functorch.get_interpreter_stack() or ()  # noqa: SLF001
    if sum(level.key() == torch._C._functorch.TransformType.Jvp for level in levels) > 1:  # noqa: SLF001
        message = (
            f"{function}: forward mode over forward mode came, expected reverse mode in one of them, since torch "
            f"gives 0 for a second tangent; use torch.func.hessian, or jacrev or grad inside or outside."
        )
        raise TransformError(message)


def _snake(name: str) -> str:
    """Return a name in CamelCase as snake_case."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).removeprefix("_")


def _fuses(*inputs: Tensor, plan: Plan) -> bool:
    """Whether value and gradient may be computed in one eager pass."""
    if is_watched(*inputs, plan.weight, plan.keep, plan.divisor):
        return False
    if any(isinstance(t, Tensor) and t.requires_grad for t in (plan.weight, plan.divisor)):
        return False
    return all(t.is_contiguous() for t in inputs)


def _function(pointwise: Pointwise, *, forward_mode: bool) -> type[torch.autograd.Function]:
    """Make the autograd function; `torch.compile` does not trace one that has a `jvp`, hence two of them."""
    # Locals, not attributes: torch.compile guards on functions and numbers, not on objects of ours.
    count, narrow, by_rows = pointwise.tensors, pointwise.narrow, pointwise.rows
    value, slopes = pointwise.value, pointwise.slopes
    forward_into, backward_into = pointwise.into or (None, None)

    class Elementwise(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*arguments: Any) -> Tensor:  # noqa: ANN401
            inputs, numbers = arguments[:count], arguments[count:]
            to = inputs[0].dtype if narrow else wide(inputs[0].dtype)
            if forward_into is not None and _writes(*inputs):
                out = torch.empty_like(inputs[0])
                forward_into(out, *inputs)
                return out
            shape = inputs[0].shape[:-1] if by_rows else inputs[0].shape
            return _run(lambda *a: (value(*a),), inputs, numbers, [to], [shape], by_rows=by_rows)[0]

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401, ARG004
            ctx.kept = Kept(ctx, inputs)
            ctx.save_for_forward(*ctx.kept.tensors(inputs))

        @staticmethod
        def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
            given = ctx.kept.all(ctx.saved_tensors)
            inputs, numbers = given[:count], given[count:]
            wanted = ctx.needs_input_grad[:count]

            def partials(up: Tensor, *a: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
                return tuple(_times(up, s) for s, w in zip(slopes(*a), wanted, strict=True) if w and s is not None)

            if backward_into is not None and all(wanted) and not numbers and _writes(upstream, *inputs):
                outs = tuple(torch.empty_like(t) for t in inputs)
                backward_into(outs, upstream, *inputs)
                return outs
            into = [t for t, w in zip(inputs, wanted, strict=True) if w]
            to, shapes = [t.dtype for t in into], [t.shape for t in into]
            gradients = iter(_run(partials, (upstream, *inputs), numbers, to, shapes, by_rows=by_rows))
            return (*(next(gradients) if w else None for w in wanted), *(None for _ in numbers))

    Elementwise.__name__ = Elementwise.__qualname__ = pointwise.name
    if forward_mode:

        def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:  # noqa: ANN401
            given = ctx.kept.all(ctx.saved_tensors)
            partials = slopes(*(t.to(wide(t.dtype)) for t in given[:count]), *given[count:])
            terms = [t * s for t, s in zip(tangents, partials, strict=False) if t is not None and s is not None]
            total = terms[0]
            for term in terms[1:]:
                total = total + term
            return (total.sum(-1) if by_rows else total).to(given[0].dtype if narrow else total.dtype)

        Elementwise.jvp = staticmethod(jvp)  # type: ignore[method-assign]
    return Elementwise


def _times(factor: Tensor, slope: Tensor) -> Tensor:
    """Return factor · slope, the factor one per row where the slope has rows."""
    return factor.unsqueeze(-1) * slope if slope.dim() > factor.dim() else factor * slope


def _run(
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
    flat = [_flat(t, count, dims) for t in inputs]
    outputs = [torch.empty(shape, dtype=dtype, device=largest.device) for shape, dtype in zip(shapes, to, strict=True)]
    size = _block(largest, width)
    for start in range(0, count, size):
        block = slice(start, start + size)
        results = formula(*(t[block].to(wide(t.dtype)) for t in flat), *numbers)
        for output, result in zip(outputs, results, strict=True):
            _flat(output, count, dims)[block].copy_(result)
    return tuple(outputs)


def _writes(*inputs: Tensor) -> bool:
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


def _flat(t: Tensor, count: int, dims: int) -> Tensor:
    """Return `t` as `[count]`, or as `[count, C]` where it has a dimension more than the `dims` of the result."""
    return t.view(count, t.shape[-1]) if t.dim() > dims else t.view(count)


def _block(like: Tensor, width: int) -> int:
    """Return how many elements, or rows, a block has."""
    size = min(GRAIN * torch.get_num_threads(), LARGEST) if like.device.type == "cpu" else like.numel()
    return max(size // max(width, 1), 1)


class _Reduced(torch.autograd.Function):
    """Value and gradient of a reduced loss in one eager pass."""

    @staticmethod
    def forward(ctx: Any, pointwise: Pointwise, reduction: Reduction, *arguments: Any) -> Tensor:  # noqa: ANN401
        ctx.kept, ctx.pointwise, ctx.reduction = Kept(ctx, arguments), pointwise, reduction
        plan, inputs, numbers = _parted(pointwise, reduction, arguments)
        ctx.wanted = ctx.needs_input_grad[2 + _FACTORS :][: pointwise.tensors]
        ctx.dtypes = [t.dtype for t in inputs]
        total, ctx.gradients = _pass(pointwise, plan, inputs, numbers, ctx.wanted)
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        gradients: list[Tensor | None]
        if torch.is_grad_enabled() or is_many(upstream):
            given = _parted(ctx.pointwise, ctx.reduction, ctx.kept.all(ctx.saved_tensors))
            gradients = _differentiable(ctx.pointwise, *given, upstream)
        else:
            gradients, ctx.gradients = ctx.gradients, None  # the buffer is handed over, not copied
            if gradients is None:
                given = _parted(ctx.pointwise, ctx.reduction, ctx.kept.all(ctx.saved_tensors))
                gradients = _pass(ctx.pointwise, *given, ctx.wanted)[1]
            if upstream.device.type != "cpu" or upstream.item() != 1:
                gradients = [g if g is None else g.mul_(upstream) for g in gradients]
        results = [
            g.to(dtype) if w and g is not None else None
            for g, dtype, w in zip(gradients, ctx.dtypes, ctx.wanted, strict=True)
        ]
        return (None,) * (2 + _FACTORS) + (*results, *(None for _ in range(ctx.kept.count - _FACTORS - len(results))))


def _parted(
    pointwise: Pointwise, reduction: Reduction, arguments: Sequence[Any]
) -> tuple[Plan, Sequence[Tensor], Sequence[Any]]:
    """Return the plan, the tensors and the numbers that `_Reduced` was called with."""
    keep, weight, divisor, *given = arguments
    return Plan(keep, weight, divisor, reduction), given[: pointwise.tensors], given[pointwise.tensors :]


def _differentiable(
    pointwise: Pointwise, plan: Plan, inputs: Sequence[Tensor], numbers: Sequence[Any], upstream: Tensor
) -> list[Tensor | None]:
    """Return the gradients as a graph for a second derivative, or for many upstream gradients at once."""
    kept = [plan.neutral(t.to(wide(t.dtype))) for t in inputs]
    dtype = kept[0].dtype
    shape = inputs[0].shape[:-1] if pointwise.rows else inputs[0].shape
    factor = (upstream * plan.scale(dtype)).expand(shape)
    if plan.weight is not None:
        factor = factor * plan.weight
    slopes = pointwise.slopes(*kept, *numbers)
    return [None if s is None else plan.neutral(_times(factor, s)) for s in slopes]


def _pass(
    pointwise: Pointwise, plan: Plan, inputs: Sequence[Tensor], numbers: Sequence[Any], wanted: Sequence[bool]
) -> tuple[Tensor, list[Tensor | None]]:
    """Return the reduced value, and the gradients that are wanted for an upstream of 1."""
    first = inputs[0]
    dtype = wide(first.dtype)
    width = first.shape[-1] if pointwise.rows else 1
    count = first.numel() // width if width else 0
    dims = first.dim() - pointwise.rows
    flat = [_flat(t.detach(), count, dims) for t in inputs] if count else []
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
        if kept is not None and pointwise.rows:  # rows that do not count are left out, not computed and thrown away
            at, kept = kept.nonzero().squeeze(-1) + start, None
        values = [t[at].to(wide(t.dtype)) for t in flat]
        if kept is not None:
            values = [torch.where(kept, t, 0) for t in values]
        loss, slopes = pointwise.eager(*values, *numbers)
        factor = None if weight is None else weight[at]
        totals.append(_counted(loss, factor, kept).sum())
        for gradient, given in zip(gradients, slopes, strict=False):
            slope = given() if gradient is not None and callable(given) else given
            if gradient is not None and slope is not None:
                _store(_flat(gradient, count, dims), block, at, _counted(slope, factor, kept), scale)
    total = torch.stack(totals).sum() if totals else torch.zeros((), dtype=dtype, device=first.device)
    return plan.divided(total), gradients


def _store(gradient: Tensor, block: slice, at: slice | Tensor, slope: Tensor, scale: Tensor | float) -> None:
    """Write slope · scale into the rows `at` of the block, and 0 into its other rows."""
    if isinstance(at, slice) or at.numel() == gradient[block].shape[0]:
        torch.mul(slope, scale, out=gradient[block])
    else:
        gradient[block].zero_()
        gradient[at] = slope * scale


def _counted(values: Tensor, factor: Tensor | None, kept: Tensor | None) -> Tensor:
    """Return values times their weight, 0 where they do not count."""
    if factor is not None:
        return _times(factor, values)  # weights of elements that do not count are 0, their inputs were replaced
    return values if kept is None else torch.where(kept, values, 0.0)
