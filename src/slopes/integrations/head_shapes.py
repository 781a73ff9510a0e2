"""Shapes and rows of logits that are not made: what leaves the vocabulary whole and last, the hidden states can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import EllipsisType
from typing import Any, Final, Self

import torch
from torch import Tensor

from slopes._core.linear_logits import LinearLogits
from slopes.integrations.unmade import described, refuse

Index = slice | EllipsisType | int | Tensor | Sequence[Any] | None
WHOLE: Final = slice(None)


class ShapedLogits(LinearLogits):
    """`LinearLogits` whose dimensions before the vocabulary are sliced, indexed, reshaped and counted."""

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.dim()

    def size(self, dim: int | None = None) -> torch.Size | int:
        """Return the shape, or one dimension of it."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        """Return how many logits there would be."""
        return self.shape.numel()

    nelement = numel

    def __len__(self) -> int:
        """Return the size of the first dimension."""
        return self.shape[0]

    def __iter__(self) -> Iterator[Self]:
        """Return the entries of the first dimension, one after the other."""
        return iter(self.unbind())

    def __getitem__(self, index: Index | tuple[Index, ...]) -> Self:
        """Return the logits of some rows: any index of the dimensions before the vocabulary."""
        parts = _said(index if isinstance(index, tuple) else (index,), self.dim())
        last = _last(parts, self.dim())
        if last is None:
            refuse(self, f"an index [{', '.join(map(described, parts))}]")
        if range(self.shape[-1])[last] != range(self.shape[-1]):
            refuse(self, "a slice of the vocabulary")
        if last != WHOLE:  # it says the vocabulary's size, of which the hidden states' differs
            parts = (*parts[:-1], WHOLE)
        return self._of(self.hidden[tuple(parts)])

    def view(self, *shape: int | Sequence[int]) -> Self:
        """Return the logits in another shape that ends with the whole vocabulary."""
        return self._reshaped("view", shape)

    def reshape(self, *shape: int | Sequence[int]) -> Self:
        """Return the logits in another shape that ends with the whole vocabulary."""
        return self._reshaped("reshape", shape)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Self:
        """Return the logits with neighbouring dimensions before the vocabulary as one."""
        return self._of(self.hidden.flatten(*self._leading("flatten", start_dim, end_dim)))

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Self:
        """Return the logits with one dimension before the vocabulary as several."""
        return self._of(torch.unflatten(self.hidden, self._before("unflatten", dim), sizes))

    def squeeze(self, *dim: int | Sequence[int] | None) -> Self:
        """Return the logits without dimensions of size 1 before the vocabulary."""
        named: tuple[Any, ...] = tuple(dim[0] if len(dim) == 1 and isinstance(dim[0], Sequence) else dim)
        if named in {(), (None,)}:
            if self.shape[-1] == 1:
                refuse(self, "squeeze()")
            named = tuple(range(self.dim() - 1))
        return self._of(self.hidden.squeeze(self._leading("squeeze", *named)) if named else self.hidden)

    def unsqueeze(self, dim: int) -> Self:
        """Return the logits with a dimension more before the vocabulary."""
        if dim in {-1, self.dim()}:
            refuse(self, f"unsqueeze({dim})")
        return self._of(self.hidden.unsqueeze(dim))

    def transpose(self, dim0: int, dim1: int) -> Self:
        """Return the logits with two dimensions before the vocabulary swapped."""
        return self._of(self.hidden.transpose(*self._leading("transpose", dim0, dim1)))

    swapaxes = swapdims = transpose

    def permute(self, *dims: int | Sequence[int]) -> Self:
        """Return the logits with the dimensions before the vocabulary in another order."""
        order: tuple[Any, ...] = tuple(dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims)
        if order[-1:] not in {(-1,), (self.dim() - 1,)}:
            refuse(self, f"permute({', '.join(map(str, order))})")
        return self._of(self.hidden.permute(*order))

    def expand(self, *sizes: int | Sequence[int]) -> Self:
        """Return the logits with dimensions of size 1 before the vocabulary repeated."""
        wanted: tuple[Any, ...] = tuple(sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes)
        if wanted[-1:] not in {(-1,), (self.shape[-1],)}:
            refuse(self, f"expand({', '.join(map(str, wanted))})")
        return self._of(self.hidden.expand(*wanted[:-1], -1))

    def select(self, dim: int, index: int) -> Self:
        """Return one entry of a dimension before the vocabulary."""
        return self._of(self.hidden.select(self._before("select", dim), index))

    def narrow(self, dim: int, start: int, length: int) -> Self:
        """Return a part of a dimension before the vocabulary."""
        return self._of(self.hidden.narrow(self._before("narrow", dim), start, length))

    def index_select(self, dim: int, index: Tensor) -> Self:
        """Return some entries of a dimension before the vocabulary."""
        return self._of(self.hidden.index_select(self._before("index_select", dim), index))

    def split(self, split_size: int | list[int], dim: int = 0) -> tuple[Self, ...]:
        """Return parts of a dimension before the vocabulary."""
        return tuple(map(self._of, torch.split(self.hidden, split_size, self._before("split", dim))))

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Self, ...]:
        """Return a number of parts of a dimension before the vocabulary."""
        return tuple(map(self._of, self.hidden.chunk(chunks, self._before("chunk", dim))))

    def unbind(self, dim: int = 0) -> tuple[Self, ...]:
        """Return the entries of a dimension before the vocabulary."""
        return tuple(map(self._of, self.hidden.unbind(self._before("unbind", dim))))

    def contiguous(self) -> Self:
        """Return the logits as they are."""
        return self

    def _of(self, hidden: Tensor) -> Self:
        return replace(self, hidden=hidden)

    def _leading(self, name: str, *dims: int) -> tuple[int, ...]:
        """Return dimensions counted from the first, none of which is the vocabulary."""
        counted = tuple(dim + self.dim() if isinstance(dim, int) and dim < 0 else dim for dim in dims)
        if self.dim() - 1 in counted or not counted:
            refuse(self, f"{name} of the vocabulary's dimension")
        return counted

    def _before(self, name: str, dim: int) -> int:
        """Return a dimension, which is before the vocabulary."""
        return self._leading(name, dim)[0]

    def _reshaped(self, name: str, shape: Sequence[int | Sequence[int]]) -> Self:
        sizes: tuple[Any, ...] = tuple(shape[0] if len(shape) == 1 and isinstance(shape[0], Sequence) else shape)
        if not sizes or not isinstance(sizes[-1], int | torch.SymInt) or sizes[-1] != self.shape[-1]:
            refuse(self, f"{name}({', '.join(map(str, sizes))})")
        return self._of(self.hidden.reshape(*sizes[:-1], self.hidden.shape[-1]))


def _said(parts: tuple[Index, ...], dimensions: int) -> tuple[Index, ...]:
    """Return the parts of an index without a last ellipsis that stands for nothing."""
    idle = len(parts) > 1 and parts[-1] is Ellipsis and sum(_taken(part) or 0 for part in parts) == dimensions
    return parts[:-1] if idle else parts


def _last(parts: Sequence[Index], dimensions: int) -> slice | None:
    """Return the slice of the last dimension; None where the index does more to it, or is none that torch knows."""
    taken = [_taken(part) for part in parts]
    ellipses = sum(part is Ellipsis for part in parts)
    if None in taken or ellipses > 1:
        return None
    missing = dimensions - sum(count for count in taken if count is not None)
    if missing > 0 and (not ellipses or parts[-1] is Ellipsis):
        return WHOLE
    last = parts[-1] if parts else WHOLE
    return last if missing >= 0 and isinstance(last, slice) else None


def _taken(part: Index) -> int | None:
    """Return how many dimensions a part of an index takes; None where it is no part of an index."""
    if part is None or part is Ellipsis:
        return 0
    if isinstance(part, list):
        part = torch.tensor(part)
    if isinstance(part, Tensor):
        if part.dtype == torch.bool:
            return part.dim() or None  # of no dimensions it adds one
        return None if part.dtype.is_floating_point else 1
    return 1 if isinstance(part, slice | int) and not isinstance(part, bool) else None
