"""Line-ups: the similarity of each of N queries with each of M keys, and its cross-entropy, without the N×M matrix.

The similarities of a block of rows are made, turned into losses and into slopes, and overwritten by the next block's.
The rows are scaled before the product, which is a change of them that all of their similarities share: differences
keep their digits. The sum of the exponentials is taken without the positive: log(1 + rest) keeps its digits where the
positive leads by far, and its gradient is minus the sum of the other probabilities, never p - 1.

Of a block's numbers every pass is one through memory, so that there are few: what multiplies a whole row of slopes
multiplies the row's embedding instead, and the slope by the scale comes from the gradient of the rows.

Dimension names: N queries, M keys, D their length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from slopes._core.settings import without_autocast
from slopes._core.tensors import wide
from slopes.kernels.blocks.blockwise import Blockwise, rows_of
from slopes.kernels.blocks.operators import Gradients
from slopes.kernels.pairs import distance as distances

# Beside any similarity this is nothing; finite, since 0 · inf would be NaN in a second derivative.
_NOTHING: Final = -1e30
_LINEAR_FROM: Final = 50.0  # from here on log(1 + e^x) is x in float64 too


def _line_up_plain(
    query: Tensor,
    keys: Tensor | None,
    own: Tensor | None,
    scale: float,
    normalize: bool,  # noqa: FBT001  positional like the tensors
    positives: Tensor | None,
    valid: Tensor | None,
) -> Tensor:
    """Return the cross-entropy of each row as softplus(log-sum-exp of the others, minus its own)."""
    with without_autocast(query.device):
        rows = _compared(query, normalize)
        similarity = rows @ (rows if keys is None else _compared(keys, normalize)).T
        left_out = torch.zeros_like(similarity, dtype=torch.bool)
        if own is not None:
            mine = (rows * own).sum(-1)
        else:
            assert positives is not None  # noqa: S101  for the type checker: one of the two is there
            at = positives.unsqueeze(-1)
            mine = similarity.gather(-1, at).squeeze(-1)
            left_out = left_out.scatter(-1, at, True)
        if valid is not None:
            left_out = left_out | ~valid
        if keys is None:
            left_out = left_out | torch.eye(rows.shape[0], dtype=torch.bool, device=rows.device)
        return _against(similarity, mine, scale, left_out, -1)


def _compared(embeddings: Tensor, normalize: bool) -> Tensor:  # noqa: FBT001  an option handed on
    embeddings = embeddings.to(wide(embeddings.dtype))
    return distances.normalize(embeddings)[0] if normalize else embeddings


def _against(similarity: Tensor, own: Tensor, scale: Tensor | float, left_out: Tensor, dim: int) -> Tensor:
    ahead = torch.where(left_out, _NOTHING, (similarity - own.unsqueeze(dim)) * scale)
    return torch.nn.functional.softplus(torch.logsumexp(ahead, dim), threshold=_LINEAR_FROM)


def _line_up_blocks(
    tensors: Sequence[Any], extras: Sequence[Any], factor: Tensor | None, wanted: Sequence[bool]
) -> tuple[Tensor, Gradients]:
    query, keys, own = tensors
    scale, normalize, positives, valid = extras
    rows = _Side(query, normalize, wants=wanted[0])
    others = rows if keys is None else _Side(keys, normalize, wants=wanted[1])
    losses = rows.points.new_empty(len(query))
    room = _Room(len(query), others.points)
    for block in room.blocks():
        picked = rows.points[block] * scale
        similarity = torch.mm(picked, others.points.T, out=room.of(block))
        at = None if positives is None else positives[block].unsqueeze(-1)
        mine = (picked * own[block]).sum(-1) if at is None else similarity.gather(-1, at).squeeze(-1)
        _leave_out(similarity, at, valid, block.start if keys is None else None)
        top = torch.maximum(similarity.amax(-1), mine)
        slopes = similarity.sub_(top.unsqueeze(-1)).exp_()
        rest, behind = slopes.sum(-1), mine - top
        total = rest + behind.exp()
        losses[block] = _loss(rest, total, behind)
        if factor is None:
            continue
        share = (factor[block] / total).unsqueeze(-1)
        if at is not None:
            slopes.scatter_(-1, at, -rest.unsqueeze(-1))
        if rows.wants:
            product = torch.mm(slopes, others.points)
            if at is None:
                product.addcmul_(rest.unsqueeze(-1), own[block], value=-1)
            rows.add(block, product.mul_(share * scale))
        others.add_transposed(slopes, picked.mul_(share))
    return losses, [rows.gradient(), None if keys is None else others.gradient(), None]


def _leave_out(similarity: Tensor, at: Tensor | None, valid: Tensor | None, itself: int | None) -> None:
    """Set to -inf what is no other: the positive, keys that are not valid, from column `itself` on each row's own."""
    if at is not None:
        similarity.scatter_(-1, at, -torch.inf)
    if valid is not None:
        similarity.masked_fill_(~valid, -torch.inf)
    if itself is not None:
        similarity.diagonal(itself).fill_(-torch.inf)


