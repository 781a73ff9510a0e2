"""Overlap and distance of two boxes, `[..., 4]` as x1, y1, x2, y2, with slopes that nothing cancels in.

A box reaches beyond the other one by so much on each side. Of these overhangs everything is made: what the union has
that the intersection has not, and what the enclosing box has that the union has not, are sums of their products, where
areas that are subtracted from each other would lose the digits of nearly equal boxes. Lengths are taken in units of the
enclosing box, so that no area over- or underflows; none of the losses changes with that unit.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor

from slopes.kernels.pointwise.executor import Pointwise

_V: Final = 4 / math.pi**2
Loss = tuple[Tensor, tuple[Tensor, Tensor]]


class _Pair(NamedTuple):
    """Two boxes, of which one is the own: lengths `[..., 2]` along x and y, in units of `unit`.

    `own`, `other`: sizes. `beyond`, `short`: overhangs of the own and of the other box. `shared`: what both cover,
    negative where they are apart. `starts`, `ends`: whether the own box starts, or ends, outside of the other; ½ where
    their edges meet. `gap`: between the centres, own minus other.
    """

    own: Tensor
    other: Tensor
    beyond: Tensor
    short: Tensor
    shared: Tensor
    starts: Tensor
    ends: Tensor
    gap: Tensor
    unit: Tensor
    meet: Tensor

    def turned(self) -> _Pair:
        """Return the same seen from the other box."""
        starts, ends = 1 - self.starts, 1 - self.ends
        return _Pair(
            self.other, self.own, self.short, self.beyond, self.shared, starts, ends, -self.gap, self.unit, self.meet
        )

    def enclosing(self) -> Tensor:
        """Return the sizes of the box around both."""
        return self.own + self.short


def _pair(own: Tensor, other: Tensor) -> _Pair:
    (low, high), (start, end) = own.chunk(2, -1), other.chunk(2, -1)
    left, right = start - low, high - end
    width, size = high - low, end - start
    around = (torch.maximum(high, end) - torch.minimum(low, start)).detach()
    unit = around.amax(-1, keepdim=True)
    unit = torch.where(unit == 0, 1.0, unit)
    shared = torch.minimum(high, end) - torch.maximum(low, start)
    return _Pair(
        own=width / unit,
        other=size / unit,
        beyond=(left.relu() + right.relu()) / unit,
        short=((-left).relu() + (-right).relu()) / unit,
        shared=shared / unit,
        starts=_side(left),
        ends=_side(right),
        gap=0.5 * ((low - start) + right) / unit,
        unit=unit,
        meet=(shared > 0).all(-1, keepdim=True),
    )


def _side(beyond: Tensor) -> Tensor:
    return 0.5 * (1 + beyond.detach().sign())


def _turned(lengths: Tensor) -> Tensor:
    """Return what stands for the other axis."""
    return lengths.flip(-1)


def _over(part: Tensor, whole: Tensor) -> Tensor:
    """Return a quotient that is 0 where there is no whole."""
    return torch.where(whole == 0, 0.0, part / torch.where(whole == 0, 1.0, whole))


def _areas(of: _Pair) -> tuple[Tensor, Tensor, Tensor]:
    """Return areas `[..., 1]`: of both boxes without what they share, of what they share, and of all."""
    x, y = of.shared.chunk(2, -1)
    own = of.beyond[..., :1] * of.own[..., 1:] + x * of.beyond[..., 1:]
    other = of.short[..., :1] * of.other[..., 1:] + x * of.short[..., 1:]
    apart = of.own.prod(-1, keepdim=True) + of.other.prod(-1, keepdim=True)
    rest = torch.where(of.meet, own + other, apart)
    shared = torch.where(of.meet, x * y, 0.0)
    return rest, shared, rest + shared


def _to_edges(of: _Pair, outside: Tensor, inside: Tensor) -> Tensor:
    """Return slopes by x1, y1, x2, y2 from those by an end that moves outwards, outside and inside the other box."""
    slopes = [side * outside + (1 - side) * inside for side in (of.starts, of.ends)]
    return torch.cat([-slopes[0], slopes[1]], -1) / of.unit


def _union_slope(of: _Pair, areas: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return the slope of 1 - IoU by the own box: of an end outside, the other's share; inside, what is not lost."""
    _, shared, union = areas
    height, common = _turned(of.own), _turned(of.shared)
    outside = _over(shared, union) * _over(height, union)
    # rest + shared without the strips of the own box above and below what is shared along this axis.
    kept = of.beyond * height + of.short * _turned(of.other) + of.shared * (common + _turned(of.short))
    inside = -_over(common, union) * _over(kept, union)
    none = torch.zeros_like(height)
    return _to_edges(of, torch.where(of.meet, outside, none), torch.where(of.meet, inside, none))


