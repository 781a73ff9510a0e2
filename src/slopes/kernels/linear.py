"""One engine for every loss of rows of logits that are never made: chunks of rows, products, softmax, products.

A loss of rows (`Pointwise` with `rows=True`) is a value and a gradient by each logit. Here the logits of a chunk are
made by a product, the loss and its gradient G by that very formula, and the gradients of what the logits were made of
by two more products: G · weight and Gᵀ · hidden. So whatever the formula knows (class weights, smoothing, soft
targets, a teacher) holds here too.

The three regimes are those of `blockwise`: a reduced loss takes three products, a loss for each row four, and one
whose gradient nobody wants takes the forward product alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import torch
from torch import Tensor

from slopes._core.linear_logits import LinearLogits, bent
from slopes._core.reduce import Plan, wide
from slopes.kernels import forms, record
from slopes.kernels.blockwise import Blockwise
from slopes.kernels.chunks import Chunks, chunks_of
from slopes.kernels.nodes import Gradients

# Bytes of a chunk of logits in the dtype that they are computed in. The weight's gradient is read and written once a
# chunk, and converted as well for 16-bit weights, which is dear for small chunks; `bench` measures it.
CHUNK_BYTES: Final = 64 << 20
NARROW_CHUNK_BYTES: Final = 128 << 20

Formula = Callable[..., tuple[Tensor, tuple[Any, ...]]]
Input = Tensor | LinearLogits | None
_SLOTS: Final = 3  # of an input among the tensors: hidden states, weight and bias, or a tensor alone
_ALIGNED: Final = 64  # entries, of 2 bytes or more
_BENDS: Final = 2  # and among the extras: temperature and soft cap


def wants(inputs: Sequence[Any]) -> bool:
    """Whether one of the inputs is logits that are not made."""
    return any(isinstance(t, LinearLogits) for t in inputs)


class Engine:
    """A loss of rows over logits that are not made.

    Args:
        name: What its operators are called by.
        inputs: How many inputs the formula has; the first has a last dimension of classes.
        value: `value(*inputs, *others)`, as a graph can go through it.
        formula: `formula(*inputs, *others)`, the losses and their slopes by each input; a slope may be a function,
            called where it is wanted.
        owned: Like `formula`, but it may overwrite its first input; a last argument makes some rows of that again.
        outputs: What follows the rows in the shape of the losses. A slope is then a function of the losses' shares.
    """

    def __init__(
        self,
        name: str,
        inputs: int,
        value: Callable[..., Tensor],
        formula: Formula,
        owned: Formula | None = None,
        outputs: tuple[int, ...] = (),
    ) -> None:
        self.name, self.inputs, self.outputs = name, inputs, outputs
        self.value, self.formula, self.owned = value, formula, owned
        self._blockwise = Blockwise(f"linear_{name}", self._plain, self._run, outputs)

    def rows(self, inputs: Sequence[Input], others: Sequence[Any], keep: Tensor | None = None) -> Tensor:
        """Return the loss of each row, in the wide dtype; 0 for rows that do not count."""
        return self._blockwise.rows(*_flattened(inputs, others, keep))

    def reduced(self, inputs: Sequence[Input], others: Sequence[Any], plan: Plan) -> Tensor:
        """Return the loss reduced as planned."""
        return self._blockwise.reduced(*_flattened(inputs, others, plan.keep), plan)

    def _plain(self, *given: Any) -> Tensor:  # noqa: ANN401  tensors and extras
        """Return the losses with the logits made."""
        count = _SLOTS * self.inputs
        keep, *extras = given[count:]
        shape = given[0].shape[:-1]
        inputs: list[Tensor | None] = []
        for place in range(self.inputs):
            t, weight, bias = given[_SLOTS * place : _SLOTS * (place + 1)]
            temperature, soft_cap = extras[_BENDS * place : _BENDS * (place + 1)]
            if weight is not None:
                if keep is not None:  # before the product too, whose slopes of 0 would meet an infinity
                    t = torch.where(keep.unsqueeze(-1), t, 0.0)
                t = LinearLogits(t, weight, bias, temperature=temperature, soft_cap=soft_cap).materialize()
            if keep is not None and t is not None and t.dim() > len(shape):
                t = torch.where(keep.unsqueeze(-1), t, 0.0)
            inputs.append(t)
        record.made(self.name, shape.numel(), given[0].dtype)
        return self.value(*inputs, *extras[_BENDS * self.inputs :])

    def _run(
        self, tensors: Sequence[Any], extras: Sequence[Any], factor: Tensor | None, wanted: Sequence[bool]
    ) -> tuple[Tensor, Gradients]:
        """Return the losses, and the gradients that are wanted of the sum of factor · loss, chunk by chunk."""
        keep, *others = extras
        first = tensors[0]
        shape, dtype = first.shape[:-1], wide(first.dtype)
        losses = torch.zeros(shape.numel(), *self.outputs, dtype=dtype, device=first.device)
        gradients = [
            torch.zeros(t.shape, dtype=wide(t.dtype), device=t.device) if w else None
            for t, w in zip(tensors, wanted, strict=True)
        ]
        numbers = others[_BENDS * self.inputs :]
        hidden, weight, bias = tensors[:_SLOTS]
        form = forms.chosen(self.name, hidden, weight, bias, (others[0], others[1]), numbers)
        chunks = self._chunks(tensors, keep, form, backward=any(wanted))
        sources = [_source(place, tensors, others, shape, chunks.size) for place in range(self.inputs)]
        shares = None if factor is None or not any(wanted) else factor.reshape(losses.shape).to(dtype)
        for at in chunks:
            share = None if shares is None else shares[at]
            if form.step is not None:
                losses[at] = _in_one_step(form.step, sources, at, share, gradients)
                continue
            values = [source.values(at) for source in sources]
            losses[at], slopes = self._evaluated(values, numbers, sources, at)
            del values  # the chunk's logits, before there is another chunk of their size
            if share is None:
                continue
            if self.outputs:
                slopes = tuple(s if s is None else s(share) for s in slopes)
                share = torch.ones_like(share[:, 0])
            for place, (source, slope) in enumerate(zip(sources, slopes, strict=False)):
                if slope is not None and any(wanted[_SLOTS * place : _SLOTS * (place + 1)]):
                    mine = gradients[_SLOTS * place : _SLOTS * (place + 1)]
                    source.chain(slope() if callable(slope) else slope, share.unsqueeze(-1), at, mine)
        return losses.view((*shape, *self.outputs)), gradients

    def _chunks(self, tensors: Sequence[Any], keep: Tensor | None, form: forms.Form, *, backward: bool) -> Chunks:
        classes = max([len(t) for t in tensors[1::_SLOTS] if t is not None], default=tensors[0].shape[-1])
        first = tensors[0]
        computed = wide(first.dtype)
        budget = CHUNK_BYTES if computed == first.dtype else NARROW_CHUNK_BYTES
        chunks = chunks_of(first.shape[:-1].numel(), keep, classes * computed.itemsize, budget)
        record.ran(self.name, chunks, classes, first.dtype, computed, form.reason, backward=backward)
        return chunks

    def _evaluated(
        self,
        values: Sequence[Any],
        numbers: Sequence[Any],
        sources: Sequence[_Source],
        at: Any,  # noqa: ANN401  rows
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """Return the loss of some rows and its slopes, the logits overwritten where the formula can do with that."""
        linear = [place for place, source in enumerate(sources) if isinstance(source, _Head)]
        head = sources[0]
        if self.owned is None or linear != [0] or not isinstance(head, _Head) or head.soft_cap is not None:
            return self.formula(*values, *numbers)

        def again(rows: Tensor) -> Tensor:
            return head.values(rows + at.start if isinstance(at, slice) else at[rows], fresh=True)

        return self.owned(*values, *numbers, again)


def _in_one_step(
    step: forms.Step,
    sources: Sequence[_Source],
    at: Any,  # noqa: ANN401  rows
    share: Tensor | None,
    gradients: Gradients,
) -> Tensor:
    """Return the losses of some rows by a replacement of the row step, and add the gradients of the first input."""
    head, targets = sources
    assert isinstance(head, _Head)  # noqa: S101  for the type checker: forms chooses a step for nothing else
    z = head.products(at)
    losses = step(z, cast("Tensor", targets.values(at)), share)
    if share is not None:
        head.pass_on(z, at, gradients[:_SLOTS])
    return losses


def _flattened(
    inputs: Sequence[Input], others: Sequence[Any], keep: Tensor | None
) -> tuple[list[Tensor | None], list[Any]]:
    """Return the tensors of the inputs, and all the rest: keep, temperature and soft cap of each input, the others."""
    tensors: list[Tensor | None] = []
    bends: list[float | None] = []
    for given in inputs:
        if isinstance(given, LinearLogits):
            tensors += [given.hidden, given.weight, given.bias]
            bends += [float(given.temperature), None if given.soft_cap is None else float(given.soft_cap)]
        else:
            tensors += [given, None, None]
            bends += [1.0, None]
    return tensors, [keep, *bends, *others]


class _Source(Protocol):
    """What gives the values of an input for some rows, and takes their gradient."""

    def values(self, at: Any, *, fresh: bool = False) -> Tensor | None:  # noqa: ANN401  rows
        """Return the values of some rows, in memory of their own where `fresh`."""
        ...

    def chain(self, slope: Tensor, share: Tensor, at: Any, gradients: Gradients) -> None:  # noqa: ANN401
        """Add the slopes of some rows, each times its share, to the gradients of the input's tensors."""
        ...


