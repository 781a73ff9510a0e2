"""Losses of boxes by hand: boxes that touch, contain, are equal, have no area, lie far out; corners in disorder."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from tests.each import each
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

EVERY = (L.iou, L.giou, L.diou, L.ciou)
every_loss = each("loss", EVERY, ids=lambda loss: loss.__name__)
Loss = Callable[..., Tensor]


def box(*corners: float) -> Tensor:
    return torch.tensor([corners], dtype=torch.float64, requires_grad=True)


def slope(loss: Loss, a: Tensor, b: Tensor) -> list[float]:
    found: list[float] = torch.autograd.grad(loss(a, b, reduction="sum"), a)[0][0].tolist()
    return found


@every_loss
def test_equal_boxes_have_nothing_to_learn(loss: Loss) -> None:
    a = box(0.5, -1.0, 2.0, 3.0)
    assert loss(a, a.detach()).item() == 0
    assert slope(loss, a, a.detach()) == [0.0] * 4


def test_boxes_that_touch_or_are_apart() -> None:
    one = box(0.0, 0.0, 1.0, 1.0)
    for other, giou, diou in (
        (box(1.0, 0.0, 2.0, 1.0), 1.0, 1 + 1 / 5),
        (box(3.0, 0.0, 4.0, 1.0), 1.5, 1 + 9 / 17),
        (box(1.0, 1.0, 2.0, 2.0), 1.5, 1 + 2 / 8),
    ):
        assert L.iou(one, other).item() == 1
        assert slope(L.iou, one, other) == [0.0] * 4
        assert L.giou(one, other).item() == giou
        assert L.diou(one, other).item() == pytest.approx(diou, rel=1e-15)
        assert L.ciou(one, other).item() == L.diou(one, other).item()


def test_a_box_inside() -> None:
    small, large = box(1.0, 1.0, 2.0, 3.0), box(0.0, 0.0, 4.0, 4.0)
    assert L.iou(small, large).item() == 1 - 2 / 16
    assert slope(L.iou, small, large) == [2 / 16, 1 / 16, -2 / 16, -1 / 16]  # each end adds its side / 16
    assert L.giou(small, large).item() == L.iou(small, large).item()
    assert slope(L.iou, large, small) == [-4 * 2 / 256, -4 * 2 / 256, 4 * 2 / 256, 4 * 2 / 256]


@every_loss
def test_boxes_without_area_have_a_value_and_a_gradient(loss: Loss) -> None:
    point, line, square = box(1.0, 1.0, 1.0, 1.0), box(0.0, 1.0, 2.0, 1.0), box(0.0, 0.0, 2.0, 2.0)
    for a in (point, line):
        for b in (point, line, square):
            for own, other in ((a, b), (b, a)):
                assert loss(own, other).item() >= 1
                assert all(math.isfinite(s) for s in slope(loss, own, other.detach()))
    assert loss(point, point).item() == 1


@every_loss
def test_no_unit_and_no_place(loss: Loss) -> None:
    a, b = torch.tensor([[0.0, 1.0, 3.0, 2.5]]), torch.tensor([[1.0, 0.5, 4.0, 2.0]])
    wanted = loss(a, b)
    for unit in (2.0**-100, 2.0**100):  # areas of 2^-200 and 2^200 are no numbers of float32
        assert loss(a * unit, b * unit).item() == wanted.item()
    assert loss(a + 2.0**20, b + 2.0**20).item() == wanted.item()


def test_near_equal_boxes_keep_their_digits() -> None:
    a = torch.tensor([[4096.0, 4096.0, 4097.0, 4097.0]])
    b = a + torch.tensor([2.0**-11, 0.0, 2.0**-11, 0.0])
    shift = 2.0**-11
    assert L.iou(a, b).item() == pytest.approx(2 * shift / (1 + shift), rel=1e-6)


@every_loss
def test_corners_in_disorder_are_told(loss: Loss) -> None:
    right, wrong = torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2), torch.tensor([[0.0, 0.0, 1.0, 1.0], [2.0, 0.0, 1.0, 1.0]])
    told = rf"^{loss.__name__}: `targets` holds \[2.0, 0.0, 1.0, 1.0\], expected x1 <= x2 and y1 <= y2; .*torch\.cat"
    with pytest.raises(slopes.ValuesError, match=told):
        loss(right, wrong)
    kept = torch.tensor([True, False])
    assert loss(right, wrong, mask=kept).item() == 0
    with pytest.raises(slopes.ShapeError, match=rf"^{loss.__name__}: `predictions` has shape \[2, 3\].*x1, y1, x2, y2"):
        loss(right[:, :3], wrong[:, :3])


def test_alpha_is_a_constant_in_the_gradient_of_ciou() -> None:
    a, b = box(0.0, 1.0, 4.0, 2.0), box(1.5, -0.5, 2.5, 3.5)
    step = 2.0**-20
    moved = [L.ciou(a + s * torch.tensor([[0.0, 0.0, step, 0.0]]), b).item() for s in (1, -1)]
    difference = (moved[0] - moved[1]) / (2 * step)
    assert abs(slope(L.ciou, a, b)[2] - difference) > 0.005


def test_giou_of_unequal_boxes_apart() -> None:
    one, other = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([[3.0, 0.0, 4.0, 1.0]])
    assert L.giou(one, other).item() == pytest.approx(1 + (8 - 5) / 8)  # around both 8, of which they cover 5
