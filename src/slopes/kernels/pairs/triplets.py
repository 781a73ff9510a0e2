"""Triplets of a batch: the losses of every anchor over its positives and negatives, without making any triplet.

A block of anchors is compared with the batch. What a positive needs to know of the negatives is searched for where
positives are few (the next one out, for semi-hard mining); else the negatives are sorted by distance, and it is read
off by bisection and a running sum (how many lie nearer than the margin allows, the sum of their distances). Time
N² (D + log N), memory N for each anchor of a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, cast

import torch
from torch import Tensor

from slopes._core.settings import is_recorded, is_transformed
from slopes._core.tensors import wide
from slopes.kernels.blocks.blockwise import Blockwise, is_one_node, rows_of
from slopes.kernels.blocks.operators import Gradients, as_tensor
from slopes.kernels.pairs import distance as distances
from slopes.kernels.pairs.between import Between

_SORTED: Final = (
    20  # matrices of a block, alive at once: distances, order, ranks, running sums, some of them of 8 bytes
)
_SEARCHED: Final = 8  # the same where nothing is sorted
_FEW: Final = 16  # positives: so many passes over the negatives cost less than sorting them


def pairs(labels: Tensor, keep: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return how many positives and how many negatives each anchor has, `[N]`; 0 where it takes no part."""
    taking = torch.ones_like(labels) if keep is None else keep.to(labels.dtype)
    ordered, order = labels.sort()
    before = torch.nn.functional.pad(taking[order].cumsum(0), (1, 0))
    first, last = (torch.searchsorted(ordered, labels, right=right) for right in (False, True))
    alike = before[last] - before[first]
    return (alike - 1) * taking, (taking.sum() - alike) * taking