def _loss(rest: Tensor, total: Tensor, behind: Tensor) -> Tensor:
    """Return log(total) - behind, by way of log1p where the positive leads: there `behind` is 0, the total 1 + rest."""
    return torch.where(behind == 0, torch.log1p(rest), torch.log(total) - behind)


class _Room:
    """Memory that one block of rows after the other has its similarities in."""

    def __init__(self, count: int, columns: Tensor, matrices: int = 1) -> None:
        self.count = count
        self.size = min(rows_of(len(columns), columns.element_size(), matrices), count)
        self.rooms = [columns.new_empty(self.size, len(columns)) for _ in range(matrices)]

    def blocks(self) -> Iterator[slice]:
        """Return the blocks of rows, one after the other."""
        return (slice(start, min(start + self.size, self.count)) for start in range(0, self.count, self.size or 1))

    def of(self, block: slice, which: int = 0) -> Tensor:
        """Return memory for the similarities of a block."""
        return self.rooms[which][: block.stop - block.start]


class _Side:
    """Embeddings as they are compared, and the gradient that comes back to them, through their norm.

    It is gathered for the compared points and turned into that of the embeddings in the same memory.
    """

    def __init__(self, embeddings: Tensor, normalize: bool, *, wants: bool) -> None:  # noqa: FBT001  an option
        points = embeddings.to(wide(embeddings.dtype))
        self.norm: distances.Norm | None = None
        if normalize:
            points, self.norm = distances.unit(points)
        self.points = points.contiguous()
        self._gathered = torch.zeros_like(self.points) if wants else None

    @property
    def wants(self) -> bool:
        """Whether there is to be a gradient."""
        return self._gathered is not None

    def add(self, block: slice, gradient: Tensor) -> None:
        """Add the gradient of a block of points."""
        if self._gathered is not None:
            self._gathered[block] += gradient

    def add_transposed(self, slopes: Tensor, rows: Tensor) -> None:
        """Add slopesᵀ · rows to the gradient of all points."""
        if self._gathered is not None:
            self._gathered.addmm_(slopes.T, rows)

    def gradient(self) -> Tensor | None:
        """Return the gradient by the embeddings."""
        if self._gathered is None or self.norm is None:
            return self._gathered
        return self.norm.back(self._gathered, self.points)


def _two_way_plain(
    rows: Tensor,
    columns: Tensor,
    scale: Tensor,
    normalize: bool,  # noqa: FBT001  positional like the tensors
    keep: Tensor | None,
) -> Tensor:
    """Return the mean of both directions' cross-entropy for each pair."""
    with without_autocast(rows.device):
        similarity = _compared(rows, normalize) @ _compared(columns, normalize).T
        left_out = torch.eye(rows.shape[0], dtype=torch.bool, device=rows.device)
        if keep is not None:
            left_out = left_out | ~keep | ~keep.unsqueeze(-1)
        own, scale = similarity.diagonal(), scale.to(similarity.dtype)
        return 0.5 * (_against(similarity, own, scale, left_out, -1) + _against(similarity, own, scale, left_out, 0))


def _two_way_blocks(
    tensors: Sequence[Tensor], extras: Sequence[Any], factor: Tensor | None, wanted: Sequence[bool]
) -> tuple[Tensor, Gradients]:
    normalize, keep = extras
    rows, columns = (_Side(t, normalize, wants=w) for t, w in zip(tensors[:2], wanted[:2], strict=True))
    scale = tensors[2].to(rows.points.dtype)
    sums = _Sums(rows.points, columns.points, scale, keep)
    losses = 0.5 * (sums.forth.losses + sums.back.losses)
    by_scale = None
    if factor is not None:
        by_scale = _two_way_slopes(sums, 0.5 * factor, rows, columns, by_scale=wanted[2])
    del sums  # its blocks, before the gradients go through the norms
    return losses, [rows.gradient(), columns.gradient(), by_scale]


