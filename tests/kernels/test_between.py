from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.kernels.blocks import blockwise
from slopes.kernels.pairs import between, triplets
from slopes.kernels.pairs.between import Between

EVERYBODY = slice(0, 12)
every_kind = each("kind", ["euclidean", "squared", "cosine"])


def normal(rows: int = 12, columns: int = 5) -> Tensor:
    return torch.randn(rows, columns, dtype=torch.float64, generator=torch.Generator().manual_seed(4))


def right(points: Tensor, kind: str) -> Tensor:
    """Return the distances of float32 points, from differences in float64."""
    wide = points.double()
    if kind == "cosine":
        wide = wide / wide.norm(dim=-1, keepdim=True)
    square = (wide.unsqueeze(1) - wide).square().sum(-1)
    return {"euclidean": square.sqrt(), "squared": square, "cosine": square / 2}[kind]


def assert_distances(points: Tensor, kind: str, *, size: int = 4) -> None:
    made = Between(points, kind)
    rows = [made.distances(slice(start, start + 5)).clone() for start in range(0, len(points), 5)]
    assert_close(torch.cat(rows), right(points, kind), size=size)


class TestDistances:
    @every_kind
    def test_of_points_apart(self, kind: str) -> None:
        if kind == "cosine":  # whose unit vectors are rounded to float32
            points = normal().float()
            assert_close_to_scale(Between(points, kind).distances(EVERYBODY), right(points, kind), 2.0)
            return
        assert_distances(normal().float(), kind)

    @each("kind", ["euclidean", "squared"])
    @each("apart", [2.0**-4, 2.0**-12, 2.0**-16, 2.0**-20])
    def test_of_near_ones_beside_far_ones(self, kind: str, apart: float) -> None:
        """All digits, though a product of these points has none of them left."""
        points = (normal() * 2**3).round() / 2**3
        points[1::2] = points[::2] + apart * torch.tensor([1.0, -1.0, 0.0, 2.0, 0.0], dtype=torch.float64)
        assert torch.equal(points.float().double(), points)
        assert_distances(points.float(), kind)

    @each("kind", ["euclidean", "squared"])
    @each("room", [1, 1 << 23])
    def test_of_a_crowd(self, kind: str, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where more are near than their differences have room for, the whole block is made of differences."""
        monkeypatch.setattr(blockwise, "BLOCK_BYTES", room)
        points = 8.0 + (normal() * 2**4).round() / 2**19
        points[0] = -8.0
        assert_distances(points.float(), kind)

    @every_kind
    def test_identical_points_are_at_nought(self, kind: str) -> None:
        points = normal(3).repeat(4, 1).float() + 100.0
        far = Between(points, kind).distances(EVERYBODY)
        assert not far[points.unsqueeze(1).eq(points).all(-1)].any()
        assert bool((far >= 0).all())

    def test_one_far_outlier_takes_no_digits_from_the_others(self) -> None:
        points = (normal() * 2**6).round() / 2**6
        points[3] = 2.0**20
        assert_distances(points.float(), "euclidean")

    def test_a_zero_vector_is_at_a_right_angle_to_all(self) -> None:
        points = normal().float()
        points[2] = 0.0
        far = Between(points, "cosine").distances(EVERYBODY)
        assert bool((far[2] == 1).all())
        assert bool((far[:, 2] == 1).all())


@every_kind
@each("dtype", [torch.float32, torch.float64])
def test_the_gradient_of_some_distances_is_that_of_all_with_slopes_of_zero(kind: str, dtype: torch.dtype) -> None:
    points, columns = normal().to(dtype), torch.arange(24).view(12, 2) % 12
    slopes = normal(12, 2).to(dtype)
    found = []
    for some in (True, False):
        made = Between(points, kind)
        far = made.distances(EVERYBODY).clone()
        if some:
            made.pull(EVERYBODY, slopes, far.gather(1, columns), columns)
        else:
            made.pull(EVERYBODY, torch.zeros_like(far).scatter_add_(1, columns, slopes), far, None)
        found.append(made.finished())
    x = points.double().requires_grad_()
    unit = x / x.norm(dim=-1, keepdim=True) if kind == "cosine" else x
    square = (unit.unsqueeze(1) - unit).square().sum(-1).gather(1, columns)
    value = {"euclidean": square.clamp(min=1e-300).sqrt(), "squared": square, "cosine": square / 2}[kind]
    (wanted,) = torch.autograd.grad((value * slopes.double()).sum(), x)
    for gradient in found:
        assert_close_to_scale(gradient, wanted, float(wanted.abs().max()), size=8)


@each("reduction", ["mean", "none"])
def test_many_differences_are_gathered_by_products(reduction: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    points, labels = normal().float().requires_grad_(), torch.arange(12) % 3
    slopes = []
    for many in (0, 8):
        monkeypatch.setattr(between, "_MANY", many)
        loss = L.batch_triplet(points, labels, mining="semihard", margin=0.5, reduction=reduction)
        slopes.append(torch.autograd.grad(loss.sum(), points)[0])
    assert_close_to_scale(slopes[0], slopes[1].double(), float(slopes[1].abs().max()), size=8)


@every_kind
@each("dtype", [torch.float32, torch.float64])
def test_searching_and_sorting_mine_the_same(kind: Any, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    points, labels = normal().to(dtype).requires_grad_(), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 1, 1, 5, 6])
    found = []
    for few in (0, 16):
        monkeypatch.setattr(triplets, "_FEW", few)
        options: dict[str, Any] = {"mining": "semihard", "distance": kind, "margin": 0.5}
        loss = L.batch_triplet(points, labels, **options, reduction="none")
        found.append((loss.detach(), torch.autograd.grad(loss.sum(), points)[0]))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])


@each("strange", [float("nan"), float("inf")])
@each("mining", ["semihard", "all"])
def test_what_is_not_finite_does_not_vanish(mining: Any, strange: float) -> None:  # noqa: ANN401  a literal
    points = normal().float()
    points[4, 1] = strange
    with slopes.checks(values=False):  # with them an infinity is an error
        assert bool(L.batch_triplet(points, torch.arange(12) % 3, mining=mining).isnan())


@each("mining", ["hard", "semihard"])
def test_the_nearer_of_two_that_float32_cannot_tell_apart(mining: Any) -> None:  # noqa: ANN401  a literal
    points = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1.0, 2.0**-14], [1.0, 0.0]], requires_grad=True)
    loss = L.batch_triplet(points, torch.tensor([0, 0, 1, 2]), margin=2.0, mining=mining, reduction="none")
    (slope,) = torch.autograd.grad(loss[0], points)
    assert not slope[2].any()
    assert bool(slope[3].any())