def _source(place: int, tensors: Sequence[Any], extras: Sequence[Any], shape: torch.Size, rows: int) -> _Source:
    t, weight, bias = tensors[_SLOTS * place : _SLOTS * (place + 1)]
    temperature, soft_cap = extras[_BENDS * place : _BENDS * (place + 1)]
    if t is None:
        return _Constant(None)
    if weight is not None:
        return _Head(t.detach(), weight.detach(), None if bias is None else bias.detach(), temperature, soft_cap, rows)
    t = t.detach()
    if t.dim() < len(shape) or t.shape[: len(shape)] != shape:
        return _Constant(t)  # the same for all rows
    return _ByRow(t.reshape(shape.numel(), *t.shape[len(shape) :]))


@dataclass(frozen=True)
class _Constant:
    """What is the same for all rows and has no gradient."""

    value: Tensor | None

    def values(self, at: Any, *, fresh: bool = False) -> Tensor | None:  # noqa: ANN401, ARG002
        """Return it."""
        return self.value

    def chain(self, slope: Tensor, share: Tensor, at: Any, gradients: Gradients) -> None:  # noqa: ANN401
        """Drop the gradient of what has none."""


@dataclass(frozen=True)
class _ByRow:
    """A tensor with an entry, or a vector, for each row."""

    value: Tensor

    def values(self, at: Any, *, fresh: bool = False) -> Tensor:  # noqa: ANN401, ARG002
        """Return the entries of some rows, widened."""
        t = self.value[at]
        return t.to(wide(t.dtype)) if t.dtype.is_floating_point else t

    def chain(self, slope: Tensor, share: Tensor, at: Any, gradients: Gradients) -> None:  # noqa: ANN401
        """Store the gradient of some rows."""
        kept = gradients[0]
        if kept is not None:
            kept.view(self.value.shape)[at] = slope * (share if slope.dim() > 1 else share.squeeze(-1))


