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
from typing import Any, Final, cast

import torch
from torch import Tensor

from slopes._core.linear_logits import LinearLogits
from slopes._core.reduce import Plan
from slopes._core.tensors import wide
from slopes.kernels import record
from slopes.kernels.blocks.blockwise import Blockwise
from slopes.kernels.blocks.chunks import Chunks, chunks_of
from slopes.kernels.blocks.operators import Gradients
from slopes.kernels.unmade import replacements
from slopes.kernels.unmade.sources import BENDS, SLOTS, Head, Source, source_of

# Bytes of a chunk of products, in their own dtype. The weight is read once a chunk, and its gradient is read and
# written; `bench` measures it.
CHUNK_BYTES: Final = 64 << 20
# Of the float32 logits of a block, for each thread: what stays in a second-level cache.
STEP_BYTES: Final = 4 << 20
FORMULA_BYTES: Final = 256 << 10  # of a formula that makes a dozen intermediate results

Formula = Callable[..., tuple[Tensor, tuple[Any, ...]]]
Input = Tensor | LinearLogits | None
_FLOAT_BYTES: Final = 4


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
        count = SLOTS * self.inputs
        keep, *extras = given[count:]
        shape = given[0].shape[:-1]
        inputs: list[Tensor | None] = []
        for place in range(self.inputs):
            t, weight, bias = given[SLOTS * place : SLOTS * (place + 1)]
            temperature, soft_cap = extras[BENDS * place : BENDS * (place + 1)]
            if weight is not None:
                if keep is not None:  # before the product too, whose slopes of 0 would meet an infinity
                    t = torch.where(keep.unsqueeze(-1), t, 0.0)
                t = LinearLogits(t, weight, bias, temperature=temperature, soft_cap=soft_cap).materialize()
            if keep is not None and t is not None and t.dim() > len(shape):
                t = torch.where(keep.unsqueeze(-1), t, 0.0)
            inputs.append(t)
        record.made(self.name, shape.numel(), given[0].dtype)
        return self.value(*inputs, *extras[BENDS * self.inputs :])

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
        numbers = others[BENDS * self.inputs :]
        hidden, weight, bias = tensors[:SLOTS]
        form = replacements.chosen(self.name, hidden, weight, bias, (others[0], others[1]), numbers)
        chunks = self._chunks(tensors, keep, form, backward=any(wanted))
        sources = [source_of(place, tensors, others, gradients, shape, chunks.size) for place in range(self.inputs)]
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

    def _chunks(
        self, tensors: Sequence[Any], keep: Tensor | None, form: replacements.Form, *, backward: bool
    ) -> Chunks:
        classes = max([len(t) for t in tensors[1::SLOTS] if t is not None], default=tensors[0].shape[-1])
        first = tensors[0]
        computed = wide(first.dtype) if first.dtype == torch.float16 else first.dtype
        chunks = chunks_of(first.shape[:-1].numel(), keep, classes * computed.itemsize, CHUNK_BYTES)
        record.ran(self.name, chunks, classes, first.dtype, computed, form.reason, backward=backward)
        return chunks

    def _in_blocks(self, sources: Sequence[Source], numbers: Sequence[Any], count: int, share: Tensor | None) -> Tensor:
        """Return the losses of a chunk, block by block: their steps stay in the cache and need little memory."""
        widest = max((source.width for source in sources if isinstance(source, Head)), default=1)
        threads = torch.get_num_threads()
        size = max((STEP_BYTES if self.owned else FORMULA_BYTES) * threads // (_FLOAT_BYTES * widest), threads)
        blocks = (slice(start, min(start + size, count)) for start in range(0, count, size))
        return torch.cat(
            [self._evaluated(sources, numbers, block, None if share is None else share[block]) for block in blocks]
        )

    def _evaluated(
        self, sources: Sequence[Source], numbers: Sequence[Any], block: slice, share: Tensor | None
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
        self, values: Sequence[Any], numbers: Sequence[Any], sources: Sequence[Source], block: slice
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """Return losses and slopes, the logits overwritten where the formula can do with that."""
        linear = [place for place, source in enumerate(sources) if isinstance(source, Head)]
        head = sources[0]
        if self.owned is None or linear != [0] or not isinstance(head, Head) or head.soft_cap is not None:
            return self.formula(*values, *numbers)
        return self.owned(*values, *numbers, lambda rows: head.again(rows + block.start))


def _unfilled(place: int, t: Tensor) -> Tensor:
    """Return memory for the gradient of a tensor, zero but for a weight's, of which the first chunk writes all."""
    fill = torch.empty if place % SLOTS == 1 else torch.zeros
    return fill(t.shape, dtype=wide(t.dtype), device=t.device)


def _in_one_step(step: replacements.Step, sources: Sequence[Source], share: Tensor | None) -> Tensor:
    """Return the losses of a chunk by a replacement of the row step, whose slopes have the shares in them."""
    head, targets = sources
    assert isinstance(head, Head)  # noqa: S101  for the type checker: `replacements` chooses a step for nothing else
    return step(head.products, cast("Tensor", targets.values(slice(0, len(head.products)))), share)


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