class _Direction:
    """For each entry of one direction: the leader's similarity, the sums of the exponentials, the loss."""

    def __init__(self, top: Tensor, rest: Tensor, own: Tensor) -> None:
        self.top = torch.maximum(top, own)
        # `top` is -inf where nobody else takes part: nothing is rescaled there.
        self.rest = torch.where(top == -torch.inf, 0.0, rest * (top - self.top).exp())
        behind = own - self.top
        self.total = self.rest + behind.exp()
        self.losses = _loss(self.rest, self.total, behind)


class _Sums:
    """The exponentials' sums along both directions, from one product: columns as they go by, rows at once."""

    def __init__(self, rows: Tensor, columns: Tensor, scale: Tensor, keep: Tensor | None) -> None:
        self.rows, self.columns, self.scale, self.keep = rows, columns, scale, keep
        count = len(rows)
        self.room = _Room(count, columns, 2)
        self.own = rows.new_empty(count)
        row_top, row_rest, rest = rows.new_empty(count), rows.new_empty(count), rows.new_zeros(count)
        top = rows.new_full((count,), -torch.inf)
        for block in self.room.blocks():
            similarity = self.similarities(block)[1]
            row_top[block] = similarity.amax(-1)
            higher = torch.maximum(top, similarity.amax(0))
            row_rest[block] = _exponentials(similarity, row_top[block].unsqueeze(-1), self.room.of(block, 1)).sum(-1)
            known = torch.where(top == -torch.inf, 0.0, rest * (top - higher).exp())
            rest = known + _exponentials(similarity, higher, similarity).sum(0)
            top = higher
        self.forth = _Direction(row_top, row_rest, self.own)
        self.back = _Direction(top, rest, self.own)

    def similarities(self, block: slice) -> tuple[Tensor, Tensor]:
        """Return scaled rows and their similarities, -inf for the positives and for whoever takes no part."""
        picked = self.rows[block] * self.scale
        similarity = torch.mm(picked, self.columns.T, out=self.room.of(block))
        positives = similarity.diagonal(block.start)
        self.own[block] = positives
        positives.fill_(-torch.inf)
        if self.keep is not None:
            similarity.masked_fill_(~self.keep, -torch.inf).masked_fill_(~self.keep[block].unsqueeze(-1), -torch.inf)
        return picked, similarity


def _exponentials(similarity: Tensor, top: Tensor, out: Tensor) -> Tensor:
    """Return e^(similarity - top), 0 where both are -inf, in the memory of `out`."""
    finite = torch.where(top == -torch.inf, 0.0, top)
    return torch.sub(similarity, finite, out=out).exp_()


def _two_way_slopes(sums: _Sums, factor: Tensor, rows: _Side, columns: _Side, *, by_scale: bool) -> Tensor | None:
    """Make the product again, now that the columns' sums are known, and the gradients from it."""
    forth, back = sums.forth, sums.back
    row_share, column_share = factor / forth.total, factor / back.total
    by_own = -(forth.rest * row_share + back.rest * column_share)
    total = torch.zeros_like(sums.scale)
    for block in sums.room.blocks():
        picked, similarity = sums.similarities(block)
        along = _exponentials(similarity, forth.top[block].unsqueeze(-1), sums.room.of(block, 1))
        across = _exponentials(similarity, back.top, similarity)
        slopes = along.mul_(row_share[block].unsqueeze(-1)).addcmul_(across, column_share)
        slopes.diagonal(block.start).copy_(by_own[block])
        if by_scale or rows.wants:
            product = torch.mm(slopes, sums.columns)
            total += (product * sums.rows[block]).sum()
            rows.add(block, product.mul_(sums.scale))
        columns.add_transposed(slopes, picked)
    return total if by_scale else None


# Tensors: query [N, D]; keys [M, D], or None for the queries themselves, each without its own; own [N, D] or None, the
# positive of each row, which has no gradient. Extras: scale; normalize; positives [N], the column of each row's
# positive, where `own` is None; valid [M] or None.
LINE_UP: Final = Blockwise("line_up", _line_up_plain, _line_up_blocks)
# Tensors: rows [N, D], columns [N, D], scale []. Extras: normalize; keep [N] or None, the pairs that take part.
TWO_WAY: Final = Blockwise("two_way", _two_way_plain, _two_way_blocks)