def _room(rows: int, classes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return memory for a chunk, on a GPU with rows that begin where vector loads can."""
    if device.type == "cpu":
        return torch.empty(rows, classes, dtype=dtype)
    padded = (classes + _ALIGNED - 1) // _ALIGNED * _ALIGNED
    return torch.empty(rows, padded, dtype=dtype, device=device)[:, :classes]


class _Head:
    """Logits that are not made: their tensors, and memory for those of a chunk, which every chunk writes anew."""

    def __init__(
        self,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        temperature: float,
        soft_cap: float | None,
        rows: int,
    ) -> None:
        self.shape = hidden.shape
        hidden = hidden.reshape(hidden.shape[:-1].numel(), hidden.shape[-1])
        if hidden.dtype == torch.float16:  # a product of these may be beyond 65,504
            hidden, weight = hidden.float(), weight.float()
        self.hidden, self.weight, self.bias = hidden, weight, bias
        self.temperature, self.soft_cap = temperature, soft_cap
        self._capped: Tensor | None = None
        size, computed = (rows, weight.shape[0]), wide(hidden.dtype)
        self._narrow = torch.empty(size, dtype=hidden.dtype, device=hidden.device)
        self._wide = (
            self._narrow if computed == hidden.dtype else torch.empty(size, dtype=computed, device=hidden.device)
        )
        self._product: Tensor | None = None

    def values(self, at: Any, *, fresh: bool = False) -> Tensor:  # noqa: ANN401  rows
        """Return the logits of some rows, by a product, in memory that is there already unless it is to be fresh."""
        h = self.hidden[at]
        if fresh:
            z = torch.mm(h, self.weight.t()).to(self._wide.dtype)
        else:
            z = torch.mm(h, self.weight.t(), out=self._narrow[: len(h)])  # fresh memory costs faults
            z = z if self._wide is self._narrow else self._wide[: len(h)].copy_(z)
        if self.bias is not None:
            z += self.bias
        if self.soft_cap is None:
            return z if self.temperature == 1 else z.div_(self.temperature)
        self._capped = bent(z, self.temperature, self.soft_cap)
        return self._capped

    def products(self, at: Any) -> Tensor:  # noqa: ANN401  rows
        """Return the raw products of some rows, without bias, temperature and soft cap."""
        h = self.hidden[at]
        return torch.mm(h, self.weight.t(), out=self._narrow[: len(h)])

    def pass_on(self, slope: Tensor, at: Any, gradients: Gradients) -> None:  # noqa: ANN401  rows
        """Add the gradients of the tensors from those of the raw products."""
        by_hidden, by_weight, by_bias = gradients
        if by_bias is not None:
            by_bias += slope.sum(0, dtype=by_bias.dtype)
        if by_hidden is not None:
            by_hidden.view(self.hidden.shape)[at] = torch.mm(slope, self.weight).to(by_hidden.dtype)
        if by_weight is not None:
            self._by_weight(slope, self.hidden[at], by_weight)

    def chain(self, slope: Tensor, share: Tensor, at: Any, gradients: Gradients) -> None:  # noqa: ANN401
        """Add the gradients of the tensors, by two products.

        The shares of the rows multiply hidden states and results, which are small, and not the slopes.
        """
        if self.soft_cap is not None and self._capped is not None:
            slope = slope * (1 - (self._capped * (self.temperature / self.soft_cap)) ** 2)
        share = share / self.temperature
        by_hidden, by_weight, by_bias = gradients
        if by_bias is not None:
            by_bias += torch.mv(slope.t(), share.squeeze(-1))
        narrow = slope if self._wide is self._narrow else self._narrow[: len(slope)].copy_(slope)
        if by_hidden is not None:
            product = torch.mm(narrow, self.weight)
            by_hidden.view(self.hidden.shape)[at] = (product * share).to(by_hidden.dtype)
        if by_weight is not None:
            self._by_weight(narrow, (self.hidden[at] * share).to(narrow.dtype), by_weight)

    def _by_weight(self, slope: Tensor, h: Tensor, by_weight: Tensor) -> None:
        """Add the gradient by the weight; of 16 bits a chunk's is rounded once, and added to a float32 sum."""
        if slope.dtype == by_weight.dtype:
            by_weight.addmm_(slope.t(), h)
            return
        if self._product is None:
            self._product = torch.empty(by_weight.shape, dtype=slope.dtype, device=slope.device)
        by_weight += torch.mm(slope.t(), h, out=self._product)
