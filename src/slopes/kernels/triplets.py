"""Triplets of a batch: the losses of every anchor over its positives and negatives, without making any triplet.

A block of anchors is compared with the batch, its negatives are sorted by distance, and what a positive needs to
know of them (the next one out, how many lie nearer than the margin allows, the sum of their distances) is read off
by bisection and a running sum. Time N² (D + log N), memory N for each anchor of a block.

Distances are made of differences, never of products, so that near-duplicates far from the origin keep their digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import Tensor

from slopes._core.settings import is_transformed
from slopes.kernels import distance as distances
from slopes.kernels.blockwise import Blockwise, rows_of
from slopes.kernels.nodes import Gradients


class Batch:
    """The points of a batch, scaled so that squares of differences are finite, and who belongs with whom.

    Args:
        embeddings: `[N, D]`, float32 or float64.
        labels: `[N]`, equal where two points belong together.
        keep: `[N]` boolean, who takes part; None for everybody.
        kind: `"euclidean"`, `"squared"` or `"cosine"`.
    """

    def __init__(self, embeddings: Tensor, labels: Tensor, keep: Tensor | None, kind: str) -> None:
        self.labels, self.keep, self.kind = labels, keep, kind
        self.nothing: Tensor | None = None
        if kind == "cosine":
            self.points, self.nothing = distances.normalize(embeddings)
            self.scale = torch.ones((), dtype=embeddings.dtype, device=embeddings.device)
        else:
            self.scale = distances.magnitude(embeddings, whole=True)
            self.points = embeddings / self.scale

    def extras(self) -> tuple[Any, ...]:
        """Return all but the points, as a `Blockwise` takes them."""
        return self.labels, self.keep, self.kind, self.scale, self.nothing

    def pairs(self) -> tuple[Tensor, Tensor]:
        """Return how many positives and how many negatives each anchor has, `[N]`; 0 where it takes no part."""
        taking = torch.ones_like(self.labels) if self.keep is None else self.keep.to(self.labels.dtype)
        ordered, order = self.labels.sort()
        before = torch.nn.functional.pad(taking[order].cumsum(0), (1, 0))
        first, last = (torch.searchsorted(ordered, self.labels, right=right) for right in (False, True))
        alike = before[last] - before[first]
        return (alike - 1) * taking, (taking.sum() - alike) * taking


def hardest(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Return for each anchor its farthest positive, its nearest negative, and whether it has both, each `[N]`."""
    points = batch.points.detach()
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    size = _rows(points)
    for start in range(0, len(points), size):
        block = slice(start, start + size)
        far, _ = _distances(torch.cdist(points[block], points, compute_mode=_EXACT), block, *batch.extras()[2:])
        positive, negative = _sides(batch.labels, batch.keep, block)
        found.append(
            (
                torch.where(positive, far, -torch.inf).argmax(-1),
                torch.where(negative, far, torch.inf).argmin(-1),
                positive.any(-1) & negative.any(-1),
            )
        )
    if not found:
        return batch.labels, batch.labels, batch.labels > 0
    first, second, both = (torch.cat(part) for part in zip(*found, strict=True))
    return first, second, both


_EXACT: Final = "donot_use_mm_for_euclid_dist"
_MATRICES: Final = 20  # of a block, alive at once: distances, order, ranks, running sums, some of them of 8 bytes


def _rows(points: Tensor) -> int:
    return rows_of(len(points), points.element_size(), _MATRICES)


# What autograd calls; an operator has no autograd inside.
_cdist_backward: Final = torch.ops.aten._cdist_backward  # noqa: SLF001


def _sides(labels: Tensor, keep: Tensor | None, block: slice) -> tuple[Tensor, Tensor]:
    """Return who is a positive, and who a negative, of each anchor of a block."""
    same = labels[block].unsqueeze(-1) == labels
    other = ~same
    anchors = torch.arange(len(labels), device=labels.device)[block]
    same = same & (anchors.unsqueeze(-1) != torch.arange(len(labels), device=labels.device))
    if keep is not None:
        both = keep[block].unsqueeze(-1) & keep
        same, other = same & both, other & both
    return same, other


