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
from typing import Any, Final, Protocol, cast

import torch
from torch import Tensor

from slopes._core.linear_logits import LinearLogits, bent
from slopes._core.reduce import Plan, wide
from slopes.kernels import forms, record
from slopes.kernels.blockwise import Blockwise
from slopes.kernels.chunks import Chunks, chunks_of
from slopes.kernels.nodes import Gradients

# Bytes of a chunk of products, in their own dtype. The weight is read once a chunk, and its gradient is read and
# written; `bench` measures it.
CHUNK_BYTES: Final = 64 << 20
# Of the float32 logits of a block, for each thread: what stays in a second-level cache.
STEP_BYTES: Final = 4 << 20
FORMULA_BYTES: Final = 256 << 10  # of a formula that makes a dozen intermediate results

Formula = Callable[..., tuple[Tensor, tuple[Any, ...]]]
Input = Tensor | LinearLogits | None
_SLOTS: Final = 3  # of an input among the tensors: hidden states, weight and bias, or a tensor alone
_ADDED: Final = 128  # rows of the weight's gradient at a time
_FLOAT_BYTES: Final = 4
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
            _unfilled(place, t) if w else None for place, (t, w) in enumerate(zip(tensors, wanted, strict=True))
        ]
        numbers = others[_BENDS * self.inputs :]
        hidden, weight, bias = tensors[:_SLOTS]
        form = forms.chosen(self.name, hidden, weight, bias, (others[0], others[1]), numbers)
        chunks = self._chunks(tensors, keep, form, backward=any(wanted))
        sources = [_source(place, tensors, others, gradients, shape, chunks.size) for place in range(self.inputs)]
        shares = None if factor is None or not any(wanted) else factor.reshape(losses.shape).to(dtype)
        for at in chunks:
            share = None if shares is None else shares[at]
            for source in sources:
                source.enter(at)
            if form.step is None:
                losses[at] = self._in_blocks(sources, numbers, len(losses[at]), share)
            else:
                losses[at] = _in_one_step(form.step, sources, share)
            if share is None:
                continue
            for source in sources:
                source.leave(None if form.step else torch.ones_like(share[:, 0]) if self.outputs else share)
        for source in sources:
            source.end()
        return losses.view((*shape, *self.outputs)), gradients

    def _chunks(self, tensors: Sequence[Any], keep: Tensor | None, form: forms.Form, *, backward: bool) -> Chunks:
        classes = max([len(t) for t in tensors[1::_SLOTS] if t is not None], default=tensors[0].shape[-1])
        first = tensors[0]
        computed = wide(first.dtype) if first.dtype == torch.float16 else first.dtype
        chunks = chunks_of(first.shape[:-1].numel(), keep, classes * computed.itemsize, CHUNK_BYTES)
        record.ran(self.name, chunks, classes, first.dtype, computed, form.reason, backward=backward)
        return chunks

    def _in_blocks(
        self, sources: Sequence[_Source], numbers: Sequence[Any], count: int, share: Tensor | None
    ) -> Tensor:
        """Return the losses of a chunk, block by block: their steps stay in the cache and need little memory."""
        widest = max((source.width for source in sources if isinstance(source, _Head)), default=1)
        threads = torch.get_num_threads()
        size = max((STEP_BYTES if self.owned else FORMULA_BYTES) * threads // (_FLOAT_BYTES * widest), threads)
        blocks = (slice(start, min(start + size, count)) for start in range(0, count, size))
        return torch.cat(
            [self._evaluated(sources, numbers, block, None if share is None else share[block]) for block in blocks]
        )

    def _evaluated(
        self, sources: Sequence[_Source], numbers: Sequence[Any], block: slice, share: Tensor | None
    ) -> Tensor:
        """Return the losses of a block of rows; their slopes go where the sources keep them."""
        values = [source.values(block) for source in sources]
        losses, slopes = self._formula(values, numbers, sources, block)
        if share is not None:
            if self.outputs:
                slopes = tuple(s if s is None else s(share) for s in slopes)
                share = torch.ones_like(share[:, 0])
            for source, slope in zip(sources, slopes, strict=False):
                if slope is not None and source.wanted:
                    source.keep(slope() if callable(slope) else slope, share, block)
        return losses

    def _formula(
        self, values: Sequence[Any], numbers: Sequence[Any], sources: Sequence[_Source], block: slice
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """Return losses and slopes, the logits overwritten where the formula can do with that."""
        linear = [place for place, source in enumerate(sources) if isinstance(source, _Head)]
        head = sources[0]
        if self.owned is None or linear != [0] or not isinstance(head, _Head) or head.soft_cap is not None:
            return self.formula(*values, *numbers)
        return self.owned(*values, *numbers, lambda rows: head.again(rows + block.start))


def _unfilled(place: int, t: Tensor) -> Tensor:
    """Return memory for the gradient of a tensor, zero but for a weight's, of which the first chunk writes all."""
    fill = torch.empty if place % _SLOTS == 1 else torch.zeros
    return fill(t.shape, dtype=wide(t.dtype), device=t.device)


def _in_one_step(step: forms.Step, sources: Sequence[_Source], share: Tensor | None) -> Tensor:
    """Return the losses of a chunk by a replacement of the row step, whose slopes have the shares in them."""
    head, targets = sources
    assert isinstance(head, _Head)  # noqa: S101  for the type checker: forms chooses a step for nothing else
    return step(head.products, cast("Tensor", targets.values(slice(0, len(head.products)))), share)


def _some(at: slice | Tensor, block: slice) -> slice | Tensor:
    """Return the rows of a block of a chunk."""
    return slice(at.start + block.start, at.start + block.stop) if isinstance(at, slice) else at[block]


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
    """An input of the formula: it gives the values of rows, and takes their gradient.

    The rows come chunk by chunk (`enter`, `leave`), and within a chunk block by block.
    """

    @property
    def wanted(self) -> bool:
        """Whether somebody wants its gradient."""
        ...

    def enter(self, at: slice | Tensor) -> None:
        """Begin a chunk of these rows."""
        ...

    def values(self, block: slice) -> Tensor | None:
        """Return the values of a block."""
        ...

    def keep(self, slope: Tensor, share: Tensor, block: slice) -> None:
        """Take the slopes of a block, each row's to be multiplied by its share."""
        ...

    def leave(self, share: Tensor | None) -> None:
        """End the chunk: pass on what was kept, times these shares; None where what was kept is the whole gradient."""
        ...

    def end(self) -> None:
        """End the pass."""
        ...


def _source(
    place: int,
    tensors: Sequence[Any],
    extras: Sequence[Any],
    gradients: Gradients,
    shape: torch.Size,
    rows: int,
) -> _Source:
    slots = slice(_SLOTS * place, _SLOTS * (place + 1))
    t, weight, bias = (None if t is None else t.detach() for t in tensors[slots])
    temperature, soft_cap = extras[_BENDS * place : _BENDS * (place + 1)]
    if t is not None and weight is not None:
        return _Head(t, weight, bias, temperature, soft_cap, gradients[slots], rows)
    if t is None or t.dim() < len(shape) or t.shape[: len(shape)] != shape:
        return _Constant(t)  # the same for all rows
    return _ByRow(t.reshape(shape.numel(), *t.shape[len(shape) :]), gradients[slots][0])


class _Constant:
    """What is the same for all rows and has no gradient."""

    wanted = False

    def __init__(self, value: Tensor | None) -> None:
        self._value = value

    def enter(self, at: slice | Tensor) -> None:
        """Do nothing."""

    def values(self, block: slice) -> Tensor | None:  # noqa: ARG002  the same for all
        """Return it."""
        return self._value

    def keep(self, slope: Tensor, share: Tensor, block: slice) -> None:
        """Drop the gradient of what has none."""

    def leave(self, share: Tensor | None) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


class _ByRow:
    """A tensor with an entry, or a vector, for each row."""

    def __init__(self, value: Tensor, gradient: Tensor | None) -> None:
        self._value = value
        self._gradient = None if gradient is None else gradient.view(value.shape)
        self._at: slice | Tensor = slice(0)

    @property
    def wanted(self) -> bool:
        """Whether somebody wants its gradient."""
        return self._gradient is not None

    def enter(self, at: slice | Tensor) -> None:
        """Remember the rows."""
        self._at = at

    def values(self, block: slice) -> Tensor:
        """Return the entries of a block, widened."""
        t = self._value[_some(self._at, block)]
        return t.to(wide(t.dtype)) if t.dtype.is_floating_point else t

    def keep(self, slope: Tensor, share: Tensor, block: slice) -> None:
        """Store the gradient of a block."""
        if self._gradient is not None:
            self._gradient[_some(self._at, block)] = slope * (share.unsqueeze(-1) if slope.dim() > 1 else share)

    def leave(self, share: Tensor | None) -> None:
        """Do nothing: it is stored."""

    def end(self) -> None:
        """Do nothing."""


def _room(rows: int, classes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return memory for a chunk, on a GPU with rows that begin where vector loads can."""
    if device.type == "cpu":
        return torch.empty(rows, classes, dtype=dtype)
    padded = (classes + _ALIGNED - 1) // _ALIGNED * _ALIGNED
    return torch.empty(rows, padded, dtype=dtype, device=device)[:, :classes]


class _Head:
    """Logits that are not made as a whole.

    The products of a chunk have one room, which every chunk writes anew, since fresh memory costs faults. A block of
    them is widened, bent and turned into slopes, which take the products' place.
    """

    def __init__(
        self,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        temperature: float,
        soft_cap: float | None,
        gradients: Gradients,
        rows: int,
    ) -> None:
        self._by_hidden, self._by_weight, self._by_bias = gradients
        self.wanted = any(t is not None for t in gradients)
        flat = hidden.shape[:-1].numel(), hidden.shape[-1]
        if self._by_hidden is not None:
            self._by_hidden = self._by_hidden.view(flat)
        hidden = hidden.reshape(flat)
        if hidden.dtype == torch.float16:  # a product of these may be beyond 65,504
            hidden, weight = hidden.float(), weight.float()
        self._hidden, self._weight, self._bias = hidden, weight, bias
        self._temperature, self.soft_cap = temperature, soft_cap
        self.width = weight.shape[0]
        self._room = _room(rows, self.width, hidden.dtype, hidden.device)
        self._widened = wide(hidden.dtype) != hidden.dtype
        self._capped: Tensor | None = None
        self._product: Tensor | None = None
        self._begun = False  # whether anything is in the weight's gradient, which was not filled with zeros
        self._at: slice | Tensor = slice(0)
        self._h, self.products = hidden[:0], self._room[:0]

    def enter(self, at: slice | Tensor) -> None:
        """Make the products of a chunk."""
        self._at, self._h = at, self._hidden[at]
        self.products = torch.mm(self._h, self._weight.t(), out=self._room[: len(self._h)])

    def values(self, block: slice) -> Tensor:
        """Return the logits of a block; those of 32 bits and more are the room itself."""
        z = self.products[block]
        return self._bent(z.to(wide(z.dtype)))

    def again(self, rows: Tensor) -> Tensor:
        """Return the logits of some rows of the chunk, whose room has been overwritten."""
        z = torch.mm(self._h[rows], self._weight.t())
        return self._bent(z.to(wide(z.dtype)))

    def _bent(self, z: Tensor) -> Tensor:
        if self._bias is not None:
            z += self._bias
        if self.soft_cap is None:
            return z if self._temperature == 1 else z.div_(self._temperature)
        self._capped = bent(z, self._temperature, self.soft_cap)
        return self._capped

    def keep(self, slope: Tensor, share: Tensor, block: slice) -> None:
        """Put the slopes by the products, but for share and temperature, in the products' place."""
        if self.soft_cap is not None and self._capped is not None:
            slope = slope * (1 - (self._capped * (self._temperature / self.soft_cap)) ** 2)
        if self._by_bias is not None:
            self._by_bias += torch.mv(slope.t(), share / self._temperature)
        place = self.products[block]
        if slope.data_ptr() != place.data_ptr():
            place.copy_(slope)

    def leave(self, share: Tensor | None) -> None:
        """Add the gradients of a chunk, by two products.

        The shares of the rows multiply hidden states and results, which are small, and not the slopes.
        """
        h = self._h
        if share is None and self._by_bias is not None:
            self._by_bias += self.products.sum(0, dtype=self._by_bias.dtype)
        if share is not None:
            share = (share / self._temperature).unsqueeze(-1)
            h = (h * share).to(h.dtype)
        if self._by_hidden is not None:
            by_hidden = torch.mm(self.products, self._weight)
            self._by_hidden[self._at] = by_hidden.to(self._by_hidden.dtype) if share is None else by_hidden * share
        if self._by_weight is not None:
            self._add_by_weight(self._by_weight, h)

    def _add_by_weight(self, by_weight: Tensor, h: Tensor) -> None:
        """Add a chunk's gradient by the weight; of 16 bits it is rounded once, and added to a float32 sum."""
        slopes = self.products.t()
        if self.products.dtype == by_weight.dtype:
            if self._begun:
                by_weight.addmm_(slopes, h)
            else:
                torch.mm(slopes, h, out=by_weight)
        else:
            if self._product is None:
                self._product = torch.empty(by_weight.shape, dtype=slopes.dtype, device=slopes.device)
            torch.mm(slopes, h, out=self._product)
            for start in range(0, len(by_weight), _ADDED):  # a sum of two dtypes makes a copy of its terms
                some = slice(start, start + _ADDED)
                by_weight[some].add_(self._product[some]) if self._begun else by_weight[some].copy_(self._product[some])
        self._begun = True

    def end(self) -> None:
        """Give the weight its gradient where no row counted."""
        if self._by_weight is not None and not self._begun:
            self._by_weight.zero_()
