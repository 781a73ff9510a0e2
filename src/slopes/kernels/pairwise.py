"""Line-ups: the similarity of each of N queries with each of M keys, and its cross-entropy, without the N×M matrix.

The similarities of a block of rows are made, turned into losses and into gradients, and overwritten by the next.
Similarities are subtracted before they are scaled. The sum of the exponentials is taken without the positive:
log(1 + rest) keeps its digits where the positive leads by far, and its gradient is minus the sum of the other
probabilities, never p - 1.

Dimension names: N queries, M keys, D their length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from slopes.kernels.blockwise import Blockwise, rows_of
from slopes.kernels.nodes import Gradients

# Beside any similarity this is nothing; finite, since 0 · inf would be NaN in a second derivative.
_NOTHING: Final = -1e30
_LINEAR_FROM: Final = 50.0  # from here on log(1 + e^x) is x in float64 too
_LOWEST_EXPONENT: Final = -1e4  # e to this power is 0 in float64 too


def _line_up_plain(
    query: Tensor,
    keys: Tensor,
    scale: Tensor,
    own: Tensor | None,
    positives: Tensor | None,
    valid: Tensor | None,
    apart: bool,  # noqa: FBT001  positional like the tensors
) -> Tensor:
    """Return the cross-entropy of each row as softplus(log-sum-exp of the others, minus its own)."""
    with torch.autocast(query.device.type, enabled=False):
        similarity = query @ keys.T
        left_out = torch.zeros_like(similarity, dtype=torch.bool)
        if positives is not None:
            at = positives.unsqueeze(-1)
            own = similarity.gather(-1, at).squeeze(-1)
            left_out = left_out.scatter(-1, at, True)
        if valid is not None:
            left_out = left_out | ~valid
        if apart:
            left_out = left_out | torch.eye(len(query), dtype=torch.bool, device=query.device)
        assert own is not None  # noqa: S101  for the type checker: the callers give one of the two
        return _against(similarity, own, scale, left_out, -1)


def _against(similarity: Tensor, own: Tensor, scale: Tensor, left_out: Tensor, dim: int) -> Tensor:
    ahead = torch.where(left_out, _NOTHING, (similarity - own.unsqueeze(dim)) * scale)
    return torch.nn.functional.softplus(torch.logsumexp(ahead, dim), threshold=_LINEAR_FROM)


def _line_up_blocks(
    tensors: Sequence[Tensor | None], extras: Sequence[Any], factor: Tensor | None, wanted: Sequence[bool]
) -> tuple[Tensor, Gradients]:
    query, keys, scale, own = tensors
    positives, valid, apart = extras
    assert query is not None  # noqa: S101  for the type checker
    assert keys is not None  # noqa: S101
    assert scale is not None  # noqa: S101
    losses = query.new_empty(len(query))
    gradients = _empty(tensors, wanted)
    size = rows_of(len(keys), keys.element_size())
    buffer = query.new_empty(min(size, len(query)), len(keys))
    with torch.autocast(query.device.type, enabled=False):
        for start in range(0, len(query), size):
            block = slice(start, start + size)
            rows = query[block]
            similarity = torch.mm(rows, keys.T, out=buffer[: len(rows)])
            at = None if positives is None else positives[block].unsqueeze(-1)
            mine = own[block] if at is None else similarity.gather(-1, at).squeeze(-1)  # type: ignore[index]
            if at is not None:
                similarity.scatter_(-1, at, -torch.inf)
            if valid is not None:
                similarity.masked_fill_(~valid, -torch.inf)
            if apart:
                similarity.diagonal(start).fill_(-torch.inf)
            top = torch.maximum(similarity.amax(-1), mine)
            behind = (mine - top) * scale
            exponents = similarity.sub_(top.unsqueeze(-1)).mul_(scale)
            kept = exponents.clamp(min=_LOWEST_EXPONENT) if wanted[2] else None
            others = exponents.exp_()
            rest = others.sum(-1)
            total = rest + behind.exp()
            losses[block] = _loss(rest, total, behind)
            if factor is None or not any(wanted):
                continue
            share = factor[block] / total
            if kept is not None:
                by_scale = ((kept.mul_(others).sum(-1) - rest * behind) * share).sum() / scale
                gradients[2] += by_scale  # type: ignore[operator]
            share = share * scale
            by_own = -rest * share
            others.mul_(share.unsqueeze(-1))
            if at is not None:
                others.scatter_(-1, at, by_own.unsqueeze(-1))
            elif gradients[3] is not None:
                gradients[3][block] = by_own
            _store(gradients, others, rows, keys, block)
    return losses, gradients


def _loss(rest: Tensor, total: Tensor, behind: Tensor) -> Tensor:
    """Return log(total) - behind, by way of log1p where the positive leads: there `behind` is 0, the total 1 + rest."""
    return torch.where(behind == 0, torch.log1p(rest), torch.log(total) - behind)


def _empty(tensors: Sequence[Tensor | None], wanted: Sequence[bool]) -> Gradients:
    return [torch.zeros_like(t) if w and t is not None else None for t, w in zip(tensors, wanted, strict=True)]


def _store(gradients: Gradients, slopes: Tensor, rows: Tensor, keys: Tensor, block: slice) -> None:
    """Add what the slopes of a block's similarities mean for queries and keys."""
    if gradients[0] is not None:
        torch.mm(slopes, keys, out=gradients[0][block])
    if gradients[1] is not None:
        gradients[1].addmm_(slopes.T, rows)