class _Groups:
    """Who belongs with whom, as short lists: most batches have few positives for each anchor, and many negatives."""

    def __init__(self, labels: Tensor, keep: Tensor | None) -> None:
        ordered, self.order = labels.sort()
        self.first, self.last = (torch.searchsorted(ordered, labels, right=right) for right in (False, True))
        self.keep = keep
        # Under torch.func and torch.compile the size of the largest group cannot be read.
        known = not (torch.compiler.is_compiling() or is_transformed(labels)) and len(labels)
        self.largest = int((self.last - self.first).max()) if known else len(labels)

    def positives(self, block: slice) -> tuple[Tensor, Tensor]:
        """Return for each anchor of a block the rows of its group, `[rows, largest]`, and which are positives."""
        device = self.order.device
        rank = self.first[block].unsqueeze(-1) + torch.arange(self.largest, device=device)
        who = self.order[rank.clamp(max=len(self.order) - 1)]
        anchors = torch.arange(len(self.order), device=device)[block].unsqueeze(-1)
        counts = (rank < self.last[block].unsqueeze(-1)) & (who != anchors)
        if self.keep is not None:
            counts = counts & self.keep[who] & self.keep[block].unsqueeze(-1)
        return who, counts


def _distances(
    root: Tensor, block: slice, kind: str, scale: Tensor, nothing: Tensor | None
) -> tuple[Tensor, Tensor | float]:
    """Return the distances of a block from the Euclidean ones of its scaled points, and their slopes by those."""
    if nothing is not None:
        beside = nothing[block].unsqueeze(-1) | nothing
        return torch.where(beside, 1.0, 0.5 * (root * root)), torch.where(beside, 0.0, root)
    if kind == "squared":
        far = root * scale
        return far * far, 2 * scale * far
    return root * scale, scale


def _blocks(
    pick: Any,  # noqa: ANN401  one of the two minings below
    tensors: Sequence[Tensor],
    extras: Sequence[Any],
    factor: Tensor | None,
    wanted: Sequence[bool],
) -> tuple[Tensor, Gradients]:
    (points,) = tensors
    margin, labels, keep, kind, scale, nothing = extras
    losses = points.new_empty(len(points))
    gradient = torch.zeros_like(points) if wanted[0] else None
    size, groups = _rows(points), _Groups(labels, keep)
    for start in range(0, len(points), size):
        block = slice(start, start + size)
        anchors = points[block]
        root = torch.cdist(anchors, points, compute_mode=_EXACT)
        far, by_root = _distances(root, block, kind, scale, nothing)
        _, negative = _sides(labels, keep, block)
        losses[block], slopes = pick(far, *groups.positives(block), negative, margin, wants=gradient is not None)
        if gradient is not None and factor is not None:
            slopes.mul_(factor[block].unsqueeze(-1)).mul_(by_root)
            gradient[block] += _cdist_backward(slopes, anchors, points, 2.0, root)
            gradient += _cdist_backward(slopes.T.contiguous(), points, anchors, 2.0, root.T.contiguous())
    return losses, [gradient]


