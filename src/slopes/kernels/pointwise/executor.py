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

import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import TransformError
from slopes._core.reduce import Plan
from slopes._core.settings import settled
from slopes._core.tensors import wide
from slopes.kernels import record
from slopes.kernels.blocks.blockwise import is_many, is_watched
from slopes.kernels.blocks.kept import Kept
from slopes.kernels.pointwise import fused, plain
from slopes.kernels.unmade import engine

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
        kernel: `kernel(*tensors, *numbers)`, torch's own operator for the mean over elements that all count, where it
            is as exact as `both`; in float32 and float64.
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
        kernel: Callable[..., Tensor] | None = None,
    ) -> None:
        self.kernel = kernel
        self.name, self.value, self.slopes = name, value, slopes
        self.tensors, self.narrow, self.rows = tensors, narrow, rows
        self.both: Both = both or (lambda *a: (value(*a), slopes(*a)))
        self.eager, self.into = eager or self.both, into
        self.function = _snake(name)
        self.programs = fused.Programs(self.function, value, slopes, self.both)
        self._unmade = engine.Engine(self.function, tensors, value, self.eager, owned) if rows else None
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
        kernel: Callable[..., Tensor] | None = None,
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
            kernel=kernel,
        )

    def __call__(self, *arguments: Any) -> Tensor:  # noqa: ANN401  tensors first, numbers after
        """Return the value for each element, or row."""
        if self._unmade is not None and engine.wants(arguments[: self.tensors]):
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
        if self._unmade is not None and engine.wants(inputs):
            return self._unmade.reduced(inputs, arguments[self.tensors :], plan)
        arguments = settled(arguments)
        if plan.reduction == "none" or not _is_one_pass(*inputs, plan=plan):
            kept = [plan.neutral(t) for t in inputs]
            return plan.apply(self(*kept, *arguments[self.tensors :]))
        if self.kernel is not None and _suits(plan, inputs) and not fused.asked(inputs[0]):
            return self.kernel(*arguments)
        call = _Call(self, plan, arguments)
        return cast("Tensor", _Reduced.apply(call, *call.tensors))  # type: ignore[no-untyped-call]


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
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _is_one_pass(*inputs: Tensor, plan: Plan) -> bool:
    """Whether value and gradient may be computed in one eager pass."""
    if is_watched(*inputs, plan.weight, plan.keep, plan.divisor):
        return False
    if any(isinstance(t, Tensor) and t.requires_grad for t in (plan.weight, plan.divisor)):
        return False
    return all(t.is_contiguous() for t in inputs)


def _suits(plan: Plan, inputs: Sequence[Tensor]) -> bool:
    """Whether the mean of torch's own operators is what is asked for."""
    if plan.keep is not None or plan.weight is not None or not isinstance(plan.divisor, float):
        return False
    first, *others = inputs
    dtype = first.dtype
    return plan.divisor == first.numel() != 0 and dtype == wide(dtype) and all(t.dtype == dtype for t in others)


