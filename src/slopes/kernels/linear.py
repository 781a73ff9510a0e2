"""One engine for every loss of rows of logits that are never made: chunks of rows, products, softmax, products.

A loss of rows (`Pointwise` with `rows=True`) is a value and a gradient by each logit. Here the logits of a chunk are
made by a product, the loss and its gradient G by that very formula, and the gradients of what the logits were made of
by two more products: G · weight and Gᵀ · hidden. So whatever the formula knows (class weights, smoothing, soft
targets, a teacher) holds here too.

- A reduced loss makes its gradients in the forward pass: three products. The first backward pass hands them over,
  a second one computes them again.
- A loss for each row keeps nothing but its inputs, and computes the logits again in the backward pass: four products.
- Where no gradient is wanted there is the forward product alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import torch
from torch import Tensor
from torch.autograd import forward_ad

from slopes._core.linear_logits import LinearLogits, bent
from slopes._core.reduce import Plan, wide
from slopes._core.settings import is_transformed

# Bytes of a chunk of logits in the dtype that they are computed in. The weight's gradient is read and written once a
# chunk, and converted as well for 16-bit weights, which is dear for small chunks; `bench` measures it.
CHUNK_BYTES: Final = 64 << 20
NARROW_CHUNK_BYTES: Final = 128 << 20
LEAST_ROWS: Final = 64

Formula = Callable[..., tuple[Tensor, tuple[Any, ...]]]
Input = Tensor | LinearLogits | None


class Loss(Protocol):
    """What the engine asks of a loss of rows: its value as a graph can go through it, and both in a fast way.

    `owned` may overwrite its logits, and is given what makes those of some rows again.
    """

    value: Callable[..., Tensor]
    eager: Formula
    owned: Formula | None


@dataclass(frozen=True)
class _Part:
    """One input of the formula: where its tensors are among the flat arguments, and what bends the product."""

    places: tuple[int, ...]
    linear: bool
    temperature: float = 1.0
    soft_cap: float | None = None


@dataclass(frozen=True)
class _Work:
    """A loss, its inputs, and which rows count; `value` is the formula as a graph can go through it."""

    formula: Formula
    value: Callable[..., Tensor]
    owned: Formula | None
    parts: tuple[_Part, ...]
    numbers: tuple[Any, ...]
    shape: torch.Size
    keep: Tensor | None


def wants(inputs: Sequence[Any]) -> bool:
    """Whether one of the inputs is logits that are not made."""
    return any(isinstance(t, LinearLogits) for t in inputs)


def makes(inputs: Sequence[Any], *others: Tensor | None) -> bool:
    """Whether the logits must be made after all: what traces or transforms the formula wants it whole."""
    tensors = [t for given in inputs for t in _tensors(given)] + [t for t in others if t is not None]
    if torch.compiler.is_compiling() or is_transformed(*tensors):
        return True
    return any(forward_ad.unpack_dual(t).tangent is not None for t in tensors)  # type: ignore[no-untyped-call]


def made(inputs: Sequence[Any]) -> list[Any]:
    """Return the inputs with their logits made."""
    return [t.materialize() if isinstance(t, LinearLogits) else t for t in inputs]


def by_rows(loss: Loss, inputs: Sequence[Input], numbers: Sequence[Any], plan: Plan | None = None) -> Tensor:
    """Return the loss of each row, in the wide dtype; 0 for rows that do not count."""
    work, flat = _work(loss, inputs, numbers, None if plan is None else plan.keep)
    return cast("Tensor", _ByRows.apply(work, *flat))  # type: ignore[no-untyped-call]


def reduced(loss: Loss, inputs: Sequence[Input], numbers: Sequence[Any], plan: Plan) -> Tensor:
    """Return the loss reduced as planned, its gradients made on the way."""
    learned = any(isinstance(t, Tensor) and t.requires_grad for t in (plan.weight, plan.divisor))
    if plan.reduction == "none" or learned:
        return plan.apply(by_rows(loss, inputs, numbers, plan))
    work, flat = _work(loss, inputs, numbers, plan.keep)
    return cast("Tensor", _Reduced.apply(work, plan, *flat))  # type: ignore[no-untyped-call]


def _tensors(given: Any) -> list[Tensor]:  # noqa: ANN401  an input of a formula
    if isinstance(given, LinearLogits):
        return [t for t in (given.hidden, given.weight, given.bias) if t is not None]
    return [given] if isinstance(given, Tensor) else []


def _work(
    loss: Loss, inputs: Sequence[Input], numbers: Sequence[Any], keep: Tensor | None
) -> tuple[_Work, list[Tensor]]:
    flat: list[Tensor] = []
    parts: list[_Part] = []
    for given in inputs:
        found = _tensors(given)
        places = tuple(range(len(flat), len(flat) + len(found)))
        flat += found
        if isinstance(given, LinearLogits):
            parts.append(_Part(places, linear=True, temperature=given.temperature, soft_cap=given.soft_cap))
        else:
            parts.append(_Part(places, linear=False))
    logits = next(given for given in inputs if isinstance(given, LinearLogits))
    return _Work(loss.eager, loss.value, loss.owned, tuple(parts), tuple(numbers), logits.shape[:-1], keep), flat


class _Reduced(torch.autograd.Function):
    """A number, with its gradients made in the forward pass."""

    @staticmethod
    def forward(ctx: Any, work: _Work, plan: Plan, *flat: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(*flat)
        ctx.work, ctx.plan = work, plan
        ctx.wanted = ctx.needs_input_grad[2:]
        losses, ctx.gradients = _pass(work, flat, ctx.wanted, _factor(work, plan, flat[0]))
        weight = plan.weight
        total = (losses if weight is None else losses * weight.detach().reshape(-1)).sum()
        return plan.divided(total)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        flat, work, plan = ctx.saved_tensors, ctx.work, ctx.plan
        if torch.is_grad_enabled():
            return (None, None, *_differentiated(work, flat, ctx.wanted, upstream, plan.apply))
        gradients, ctx.gradients = ctx.gradients, None  # handed over, not copied
        if gradients is None:
            gradients = _pass(work, flat, ctx.wanted, _factor(work, plan, flat[0]))[1]
        if upstream.device.type != "cpu" or upstream.item() != 1:
            gradients = [g if g is None else g.mul_(upstream) for g in gradients]
        return (None, None, *(None if g is None else g.to(t.dtype) for g, t in zip(gradients, flat, strict=True)))


class _ByRows(torch.autograd.Function):
    """A loss for each row, whose logits are computed again in the backward pass."""

    @staticmethod
    def forward(ctx: Any, work: _Work, *flat: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(*flat)
        ctx.work = work
        return _pass(work, flat, [False] * len(flat), None)[0].view(work.shape)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        flat, work, wanted = ctx.saved_tensors, ctx.work, ctx.needs_input_grad[1:]
        if torch.is_grad_enabled():
            return (None, *_differentiated(work, flat, wanted, upstream, lambda rows: rows))
        gradients = _pass(work, flat, wanted, upstream.reshape(-1))[1]
        return (None, *(None if g is None else g.to(t.dtype) for g, t in zip(gradients, flat, strict=True)))


def _factor(work: _Work, plan: Plan, like: Tensor) -> Tensor:
    """Return what each row's gradient is multiplied by for an upstream of 1."""
    ones = torch.ones(work.shape.numel(), dtype=wide(like.dtype), device=like.device)
    weights = ones if plan.weight is None else plan.weight.detach().reshape(-1)
    return weights * plan.scale(ones.dtype)


