"""What a formula over logits that are not made reads, chunk by chunk, and where its gradients go.

`source_of` makes one for each input of the formula: the products of hidden states and a weight (`Head`), a tensor with
an entry for each row (`ByRow`), or what is the same for all rows (`Constant`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import torch
from torch import Tensor

from slopes._core.linear_logits import bent
from slopes._core.tensors import wide
from slopes.kernels.blocks.operators import Gradients

SLOTS: Final = 3  # of an input among the tensors: hidden states, weight and bias, or a tensor alone
BENDS: Final = 2  # and among the extras: temperature and soft cap
_ADDED: Final = 128  # rows of the weight's gradient at a time
_ALIGNED: Final = 64  # entries, of 2 bytes or more


class Source(Protocol):
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


def source_of(
    place: int,
    tensors: Sequence[Any],
    extras: Sequence[Any],
    gradients: Gradients,
    shape: torch.Size,
    rows: int,
) -> Source:
    """Return the source of one input.

    Args:
        place: Which input of the formula.
        tensors: `SLOTS` of each input.
        extras: `BENDS` of each input, then whatever follows.
        gradients: Memory for the gradients of the tensors, None where nobody wants them.
        shape: Of the rows.
        rows: How many a chunk has at most.
    """
    slots = slice(SLOTS * place, SLOTS * (place + 1))
    t, weight, bias = (None if t is None else t.detach() for t in tensors[slots])
    temperature, soft_cap = extras[BENDS * place : BENDS * (place + 1)]
    if t is not None and weight is not None:
        return Head(t, weight, bias, temperature, soft_cap, gradients[slots], rows)
    if t is None or t.dim() < len(shape) or t.shape[: len(shape)] != shape:
        return Constant(t)  # the same for all rows
    return ByRow(t.reshape(shape.numel(), *t.shape[len(shape) :]), gradients[slots][0])


class Constant:
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


def _some(at: slice | Tensor, block: slice) -> slice | Tensor:
    """Return the rows of a block of a chunk."""
    return slice(at.start + block.start, at.start + block.stop) if isinstance(at, slice) else at[block]


class ByRow:
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
        return torch.empty(rows, classes, dtype=dtype, device=device)
    padded = (classes + _ALIGNED - 1) // _ALIGNED * _ALIGNED
    return torch.empty(rows, padded, dtype=dtype, device=device)[:, :classes]


class Head:
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