def _sorted_negatives(far: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Return each anchor's distances to its negatives in ascending order, infinity after them, and whose they are."""
    ordered, order = torch.where(negative, far, torch.inf).sort(-1)
    return ordered, order


def _semihard(
    far: Tensor, who: Tensor, counts: Tensor, negative: Tensor, margin: float, *, wants: bool
) -> tuple[Tensor, Tensor]:
    """Return each anchor's sum over its positives, and its slopes by the distances."""
    near, order = _sorted_negatives(far, negative)
    own = far.gather(-1, who)
    at, has = _next_out(own, near, negative)
    gap = own - near.gather(-1, at) + margin
    active = counts & has & (gap > 0)
    loss = torch.where(active, gap, 0.0).sum(-1)
    if not wants:
        return loss, far
    ones = active.to(far.dtype)
    return loss, torch.zeros_like(far).scatter_add_(-1, who, ones).scatter_add_(-1, order.gather(-1, at), -ones)


def _next_out(far: Tensor, near: Tensor, negative: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rank of the nearest negative beyond each distance, else of the farthest; and whether there is any."""
    count = negative.sum(-1, keepdim=True)
    rank = torch.searchsorted(near, far.contiguous(), right=True)
    return torch.minimum(rank, count - 1).clamp(min=0), count > 0


def _all(
    far: Tensor, who: Tensor, counts: Tensor, negative: Tensor, margin: float, *, wants: bool
) -> tuple[Tensor, Tensor]:
    """Return each anchor's sum over its pairs of a positive and a negative, and its slopes by the distances."""
    near, order = _sorted_negatives(far, negative)
    # Of c negatives within reach the sum is c · reach - (the sum of their distances): in float64, and counted
    # from the nearest one, so that the difference keeps the digits of the terms.
    least = near[:, :1].double().nan_to_num(posinf=0.0)
    steps = near.double() - least
    reach = far.gather(-1, who).double() + margin - least
    within = torch.where(counts, torch.searchsorted(steps, reach), 0)
    sums = torch.nn.functional.pad(torch.where(steps == torch.inf, 0.0, steps).cumsum(-1), (1, 0))
    loss = torch.where(within > 0, within * reach - sums.gather(-1, within), 0.0).sum(-1)
    if not wants:
        return loss.to(far.dtype), far
    # The negative of rank r is active beside every positive that has more than r of them within reach.
    ends = torch.zeros(len(far), far.shape[-1] + 1, dtype=torch.int64, device=far.device)
    ends = ends.scatter_add(-1, within, torch.ones_like(within))
    beside = who.shape[-1] - ends.cumsum(-1)[:, :-1]
    slopes = torch.zeros_like(far).scatter_add_(-1, who, within.to(far.dtype))
    return loss.to(far.dtype), slopes.scatter_add_(-1, order, -beside.to(far.dtype))


def active_pairs(batch: Batch, margin: float, mining: str) -> Tensor:
    """Return how many of each anchor's triplets have a loss above 0, `[N]`."""
    points = batch.points.detach()
    counts = points.new_zeros(len(points))
    size, groups = _rows(points), _Groups(batch.labels, batch.keep)
    for start in range(0, len(points), size):
        block = slice(start, start + size)
        far, _ = _distances(torch.cdist(points[block], points, compute_mode=_EXACT), block, *batch.extras()[2:])
        pick = _all if mining == "all" else _semihard
        _, negative = _sides(batch.labels, batch.keep, block)
        _, slopes = pick(far, *groups.positives(block), negative, margin, wants=True)
        counts[block] = slopes.clamp(min=0).sum(-1)
    return counts


def _plain_distances(points: Tensor, extras: Sequence[Any]) -> tuple[Tensor, Tensor, Tensor]:
    labels, keep, kind, scale, nothing = extras
    root = distances.length(points.unsqueeze(1) - points.unsqueeze(0))
    everybody = slice(0, len(points))
    if kind == "euclidean":
        far = root * scale
    else:
        # Not the root's square, of which the second derivative at 0 would be 0.
        far = distances.squared(points.unsqueeze(1), points.unsqueeze(0))
        far = far * (scale * scale) if kind == "squared" else 0.5 * far
    if nothing is not None:
        far = torch.where(nothing.unsqueeze(-1) | nothing, 1.0, far)
    return far, *_sides(labels, keep, everybody)


def _semihard_plain(points: Tensor, margin: float, *extras: Any) -> Tensor:  # noqa: ANN401
    far, positive, negative = _plain_distances(points, extras)
    near, _ = _sorted_negatives(far, negative)
    at, has = _next_out(far.detach(), near.detach(), negative)
    gap = far - torch.where(has, near.gather(-1, at), 0.0) + margin
    return torch.where(positive & has, gap, 0.0).relu().sum(-1)


def _all_plain(points: Tensor, margin: float, *extras: Any) -> Tensor:  # noqa: ANN401
    far, positive, negative = _plain_distances(points, extras)
    near, _ = _sorted_negatives(far, negative)
    least = near[:, :1].detach()
    least = torch.where(least == torch.inf, 0.0, least)
    steps, reach = near - least, far + margin - least
    within = torch.where(positive, torch.searchsorted(steps.detach(), reach.detach().contiguous()), 0)
    sums = torch.nn.functional.pad(torch.where(near == torch.inf, 0.0, steps).cumsum(-1), (1, 0))
    return torch.where(within > 0, within * reach - sums.gather(-1, within), 0.0).sum(-1)


# Tensor: the scaled points [N, D]. Extras: margin, labels [N], keep [N] or None, kind, scale [], nothing [N] or None.
SEMIHARD: Final = Blockwise("semihard_triplets", _semihard_plain, lambda *arguments: _blocks(_semihard, *arguments))
ALL: Final = Blockwise("all_triplets", _all_plain, lambda *arguments: _blocks(_all, *arguments))