def _differentiated(
    work: _Work,
    flat: Sequence[Tensor],
    wanted: Sequence[bool],
    upstream: Tensor,
    apply: Callable[[Tensor], Tensor],
) -> list[Tensor | None]:
    """Return the gradients as a graph, for a second derivative, with the logits made."""
    inputs: list[Tensor | None] = []
    for part in work.parts:
        tensors = [flat[place] for place in part.places]
        if part.linear:
            made_ = LinearLogits(*tensors, temperature=part.temperature, soft_cap=part.soft_cap).materialize()
            inputs.append(made_)
        else:
            inputs.append(tensors[0] if tensors else None)
    if work.keep is not None:
        inputs = [t if t is None or t.dim() <= len(work.shape) else _neutral(t, work.keep) for t in inputs]
    value = apply(work.value(*inputs, *work.numbers))
    chosen = [t for t, w in zip(flat, wanted, strict=True) if w]
    found = iter(torch.autograd.grad(value, chosen, upstream, create_graph=True, allow_unused=True))
    return [next(found) if w else None for w in wanted]


def _neutral(t: Tensor, keep: Tensor) -> Tensor:
    return torch.where(keep.unsqueeze(-1), t, 0.0)


def _pass(
    work: _Work, flat: Sequence[Tensor], wanted: Sequence[bool], factor: Tensor | None
) -> tuple[Tensor, list[Tensor | None]]:
    """Return the loss of each row, and the wanted gradients of Σ factor · loss."""
    rows = work.shape.numel()
    dtype = wide(flat[0].dtype)
    losses = torch.zeros(rows, dtype=dtype, device=flat[0].device)
    gradients = [
        torch.zeros(t.shape, dtype=wide(t.dtype), device=t.device) if w else None
        for t, w in zip(flat, wanted, strict=True)
    ]
    counted = None if work.keep is None else work.keep.reshape(-1).nonzero().squeeze(-1)
    count = rows if counted is None else counted.numel()
    size = min(_rows_of_a_chunk(work, flat), max(count, 1))
    sources = [_source(work, part, flat, size) for part in work.parts]
    for start in range(0, count, size):
        at = slice(start, min(start + size, count)) if counted is None else counted[start : start + size]
        values, chains = zip(*(source(at) for source in sources), strict=True)
        losses[at], slopes = _evaluated(work, values, sources, at)
        del values  # the chunk's logits, before there is another chunk of their size
        if factor is None or not any(wanted):
            continue
        share = factor[at].to(dtype).unsqueeze(-1)
        for part, chain, slope in zip(work.parts, chains, slopes, strict=False):
            if slope is not None and any(wanted[place] for place in part.places):
                chain(slope() if callable(slope) else slope, share, at, gradients)
    return losses, gradients