def hardest(points: Tensor, labels: Tensor, keep: Tensor | None, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    """Return for each anchor its farthest positive, its nearest negative, and whether it has both, each `[N]`."""
    if _is_one_operator(points):
        return cast("tuple[Tensor, Tensor, Tensor]", _hardest_node(points.detach(), labels, keep, kind))
    return _hardest(points, labels, keep, kind)


def _hardest(points: Tensor, labels: Tensor, keep: Tensor | None, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    between = Between(points.detach(), kind)
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for block in _blocks_of(points, _SEARCHED):
        far = between.squares(block)
        positive, negative = _sides(labels, keep, block)
        found.append(
            (
                torch.where(positive, far, -torch.inf).argmax(-1),
                torch.where(negative, far, torch.inf).argmin(-1),
                positive.any(-1) & negative.any(-1),
            )
        )
    if not found:
        return labels.clone(), labels.clone(), labels > 0
    first, second, both = (torch.cat(part) for part in zip(*found, strict=True))
    return first, second, both


def _blocks_of(points: Tensor, matrices: int) -> Iterator[slice]:
    count = len(points)
    size = rows_of(count, points.element_size(), matrices)
    return (slice(start, min(start + size, count)) for start in range(0, count, size))


def _sides(labels: Tensor, keep: Tensor | None, block: slice) -> tuple[Tensor, Tensor]:
    """Return who is a positive, and who a negative, of each anchor of a block."""
    same = labels[block].unsqueeze(-1) == labels
    anchors = torch.arange(labels.shape[0], device=labels.device)[block]
    same = same & (anchors.unsqueeze(-1) != torch.arange(labels.shape[0], device=labels.device))
    if keep is not None:
        same = same & keep[block].unsqueeze(-1) & keep
    return same, _negatives(labels, keep, block)


def _negatives(labels: Tensor, keep: Tensor | None, block: slice) -> Tensor:
    other = labels[block].unsqueeze(-1) != labels
    return other if keep is None else other & keep[block].unsqueeze(-1) & keep


class _Groups:
    """Who belongs with whom, as short lists: most batches have few positives for each anchor, and many negatives."""

    def __init__(self, labels: Tensor, keep: Tensor | None) -> None:
        ordered, self.order = labels.sort()
        self.first, self.last = (torch.searchsorted(ordered, labels, right=right) for right in (False, True))
        self.keep = keep
        # Under torch.func, torch.compile and on "meta" the size of the largest group cannot be read.
        read = not (torch.compiler.is_compiling() or is_transformed(labels) or is_recorded() or labels.is_meta)
        known = read and labels.shape[0]
        self.largest = int((self.last - self.first).max()) if known else labels.shape[0]
        self.few = bool(known) and self.largest <= _FEW

    def positives(self, block: slice) -> tuple[Tensor, Tensor]:
        """Return for each anchor of a block the rows of its group, `[rows, largest]`, and which are positives."""
        device = self.order.device
        rank = self.first[block].unsqueeze(-1) + torch.arange(self.largest, device=device)
        who = self.order[rank.clamp(max=self.order.shape[0] - 1)]
        anchors = torch.arange(self.order.shape[0], device=device)[block].unsqueeze(-1)
        counts = (rank < self.last[block].unsqueeze(-1)) & (who != anchors)
        if self.keep is not None:
            counts = counts & self.keep[who] & self.keep[block].unsqueeze(-1)
        return who, counts


# What a way of mining returns: each anchor's sum over its triplets; the slopes of that by the distances, and these; the
# columns whose they are, or None for all.
Mined = tuple[Tensor, Tensor, Tensor, Tensor | None]


def _blocks(
    pick: Callable[..., Mined],
    tensors: Sequence[Tensor],
    extras: Sequence[Any],
    factor: Tensor | None,
    wanted: Sequence[bool],
) -> tuple[Tensor, Gradients]:
    (points,) = (t.to(wide(t.dtype)) for t in tensors)
    margin, labels, keep, kind = extras
    losses = torch.zeros_like(points[:, 0]) + 0.0 * points.detach().sum()  # what is not finite is not to vanish unseen
    between, groups = Between(points.detach(), kind), _Groups(labels, keep)
    for block in _blocks_of(points, _SEARCHED if groups.few and pick is not _all else _SORTED):
        negative = _negatives(labels, keep, block)
        loss, slopes, far, columns = pick(between, block, *groups.positives(block), negative, margin, few=groups.few)
        losses[block] += loss
        if factor is not None:
            between.pull(block, slopes * factor[block].unsqueeze(-1), far, columns)
    return losses, [between.finished() if wanted[0] and factor is not None else None]


def _sorted_negatives(far: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Return each anchor's distances to its negatives in ascending order, infinity after them, and whose they are."""
    ordered, order = torch.where(negative, far, torch.inf).sort(-1)
    return ordered, order


def _semihard(
    between: Between, block: slice, who: Tensor, counts: Tensor, negative: Tensor, margin: float, *, few: bool
) -> Mined:
    """Mine one negative for each positive."""
    squares = between.squares(block)
    own = squares.gather(-1, who)
    if few:
        near, at = _next_out_of_few(torch.where(counts, own, -1.0), squares, negative)
        has = near > -torch.inf  # as is the farthest of none
    else:
        ordered, order = _sorted_negatives(squares, negative)
        rank, has = _next_out(own, ordered, negative)
        near, at = ordered.gather(-1, rank), order.gather(-1, rank)
    own, near = between.lengths(own), between.lengths(torch.where(has, near, 0.0))
    gap = own - near + margin
    active = counts & has & (gap > 0)
    ones = active.to(own.dtype)
    slopes, far, columns = (torch.cat(pair, -1) for pair in ((ones, -ones), (own, near), (who, at)))
    return torch.where(active, gap, 0.0).sum(-1), slopes, far, columns


def _next_out_of_few(own: Tensor, far: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest negative beyond each of a few distances, else the farthest, and whose it is."""
    negatives = torch.where(negative, far, torch.inf)
    room, found = torch.empty_like(far), []
    for rank in range(own.shape[-1]):
        # Their difference is above 0 exactly where one is beyond the other: two passes, and no mask between them.
        beyond = torch.sub(negatives, own[:, rank, None], out=room)
        found.append(torch.threshold_(beyond, 0.0, torch.inf).argmin(-1))
    at = torch.stack(found, -1)
    near = negatives.gather(-1, at)
    none = ~((near > own) & (near < torch.inf))
    if bool(none.any()):
        farthest, last = torch.where(negative, far, -torch.inf).max(-1, keepdim=True)
        near, at = torch.where(none, farthest, near), torch.where(none, last, at)
    return near, at


def _next_out(far: Tensor, near: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rank of the nearest negative beyond each distance, else of the farthest; and whether there is any."""
    count = negative.sum(-1, keepdim=True)
    rank = torch.searchsorted(near, far.contiguous(), right=True)
    return torch.minimum(rank, count - 1).clamp(min=0), count > 0


def _all(
    between: Between, block: slice, who: Tensor, counts: Tensor, negative: Tensor, margin: float, *, few: bool
) -> Mined:
    """Mine every pair of a positive and a negative; few positives are no other case."""
    del few
    far = between.distances(block)
    near, order = _sorted_negatives(far, negative)
    # Of c negatives within reach the sum is c · reach - (the sum of their distances): in float64, and counted
    # from the nearest one, so that the difference keeps the digits of the terms.
    least = near[:, :1].double().nan_to_num(posinf=0.0)
    steps = near.double() - least
    reach = far.gather(-1, who).double() + margin - least
    within = torch.where(counts, torch.searchsorted(steps, reach), 0)
    sums = torch.nn.functional.pad(torch.where(steps == torch.inf, 0.0, steps).cumsum(-1), (1, 0))
    loss = torch.where(within > 0, within * reach - sums.gather(-1, within), 0.0).sum(-1)
    # The negative of rank r is active beside every positive that has more than r of them within reach.
    ends = torch.zeros(len(far), far.shape[-1] + 1, dtype=torch.int64, device=far.device)
    ends = ends.scatter_add(-1, within, torch.ones_like(within))
    beside = who.shape[-1] - ends.cumsum(-1)[:, :-1]
    slopes = torch.zeros_like(far).scatter_add_(-1, who, within.to(far.dtype))
    return loss.to(far.dtype), slopes.scatter_add_(-1, order, -beside.to(far.dtype)), far, None


def active_pairs(points: Tensor, labels: Tensor, keep: Tensor | None, kind: str, margin: float, mining: str) -> Tensor:
    """Return how many of each anchor's triplets have a loss above 0, `[N]`."""
    if _is_one_operator(points):
        return cast("Tensor", _active_node(points.detach(), labels, keep, kind, as_tensor(margin), mining))
    return _active(points, labels, keep, kind, margin, mining)


def _active(points: Tensor, labels: Tensor, keep: Tensor | None, kind: str, margin: float, mining: str) -> Tensor:
    counts = points.new_zeros(len(points))
    between, groups = Between(points.detach(), kind), _Groups(labels, keep)
    pick = _all if mining == "all" else _semihard
    for block in _blocks_of(points, _SORTED):
        negative = _negatives(labels, keep, block)
        slopes = pick(between, block, *groups.positives(block), negative, margin, few=groups.few)[1]
        counts[block] = slopes.clamp(min=0).sum(-1)
    return counts


def _plain_distances(points: Tensor, labels: Tensor, keep: Tensor | None, kind: str) -> tuple[Tensor, Tensor, Tensor]:
    points = points.to(wide(points.dtype))
    pairs = points.unsqueeze(1), points.unsqueeze(0)
    return distances.between(*pairs, kind), *_sides(labels, keep, slice(0, points.shape[0]))


def _semihard_plain(points: Tensor, margin: float, *extras: Any) -> Tensor:  # noqa: ANN401
    far, positive, negative = _plain_distances(points, *extras)
    near, _ = _sorted_negatives(far, negative)
    at, has = _next_out(far.detach(), near.detach(), negative)
    gap = far - torch.where(has, near.gather(-1, at), 0.0) + margin
    return torch.where(positive & has, gap, 0.0).relu().sum(-1)


def _all_plain(points: Tensor, margin: float, *extras: Any) -> Tensor:  # noqa: ANN401
    far, positive, negative = _plain_distances(points, *extras)
    near, _ = _sorted_negatives(far, negative)
    least = near[:, :1].detach()
    least = torch.where(least == torch.inf, 0.0, least)
    steps, reach = near - least, far + margin - least
    within = torch.where(positive, torch.searchsorted(steps.detach(), reach.detach().contiguous()), 0)
    sums = torch.nn.functional.pad(torch.where(near == torch.inf, 0.0, steps).cumsum(-1), (1, 0))
    return torch.where(within > 0, within * reach - sums.gather(-1, within), 0.0).sum(-1)


def _is_one_operator(points: Tensor) -> bool:
    """Whether what is mined is one operator, which is not looked into: the blocks of a size would be its own graph."""
    return is_one_node() or is_recorded() or points.is_meta


_hardest_node = torch.library.custom_op(
    "slopes::hardest_pairs",
    _hardest,
    mutates_args=(),
    schema="(Tensor points, Tensor labels, Tensor? keep, str kind) -> (Tensor, Tensor, Tensor)",
)
_hardest_node.register_fake(
    lambda points, labels, keep, kind: (torch.empty_like(labels), torch.empty_like(labels), labels > 0)  # noqa: ARG005
)
_active_node = torch.library.custom_op(
    "slopes::active_triplets",
    lambda points, labels, keep, kind, margin, mining: _active(points, labels, keep, kind, margin.item(), mining),
    mutates_args=(),
    schema="(Tensor points, Tensor labels, Tensor? keep, str kind, Tensor margin, str mining) -> Tensor",
)
_active_node.register_fake(lambda points, *_: points.new_empty(points.shape[:1]))

# Tensor: the embeddings [N, D]. Extras: margin, labels [N], keep [N] or None, kind.
SEMIHARD: Final = Blockwise("semihard_triplets", _semihard_plain, lambda *arguments: _blocks(_semihard, *arguments))
ALL: Final = Blockwise("all_triplets", _all_plain, lambda *arguments: _blocks(_all, *arguments))