def _iou(own: Tensor, other: Tensor) -> Loss:
    of = _pair(own, other)
    areas = _areas(of)
    rest, _, union = areas
    value = torch.where(union == 0, 1.0, _over(rest, union)).squeeze(-1)
    return value, (_union_slope(of, areas), _union_slope(of.turned(), areas))


def _empty(of: _Pair, areas: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return the area `[..., 1]` of the enclosing box that neither box covers."""
    corners = (of.beyond * _turned(of.short)).sum(-1, keepdim=True)
    return corners + areas[1] - of.shared.prod(-1, keepdim=True)


def _empty_slope(of: _Pair, areas: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    around = of.enclosing()
    area, height = around.prod(-1, keepdim=True), _turned(of.own)
    outside = _over(_over(areas[2], around) - height, area)
    inside = -_over(torch.where(of.meet, _turned(of.beyond), height), area)
    return _to_edges(of, outside, inside)


def _giou(own: Tensor, other: Tensor) -> Loss:
    value, slopes = _iou(own, other)
    of = _pair(own, other)
    areas = _areas(of)
    empty = _over(_empty(of, areas), of.enclosing().prod(-1, keepdim=True)).squeeze(-1)
    extra = _empty_slope(of, areas), _empty_slope(of.turned(), areas)
    return value + empty, (slopes[0] + extra[0], slopes[1] + extra[1])


def _distance(of: _Pair) -> tuple[Tensor, Tensor]:
    """Return the squared distance of the centres over the squared diagonal of the enclosing box, and its slope."""
    around = of.enclosing()
    diagonal = (around * around).sum(-1, keepdim=True)
    ratio = _over((of.gap * of.gap).sum(-1, keepdim=True), diagonal)
    moved, grown = _over(of.gap, diagonal), 2 * ratio * _over(around, diagonal)
    slopes = torch.cat([moved + of.starts * grown, moved - of.ends * grown], -1) / of.unit
    return ratio.squeeze(-1), slopes


def _diou(own: Tensor, other: Tensor) -> Loss:
    value, slopes = _iou(own, other)
    of = _pair(own, other)
    ratio, by_own = _distance(of)
    return value + ratio, (slopes[0] + by_own, slopes[1] + _distance(of.turned())[1])


def _shape_slope(of: _Pair, angle: Tensor) -> Tensor:
    """Return the slope of v = 4/π² (difference of the angles of both diagonals)², by the own box."""
    size = (of.own * of.own).sum(-1, keepdim=True)
    around = 2 * _V * angle * _over(_turned(of.own), size)
    by_end = torch.cat([-around[..., :1], around[..., 1:]], -1)
    return torch.cat([-by_end, by_end], -1) / of.unit


def _ciou(own: Tensor, other: Tensor) -> Loss:
    near, slopes = _diou(own, other)
    of = _pair(own, other)
    rest, _, union = _areas(of)
    # w'h - wh', of which w' - w and h' - h are kept whole in the overhangs.
    more = of.short - of.beyond
    across = more[..., :1] * of.own[..., 1:] - of.own[..., :1] * more[..., 1:]
    angle = torch.atan2(across, (of.own * of.other).sum(-1, keepdim=True))
    v = _V * angle * angle
    loss = torch.where(union == 0, 1.0, _over(rest, union))
    factor = _over(v, loss + v).detach()  # a constant, as in the paper
    extra = factor * _shape_slope(of, angle), factor * _shape_slope(of.turned(), -angle)
    return near + (factor * v).squeeze(-1), (slopes[0] + extra[0], slopes[1] + extra[1])


IOU: Final = Pointwise.sharing("IoU", _iou, tensors=2, rows=True)
GIOU: Final = Pointwise.sharing("GIoU", _giou, tensors=2, rows=True)
DIOU: Final = Pointwise.sharing("DIoU", _diou, tensors=2, rows=True)
CIOU: Final = Pointwise.sharing("CIoU", _ciou, tensors=2, rows=True)