def _evaluated(
    work: _Work,
    values: Sequence[Any],
    sources: Sequence[_Source],
    at: Any,  # noqa: ANN401  rows
) -> tuple[Tensor, tuple[Any, ...]]:
    """Return the loss of some rows and its slopes, the logits overwritten where the formula can do with that."""
    linear = [place for place, part in enumerate(work.parts) if part.linear]
    if work.owned is None or linear != [0] or work.parts[0].soft_cap is not None:
        return work.formula(*values, *work.numbers)

    def again(rows: Tensor) -> Tensor:
        return cast("Tensor", sources[0](_some(at, rows), fresh=True)[0])

    return work.owned(*values, *work.numbers, again)


def _some(at: Any, rows: Tensor) -> Tensor:  # noqa: ANN401  rows
    """Return some of the rows at `at`, by their places among these."""
    return rows + at.start if isinstance(at, slice) else cast("Tensor", at[rows])


# What takes the gradient of an input for some rows: the slopes, what each row's are multiplied by, which rows, and the
# gradients that it adds to.
Chain = Callable[[Tensor, Tensor, Any, list[Tensor | None]], None]


class _Source(Protocol):
    """What gives the values of an input for some rows, in fresh memory if asked for, and takes their gradient."""

    def __call__(self, at: Any, *, fresh: bool = False) -> tuple[Tensor | None, Chain]: ...  # noqa: ANN401


def _source(work: _Work, part: _Part, flat: Sequence[Tensor], rows: int) -> _Source:
    """Return what gives the values of an input for some rows, and takes their gradient."""
    if not part.places:
        return lambda at, *, fresh=False: (None, _no_chain)  # noqa: ARG005
    if part.linear:
        return _linear(part, flat, rows)
    (place,) = part.places
    t = flat[place].detach()
    if t.dim() < len(work.shape) or t.shape[: len(work.shape)] != work.shape:
        return lambda at, *, fresh=False: (t, _no_chain)  # noqa: ARG005  the same for all rows, as class weights are
    by_row = t.reshape(work.shape.numel(), *t.shape[len(work.shape) :])

    def store(slope: Tensor, share: Tensor, at: Any, gradients: list[Tensor | None]) -> None:  # noqa: ANN401  rows
        kept = gradients[place]
        if kept is not None:
            kept.view(by_row.shape)[at] = slope * (share if slope.dim() > 1 else share.squeeze(-1))

    return lambda at, *, fresh=False: (_widened(by_row[at]), store)  # noqa: ARG005


