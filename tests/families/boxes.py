"""Losses of boxes: corners in order, and the definitions by areas."""

from __future__ import annotations

from typing import Any, Final

import torch
from mpmath import mp, mpf
from tests.oracles.case import Case
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

Inputs = dict[str, Any]
Box = list[mpf]


def _ordered(inputs: Inputs) -> Inputs:
    """Return boxes of positive size around the numbers that came, which overlap often."""
    made = {}
    for name, box in inputs.items():
        centre, size = box[..., :2] / 2, 0.5 + box[..., 2:].abs()
        made[name] = torch.cat([centre - size, centre + size], -1)
    return made


NAMES: Final = ("iou", "giou", "diou", "ciou")
SAMPLES: Final = dict.fromkeys(NAMES, _ordered)
NOT_THE_DERIVATIVE: Final = {"ciou": "alpha is a constant in the gradient, as the paper has it"}


def _area(box: Box) -> mpf:
    return (box[2] - box[0]) * (box[3] - box[1])


def _meet(a: Box, b: Box) -> Box:
    low, high = [max(a[i], b[i]) for i in (0, 1)], [min(a[i], b[i]) for i in (2, 3)]
    return [*low, *(max(e, s) for e, s in zip(high, low, strict=True))]


def _around(a: Box, b: Box) -> Box:
    return [min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])]


@careful
def iou(a: Box, b: Box) -> mpf:
    """Return 1 - intersection over union; 1 where there is no union."""
    shared = _area(_meet(a, b))
    union = _area(a) + _area(b) - shared
    return 1 - shared / union if union else mpf(1)


@careful
def giou(a: Box, b: Box) -> mpf:
    """Return the loss of equation 1 of the paper."""
    union = _area(a) + _area(b) - _area(_meet(a, b))
    around = _area(_around(a, b))
    return iou(a, b) + ((around - union) / around if around else mpf(0))


@careful
def diou(a: Box, b: Box) -> mpf:
    """Return IoU's loss and the squared distance of the centres over that of the far corners."""
    c = _around(a, b)
    apart = sum(((a[i] + a[i + 2]) / 2 - (b[i] + b[i + 2]) / 2) ** 2 for i in (0, 1))
    across = (c[2] - c[0]) ** 2 + (c[3] - c[1]) ** 2
    return iou(a, b) + (apart / across if across else mpf(0))


def _aspect(a: Box, b: Box) -> mpf:
    angles = [mp.atan2(box[2] - box[0], box[3] - box[1]) for box in (a, b)]
    return 4 / mp.pi**2 * (angles[1] - angles[0]) ** 2


@careful
def trade(a: Box, b: Box) -> mpf:
    """Return alpha, which the gradient of CIoU takes for a constant."""
    v = _aspect(a, b)
    return v / (iou(a, b) + v) if v else mpf(0)


@careful
def ciou(a: Box, b: Box, *still: Box) -> mpf:
    """Return DIoU's loss and alpha v, alpha of the same boxes where they stand still."""
    return diou(a, b) + trade(*still) * _aspect(a, b)


# Apart, across a corner, crossing, one inside the other, thin, near-equal, and far from the origin.
BOXES: Final[list[tuple[list[float], list[float]]]] = [
    ([0.0, 0.0, 1.0, 1.0], [3.0, 0.5, 4.0, 2.0]),
    ([0.0, 0.0, 1.0, 1.0], [-3.0, -4.5, -2.0, -2.0]),
    ([0.0, 0.0, 2.0, 2.0], [1.0, 0.5, 3.0, 4.0]),
    ([0.0, 1.0, 4.0, 2.0], [1.5, -0.5, 2.5, 3.5]),
    ([0.5, 0.25, 1.0, 0.75], [0.0, 0.0, 2.0, 4.0]),
    ([0.0, 0.0, 2.0, 4.0], [0.5, 0.25, 1.0, 0.75]),
    ([0.0, 0.0, 32.0, 0.0078125], [1.0, -0.00390625, 20.0, 0.001953125]),
    ([0.0, 0.0, 1.0, 1.0], [0.0078125, -0.0078125, 1.0078125, 1.015625]),
    ([64.0, 32.0, 64.5, 33.0], [63.5, 31.0, 65.0, 32.5]),
]
CASES: Final = (
    Case("iou", L.iou, iou, BOXES, (0, 1)),
    Case("giou", L.giou, giou, BOXES, (0, 1), terms=4.0),
    Case("diou", L.diou, diou, BOXES, (0, 1), terms=4.0),
    Case(
        "ciou",
        lambda a, b, *_, **more: L.ciou(a, b, **more),
        ciou,
        [(a, b, a, b) for a, b in BOXES],
        (0, 1),
        terms=4.0,
    ),
)