def _function(pointwise: Pointwise, *, forward_mode: bool) -> type[torch.autograd.Function]:
    """Make the autograd function; `torch.compile` does not trace one that has a `jvp`, hence two of them."""
    # Locals, not attributes: torch.compile guards on functions and numbers, not on objects of ours.
    count, narrow, by_rows = pointwise.tensors, pointwise.narrow, pointwise.rows
    value, slopes = pointwise.value, pointwise.slopes
    forward_into, backward_into = pointwise.into or (None, None)
    programs = pointwise.programs if forward_mode else None  # torch.compile fuses by itself

    class Elementwise(torch.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(*arguments: Any) -> Tensor:  # noqa: ANN401
            inputs, numbers = arguments[:count], arguments[count:]
            to = inputs[0].dtype if narrow else wide(inputs[0].dtype)
            if forward_into is not None and plain.writes(*inputs):
                out = torch.empty_like(inputs[0])
                forward_into(out, *inputs)
                return out
            return _values(programs, value, inputs, numbers, to, by_rows=by_rows)

        @staticmethod
        def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401, ARG004
            ctx.kept, tensors = Kept(inputs), Kept.tensors(inputs)
            ctx.save_for_backward(*tensors)
            ctx.save_for_forward(*tensors)

        @staticmethod
        def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
            given = ctx.kept.all(ctx.saved_tensors)
            inputs, numbers = given[:count], given[count:]
            wanted = ctx.needs_input_grad[:count]

            if backward_into is not None and all(wanted) and not numbers and plain.writes(upstream, *inputs):
                outs = tuple(torch.empty_like(t) for t in inputs)
                backward_into(outs, upstream, *inputs)
                return outs
            gradients = iter(_gradients(programs, slopes, upstream, inputs, numbers, wanted, by_rows=by_rows))
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


def _values(
    programs: fused.Programs | None,
    value: Value,
    inputs: Sequence[Tensor],
    numbers: Sequence[Any],
    to: torch.dtype,
    *,
    by_rows: bool,
) -> Tensor:
    """Return the value of each element, or row: fused, or in blocks."""
    shape = inputs[0].shape[:-1] if by_rows else inputs[0].shape
    if programs is not None and fused.wants(*inputs):
        found = programs.value(plain.flattened(inputs, by_rows=by_rows), numbers, to)
        if found is not None:
            return found.view(shape)
    return plain.each(lambda *a: (value(*a),), inputs, numbers, [to], [shape], by_rows=by_rows)[0]


def _gradients(
    programs: fused.Programs | None,
    slopes: Slopes,
    upstream: Tensor,
    inputs: Sequence[Tensor],
    numbers: Sequence[Any],
    wanted: Sequence[bool],
    *,
    by_rows: bool,
) -> Sequence[Tensor]:
    """Return `upstream` times the slopes that are wanted: fused, or in blocks."""
    into = [t for t, w in zip(inputs, wanted, strict=True) if w]
    shapes = [t.shape for t in into]
    if programs is not None and fused.wants(*inputs) and not is_many(upstream):
        found = programs.slopes(upstream.reshape(-1), plain.flattened(inputs, by_rows=by_rows), numbers, wanted)
        if found is not None:
            return [g.view(shape) for g, shape in zip(found, shapes, strict=True)]

    def partials(up: Tensor, *a: Any) -> tuple[Tensor, ...]:  # noqa: ANN401
        return tuple(plain.times(up, s) for s, w in zip(slopes(*a), wanted, strict=True) if w and s is not None)

    return plain.each(partials, (upstream, *inputs), numbers, [t.dtype for t in into], shapes, by_rows=by_rows)


class _Call:
    """A loss to be reduced: the formula, the plan and the numbers; the tensors among them are handed to autograd.

    Args:
        pointwise: The formula.
        plan: What counts.
        arguments: Of the formula.
    """

    __slots__ = ("_kept", "numbers", "plan", "pointwise", "tensors")

    def __init__(self, pointwise: Pointwise, plan: Plan, arguments: tuple[Any, ...]) -> None:
        self.pointwise, self.plan, self._kept = pointwise, plan, None
        self.tensors, self.numbers = arguments[: pointwise.tensors], arguments[pointwise.tensors :]
        rest = (plan.keep, plan.weight, plan.divisor, *self.numbers)
        more = Kept.tensors(rest)
        if more:  # nearly always there is none
            self._kept = Kept(rest)
            self.plan, self.numbers = Plan(None, None, None, plan.reduction, plan.function), ()
            self.tensors += tuple(more)

    def given(self, tensors: Sequence[Tensor]) -> tuple[Plan, Sequence[Tensor], Sequence[Any]]:
        """Return the plan, the tensors of the formula and its numbers."""
        count = self.pointwise.tensors
        if self._kept is None:
            return self.plan, tensors, self.numbers
        keep, weight, divisor, *numbers = self._kept.all(tensors[count:])
        plan = Plan(keep, weight, divisor, self.plan.reduction, self.plan.function)
        return plan, tensors[:count], numbers


class _Reduced(torch.autograd.Function):
    """Value and gradient of a reduced loss in one eager pass."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(*tensors)
        ctx.call, ctx.wanted = call, ctx.needs_input_grad[1 : 1 + call.pointwise.tensors]
        plan, inputs, numbers = call.given(tensors)
        total, ctx.gradients = _total(call.pointwise, plan, inputs, numbers, ctx.wanted)
        call.tensors = ()  # autograd has them
        return total

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        call, gradients = ctx.call, ctx.gradients
        again = torch.is_grad_enabled() or is_many(upstream)
        if again or gradients is None:
            plan, inputs, numbers = call.given(ctx.saved_tensors)
        if again:
            gradients = _differentiable(call.pointwise, plan, inputs, numbers, upstream)
        else:
            ctx.gradients = None  # the buffer is handed over, not copied
            if gradients is None:
                gradients = _total(call.pointwise, plan, inputs, numbers, ctx.wanted)[1]
            if not upstream.is_cpu or upstream.item() != 1:
                gradients = [g if g is None else g.mul_(upstream) for g in gradients]
        # Autograd casts a gradient to the dtype of its tensor.
        results = [g if w else None for g, w in zip(gradients, ctx.wanted, strict=True)]
        return (None, *results, *(None for _ in ctx.needs_input_grad[1 + len(results) :]))


def _total(
    pointwise: Pointwise, plan: Plan, inputs: Sequence[Tensor], numbers: Sequence[Any], wanted: Sequence[bool]
) -> tuple[Tensor, list[Tensor | None]]:
    """Return the reduced value, and the gradients that are wanted for an upstream of 1: fused, or in blocks."""
    wants = fused.wants(*inputs)
    if wants and _has_quick_rows(pointwise, inputs[0]):
        why = "though slopes.fused is on, since on a CPU that is the faster one"
        record.passed(pointwise.function, inputs[0], "torch's softmax kernel, in blocks", why)
    elif wants:
        flat = plain.flattened(inputs, by_rows=pointwise.rows)
        found = pointwise.programs.total(plan, flat, numbers, wanted)
        if found is not None:
            total, gradients = found
            return total, [None if g is None else g.view(t.shape) for g, t in zip(gradients, inputs, strict=True)]
    return plain.total(pointwise.eager, plan, inputs, numbers, wanted, by_rows=pointwise.rows)


def _has_quick_rows(pointwise: Pointwise, like: Tensor) -> bool:
    """Whether the plain pass over rows is the faster one, or as fast.

    Through torch's softmax kernel it is, on a CPU: of its time one compiled pass takes 0.9 to 1.1 by class index, 1.2
    to 1.6 with smoothed labels, 1.1 to 1.8 as distillation, in three runs of `python -m bench.twins --fused`.
    """
    return pointwise.rows and pointwise.eager is not pointwise.both and like.device.type == "cpu"


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
    return [None if s is None else plan.neutral(plain.times(factor, s)) for s in slopes]