def _no_chain(slope: Tensor, share: Tensor, at: Any, gradients: list[Tensor | None]) -> None:  # noqa: ANN401
    """Drop the gradient of what has none."""


def _widened(t: Tensor) -> Tensor:
    return t.to(wide(t.dtype)) if t.dtype.is_floating_point else t


@dataclass(frozen=True)
class _Head:
    """The tensors of logits that are not made, and where their gradients go."""

    hidden: Tensor
    weight: Tensor
    bias: Tensor | None
    places: tuple[int, ...]
    temperature: float
    soft_cap: float | None
    room: Tensor

    def logits(self, at: Any, *, fresh: bool) -> Tensor:  # noqa: ANN401  rows
        """Return the logits of some rows, by a product, in memory that is there already unless it is to be fresh."""
        h = self.hidden[at]
        z = torch.mm(h, self.weight.t(), out=None if fresh else self.room[: len(h)])  # fresh memory costs faults
        z = z.to(wide(z.dtype))
        if self.bias is not None:
            z += self.bias
        return bent(z, self.temperature, self.soft_cap)

    def chain(
        self,
        slope: Tensor,
        share: Tensor,
        x: Tensor | None,
        at: Any,  # noqa: ANN401  rows
        gradients: list[Tensor | None],
    ) -> None:
        """Add the gradients of the tensors, by two products; x are the logits where they are capped.

        The shares of the rows multiply hidden states and results, which are small, and not the slopes.
        """
        if self.soft_cap is not None and x is not None:
            slope = slope * (1 - (x * (self.temperature / self.soft_cap)) ** 2)
        share = share / self.temperature
        by_hidden, by_weight, by_bias = (gradients[place] if place >= 0 else None for place in self.places)
        if by_bias is not None:
            by_bias += torch.mv(slope.t(), share.squeeze(-1))
        narrow = slope.to(self.hidden.dtype)
        if by_hidden is not None:
            by_hidden.view(self.hidden.shape)[at] = (torch.mm(narrow, self.weight) * share).to(by_hidden.dtype)
        if by_weight is None:
            return
        h = self.hidden[at]
        if narrow.dtype == by_weight.dtype:
            by_weight.addmm_(narrow.t(), h * share)
        else:
            by_weight += torch.mm(narrow.t(), (h * share).to(h.dtype))


def _linear(part: _Part, flat: Sequence[Tensor], rows: int) -> _Source:
    """Return the logits of some rows by a product, and the two products that take their gradient."""
    tensors = [flat[place].detach() for place in part.places]
    hidden, weight = tensors[:2]
    bias = tensors[2] if len(tensors) > 2 else None  # noqa: PLR2004  hidden, weight and a bias
    hidden = hidden.reshape(-1, hidden.shape[-1])
    if hidden.dtype == torch.float16:  # a product of these may be beyond 65,504
        hidden, weight = hidden.float(), weight.float()
    room = torch.empty(rows, weight.shape[0], dtype=hidden.dtype, device=hidden.device)
    head = _Head(hidden, weight, bias, (*part.places, -1)[:3], part.temperature, part.soft_cap, room)

    def values(at: Any, *, fresh: bool = False) -> tuple[Tensor, Chain]:  # noqa: ANN401  rows
        x = head.logits(at, fresh=fresh)
        kept = x if part.soft_cap is not None else None
        return x, lambda slope, share, at, gradients: head.chain(slope, share, kept, at, gradients)

    return values


def _rows_of_a_chunk(work: _Work, flat: Sequence[Tensor]) -> int:
    classes = max(flat[part.places[1]].shape[0] for part in work.parts if part.linear)
    dtype = wide(flat[0].dtype)
    budget = CHUNK_BYTES if dtype == flat[0].dtype else NARROW_CHUNK_BYTES
    return max(budget // (max(classes, 1) * dtype.itemsize), LEAST_ROWS)