def _two_way_plain(rows: Tensor, columns: Tensor, scale: Tensor, keep: Tensor | None) -> Tensor:
    """Return the mean of both directions' cross-entropy for each pair."""
    with torch.autocast(rows.device.type, enabled=False):
        similarity = rows @ columns.T
        left_out = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
        if keep is not None:
            left_out = left_out | ~keep | ~keep.unsqueeze(-1)
        own = similarity.diagonal()
        return 0.5 * (_against(similarity, own, scale, left_out, -1) + _against(similarity, own, scale, left_out, 0))


def _two_way_blocks(
    tensors: Sequence[Tensor], extras: Sequence[Any], factor: Tensor | None, wanted: Sequence[bool]
) -> tuple[Tensor, Gradients]:
    rows, columns, scale = tensors
    (keep,) = extras
    gradients = _empty(tensors, wanted)
    with torch.autocast(rows.device.type, enabled=False):
        sums = _Sums(rows, columns, scale, keep)
        losses = 0.5 * (sums.forth.losses + sums.back.losses)
        if factor is not None and any(wanted):
            _two_way_slopes(sums, 0.5 * factor, gradients)
    return losses, gradients


class _Direction:
    """For each entry of one direction: the leader's similarity, the sums of the exponentials, the loss."""

    def __init__(self, top: Tensor, rest: Tensor, own: Tensor, scale: Tensor) -> None:
        self.top = torch.maximum(top, own)
        # `top` is -inf where nobody else takes part: nothing is rescaled there.
        self.rest = torch.where(top == -torch.inf, 0.0, rest * ((top - self.top) * scale).exp())
        behind = (own - self.top) * scale
        self.total = self.rest + behind.exp()
        self.losses = _loss(self.rest, self.total, behind)


class _Sums:
    """The exponentials' sums along both directions, from one product: columns as they go by, rows at once."""

    def __init__(self, rows: Tensor, columns: Tensor, scale: Tensor, keep: Tensor | None) -> None:
        self.rows, self.columns, self.scale, self.keep = rows, columns, scale, keep
        count = len(rows)
        self.size = rows_of(count, rows.element_size(), 2)
        self.own = rows.new_empty(count)
        row_top, row_rest, rest = rows.new_empty(count), rows.new_empty(count), rows.new_zeros(count)
        top = rows.new_full((count,), -torch.inf)
        for start in range(0, count, self.size):
            block, similarity = self.similarities(start)
            row_top[block] = similarity.amax(-1)
            row_rest[block] = _exponentials(similarity, row_top[block].unsqueeze(-1), scale).sum(-1)
            higher = torch.maximum(top, similarity.amax(0))
            known = torch.where(top == -torch.inf, 0.0, rest * ((top - higher) * scale).exp())
            rest = known + _exponentials(similarity, higher, scale).sum(0)
            top = higher
        self.forth = _Direction(row_top, row_rest, self.own, scale)
        self.back = _Direction(top, rest, self.own, scale)

    def similarities(self, start: int) -> tuple[slice, Tensor]:
        """Return a block of rows and its similarities, -inf for the positives and for whoever takes no part."""
        block = slice(start, start + self.size)
        similarity = self.rows[block] @ self.columns.T
        positives = similarity.diagonal(start)
        self.own[block] = positives
        positives.fill_(-torch.inf)
        if self.keep is not None:
            similarity.masked_fill_(~self.keep, -torch.inf).masked_fill_(~self.keep[block].unsqueeze(-1), -torch.inf)
        return block, similarity


def _exponentials(similarity: Tensor, top: Tensor, scale: Tensor) -> Tensor:
    """Return e^(scale (similarity - top)); 0 where both are -inf."""
    finite = torch.where(top == -torch.inf, 0.0, top)
    return (similarity - finite).mul_(scale).exp_()


def _two_way_slopes(sums: _Sums, factor: Tensor, gradients: Gradients) -> None:
    """Make the product again, now that the columns' sums are known, and the gradients from it."""
    scale, own, forth, back = sums.scale, sums.own, sums.forth, sums.back
    row_share, column_share = factor / forth.total, factor / back.total
    by_own = -(forth.rest * row_share + back.rest * column_share) * scale
    for start in range(0, len(own), sums.size):
        block, similarity = sums.similarities(start)
        along = _exponentials(similarity, forth.top[block].unsqueeze(-1), scale).mul_(row_share[block].unsqueeze(-1))
        across = _exponentials(similarity, back.top, scale).mul_(column_share)
        if gradients[2] is not None:
            low = torch.where(similarity == -torch.inf, 0.0, similarity)  # beside probabilities of 0
            gradients[2] += ((low - own[block].unsqueeze(-1)).mul_(along) + (low - own).mul_(across)).sum()
        slopes = along.add_(across).mul_(scale)
        slopes.diagonal(start).copy_(by_own[block])
        _store(gradients, slopes, sums.rows[block], sums.columns, block)


# Tensors: query [N, D], keys [M, D], scale [], own [N] or None. Extras: positives [N], the column of each row's
# positive, where `own` is None; valid [M] or None; apart, whether row i leaves column i out.
LINE_UP: Final = Blockwise("line_up", _line_up_plain, _line_up_blocks)
# Tensors: rows [N, D], columns [N, D], scale []. Extras: keep [N] or None, the pairs that take part.
TWO_WAY: Final = Blockwise("two_way", _two_way_plain, _two_way_blocks)
