from __future__ import annotations

import functools
import math
from collections.abc import Callable
from itertools import product
from typing import Any, Final

import pytest
import torch
from mpmath import mpf
from tests.accuracy import assert_close, assert_close_to_scale, assert_exact
from tests.each import each
from tests.oracles import losses as oracles
from tests.oracles.precision import exact, remembered_gradient
from tests.peak import peak
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.kernels.blocks import blockwise

EVERY: Final = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
MININGS: Final = ("hard", "semihard", "all")
KINDS: Final = ("euclidean", "squared", "cosine")
every_dtype = each("dtype", EVERY, ids=lambda dtype: str(dtype).removeprefix("torch."))
every_mining = each("mining", MININGS)
every_kind = each("kind", KINDS)
LABELS: Final = torch.tensor([0, 1, 0, 2, 1, 0, 2, 3, 1])
MARGIN: Final = 0.5


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every block have two rows."""
    monkeypatch.setattr(blockwise, "BLOCK_BYTES", 1)
    monkeypatch.setattr(blockwise, "LEAST_ROWS", 2)


def normal(rows: int = 9, dtype: torch.dtype = torch.float64, columns: int = 3, seed: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64).to(dtype).requires_grad_()


def mined(rows: Any, labels: list[int], mining: str, kind: str) -> list[tuple[int, int, int]]:  # noqa: ANN401  of mpmath
    """Return the triplets that the definition mines."""
    everybody = range(len(rows))
    far = [[oracles.distance(a, b, kind) for b in rows] for a in rows]
    triplets = []
    for a in everybody:
        positives = [p for p in everybody if p != a and labels[p] == labels[a]]
        negatives = [n for n in everybody if labels[n] != labels[a]]
        if not positives or not negatives:
            continue
        if mining == "all":
            triplets += [(a, p, n) for p in positives for n in negatives]
        elif mining == "hard":
            triplets.append((a, max(positives, key=lambda p: far[a][p]), min(negatives, key=lambda n: far[a][n])))
        else:
            for p in positives:
                beyond = [n for n in negatives if far[a][n] > far[a][p]]
                nearest = min(beyond, key=lambda n: far[a][n]) if beyond else max(negatives, key=lambda n: far[a][n])
                triplets.append((a, p, nearest))
    return triplets


def shared(dtype: torch.dtype) -> Tensor:
    """Return the same points for both 16-bit types, and for both wide ones, so that they are differentiated once."""
    points = normal().detach()
    both = (points * 64).round() / 64 if dtype.itemsize == 2 else points.float()
    return both.to(dtype).requires_grad_()


@functools.cache
def mean_of_mined(mining: str, kind: str, dtype: torch.dtype) -> Callable[[Any], mpf]:
    """Return the definition's mean over the triplets of `shared`, the same function each time."""
    chosen = mined(exact(shared(dtype)), LABELS.tolist(), mining, kind)

    def mean(rows: Any) -> mpf:  # noqa: ANN401  of mpmath
        return sum(oracles.triplet(rows[a], rows[p], rows[n], MARGIN, kind) for a, p, n in chosen) / len(chosen)

    return mean


def gradients(loss: Tensor, points: Tensor) -> Tensor:
    return torch.autograd.grad(loss.sum(), points)[0]


class TestByHand:
    POINTS = ([0.0], [1.0], [3.0], [7.0])
    PAIRS = torch.tensor([0, 0, 1, 1])

    @every_dtype
    def test_on_a_line(self, dtype: torch.dtype) -> None:
        points = torch.tensor(self.POINTS, dtype=dtype)
        rows = L.batch_triplet(points, self.PAIRS, margin=2.0, reduction="none")
        assert_exact(rows, [mpf(0), mpf(1), mpf(4), mpf(0)])  # 1-3+2, 1-2+2, 4-2+2, 4-6+2
        rows = L.batch_triplet(points, self.PAIRS, margin=2.0, mining="semihard", reduction="none")
        assert_exact(rows, [mpf(0), mpf(1), mpf(3), mpf(0)])  # none beyond 4: the farthest, at 3
        rows = L.batch_triplet(points, self.PAIRS, margin=2.0, mining="all", reduction="none")
        assert_exact(rows, [mpf(0), mpf(1), mpf(7), mpf(0)])

    def test_semihard_means_strictly_farther(self) -> None:
        points = torch.tensor([[0.0], [2.0], [-2.0], [5.0], [9.0]])
        labels = torch.tensor([0, 0, 1, 1, 1])
        rows = L.batch_triplet(points, labels, margin=4.0, mining="semihard", reduction="none")
        assert_exact(rows[0], mpf(1))  # 2-5+4: the negative at -2 is as far as the positive

    def test_what_a_mean_divides_by(self) -> None:
        points = torch.tensor(self.POINTS)
        for mining, total, valid, active in (("hard", 5, 4, 2), ("semihard", 4, 4, 2), ("all", 8, 8, 3)):
            options: dict[str, Any] = {"margin": 2.0, "mining": mining}
            assert_close(L.batch_triplet(points, self.PAIRS, **options), mpf(total) / valid)
            assert_close(L.batch_triplet(points, self.PAIRS, average_over="active", **options), mpf(total) / active)
            assert_close(L.batch_triplet(points, self.PAIRS, denominator=16.0, **options), mpf(total) / 16)
            assert_close(L.batch_triplet(points, self.PAIRS, reduction="sum", **options), mpf(total))

    def test_weights_count_for_every_triplet_of_their_anchor(self) -> None:
        points = torch.tensor(self.POINTS)
        weight = torch.tensor([1.0, 2.0, 3.0, 1.0])
        loss = L.batch_triplet(points, self.PAIRS, margin=2.0, mining="all", weight=weight)
        assert_close(loss, mpf(2 * 1 + 3 * 7) / (2 * 7))


@pytest.mark.usefixtures("small_blocks")
class TestDefinition:
    @every_mining
    @every_kind
    @every_dtype
    def test_value_and_gradient(self, mining: Any, kind: Any, dtype: torch.dtype) -> None:  # noqa: ANN401  literals
        points = shared(dtype)
        loss = L.batch_triplet(points, LABELS, margin=MARGIN, mining=mining, distance=kind)
        mean = mean_of_mined(mining, kind, torch.float16 if dtype.itemsize == 2 else torch.float32)
        assert loss.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert_close_to_scale(loss, mean(exact(points)), 8.0)
        assert_close_to_scale(gradients(loss, points), remembered_gradient(mean, exact(points)), 8.0)

    # Every mining and every distance; the other pairs of the two are long.
    @pytest.mark.parametrize(
        "pairs",
        [tuple(zip(MININGS, KINDS, strict=True)), pytest.param(tuple(product(MININGS, KINDS)), marks=pytest.mark.long)],
        ids=["one each", "all"],
    )
    @each("reduction", ["mean", "none"])
    def test_first_and_second_derivative(self, pairs: Any, reduction: Any) -> None:  # noqa: ANN401
        for mining, kind in pairs:
            self.derivatives(mining, kind, reduction)

    def derivatives(self, mining: Any, kind: Any, reduction: Any) -> None:  # noqa: ANN401
        options: dict[str, Any] = {"margin": MARGIN, "mining": mining, "distance": kind, "reduction": reduction}
        # Few enough for differences of differences: an anchor with two positives, one with none, negatives nearer and
        # farther than the positive, triplets on both sides of the margin, under each mining and each distance.
        labels = torch.tensor([0, 1, 0, 0, 1, 2])
        points = normal(6, columns=2, seed=6)
        weight = torch.linspace(0.0, 2.0, 6, dtype=torch.float64)
        for extra in ({}, {"weight": weight}, {"mask": labels != 1}):
            call = lambda x: L.batch_triplet(x, labels, **options, **extra)  # noqa: B023, E731
            torch.autograd.gradcheck(call, (points,))
            torch.autograd.gradgradcheck(call, (points,))

    @every_mining
    @every_kind
    def test_average_over_the_active_ones(self, mining: Any, kind: Any) -> None:  # noqa: ANN401
        points = normal()
        rows = exact(points)
        losses = [
            oracles.triplet(rows[a], rows[p], rows[n], MARGIN, kind)
            for a, p, n in mined(rows, LABELS.tolist(), mining, kind)
        ]
        loss = L.batch_triplet(points, LABELS, margin=MARGIN, mining=mining, distance=kind, average_over="active")
        assert_close_to_scale(loss, sum(losses) / sum(one > 0 for one in losses), 8.0)

    @every_mining
    @every_kind
    def test_a_gradient_with_a_graph_is_the_same(self, mining: Any, kind: Any) -> None:  # noqa: ANN401
        points = normal()
        loss = L.batch_triplet(points, LABELS, margin=MARGIN, mining=mining, distance=kind)
        graph = torch.autograd.grad(loss, points, create_graph=True)[0]
        assert_close_to_scale(graph, torch.autograd.grad(loss, points)[0], 4.0)

    @every_mining
    def test_a_second_backward(self, mining: Any) -> None:  # noqa: ANN401
        points = normal()
        loss = L.batch_triplet(points, LABELS, mining=mining)
        first = torch.autograd.grad(loss, points, retain_graph=True)[0].clone()
        assert_close_to_scale(torch.autograd.grad(2 * loss, points)[0], 2 * first, 1.0)


class TestNumerics:
    @every_mining
    @each("kind", ["euclidean", "squared"])
    def test_clusters_far_from_the_origin(self, mining: Any, kind: Any) -> None:  # noqa: ANN401
        near = (normal(dtype=torch.float32).detach() * 64).round() / 64
        points = (near + 1024).requires_grad_()
        here = near.clone().requires_grad_()
        options: dict[str, Any] = {"margin": MARGIN, "mining": mining, "distance": kind}
        there = L.batch_triplet(points, LABELS, **options)
        assert_close(there, L.batch_triplet(here, LABELS, **options).detach().double())
        wanted = gradients(L.batch_triplet(here, LABELS, **options), here)
        assert_close_to_scale(gradients(there, points), wanted, 1.0)

    @every_mining
    @every_kind
    @each("size", [1e-15, 1e15])
    def test_embeddings_of_any_size(self, mining: Any, kind: Any, size: float) -> None:  # noqa: ANN401
        points = (normal().detach() * size).float().requires_grad_()
        double = points.detach().double().requires_grad_()
        unit = {"euclidean": size, "squared": size**2, "cosine": 1.0}[kind]
        options: dict[str, Any] = {"margin": MARGIN * unit, "mining": mining, "distance": kind}
        loss, wide = (L.batch_triplet(x, LABELS, **options) for x in (points, double))
        scale = float(wide.detach())
        assert_close_to_scale(loss, wide.detach(), 8 * scale)
        slope = gradients(wide, double)
        assert_close_to_scale(gradients(loss, points), slope, 8 * float(slope.abs().max()))

    @every_mining
    @every_kind
    def test_zero_vectors(self, mining: Any, kind: Any) -> None:  # noqa: ANN401
        points = torch.zeros(4, 2, requires_grad=True)
        loss = L.batch_triplet(points, torch.tensor([0, 0, 1, 1]), mining=mining, distance=kind)
        assert_close(loss, mpf(0.2))
        assert torch.equal(gradients(loss, points), torch.zeros(4, 2))


class TestWhoCounts:
    @every_mining
    @each("strange", [math.nan, math.inf])
    def test_who_does_not_is_nobodys_negative(self, mining: Any, strange: float) -> None:  # noqa: ANN401
        keep = torch.arange(9) != 4
        points = normal()
        spoilt = points.detach().clone()
        spoilt[4] = strange
        spoilt.requires_grad_()
        left = points.detach()[keep].requires_grad_()
        for average in ("valid", "active"):
            options: dict[str, Any] = {"mining": mining, "average_over": average, "margin": MARGIN}
            came = L.batch_triplet(spoilt, LABELS, mask=keep, **options)
            wanted = L.batch_triplet(left, LABELS[keep], **options)
            assert_close(came, wanted.detach())
            slope = gradients(came, spoilt)
            assert torch.equal(slope[4], torch.zeros(3, dtype=torch.float64))
            assert_close_to_scale(slope[keep], gradients(wanted, left), 1.0)

    @every_mining
    @each("labels", [[], [5], [1, 2, 3], [7, 7, 7]])
    def test_no_triplet_at_all(self, mining: Any, labels: list[int]) -> None:  # noqa: ANN401
        points = normal(len(labels))
        for average in ("valid", "active"):
            loss = L.batch_triplet(points, torch.tensor(labels, dtype=torch.int64), mining=mining, average_over=average)
            assert loss == 0
            assert torch.equal(gradients(loss, points), torch.zeros_like(points))

    @every_mining
    def test_order_and_layout_do_not_matter(self, mining: Any) -> None:  # noqa: ANN401
        points = normal()
        order = torch.randperm(9, generator=torch.Generator().manual_seed(1))
        loss = L.batch_triplet(points, LABELS, mining=mining)
        assert_close(L.batch_triplet(points[order], LABELS[order], mining=mining), loss.detach())
        turned = points.detach().T.contiguous().T
        assert_close(L.batch_triplet(turned, LABELS, mining=mining), loss.detach())


class TestMemory:
    @every_mining
    @each("reduction", ["mean", "none"])
    def test_the_matrix_is_never_made(self, mining: Any, reduction: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
        monkeypatch.setattr(blockwise, "BLOCK_BYTES", 1 << 18)
        count = 1024
        points = normal(count, torch.float32, 4)
        labels = torch.arange(count) % 8
        measured = peak(lambda x: L.batch_triplet(x, labels, mining=mining, reduction=reduction).sum(), points)
        assert measured.largest <= count * count / 4
        assert measured.bytes < 4 * count * count


class TestTransforms:
    @every_mining
    @every_kind
    def test_compiled_and_functional(self, mining: Any, kind: Any) -> None:  # noqa: ANN401
        def call(x: Tensor) -> Tensor:
            return L.batch_triplet(x, LABELS, mining=mining, distance=kind, margin=MARGIN)

        torch.compiler.reset()
        points = normal()
        wanted = gradients(call(points), points)
        compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
        assert_close(compiled(points), call(points).detach())
        assert_close_to_scale(gradients(compiled(points), points), wanted, 4.0)
        assert_close_to_scale(torch.func.grad(call)(points.detach()), wanted, 4.0)
        batch = torch.stack([points.detach(), 2 * points.detach()])
        assert_close(torch.func.vmap(call)(batch), torch.stack([call(x) for x in batch]))


def test_the_module_is_its_function() -> None:
    points = normal()
    module = L.BatchTriplet(margin=0.5, mining="all", distance="cosine", average_over="active")
    wanted = L.batch_triplet(points, LABELS, margin=0.5, mining="all", distance="cosine", average_over="active")
    assert torch.equal(module(points, LABELS), wanted)


def assert_says(kind: type[Exception], call: Callable[[], object], *fragments: str) -> None:
    """Assert an error whose text has each fragment."""
    with pytest.raises(kind) as caught:
        call()
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)


class TestErrors:
    points = torch.ones(4, 3)
    labels = torch.tensor([0, 0, 1, 1])

    def test_shapes_and_dtypes(self) -> None:
        call = lambda: L.batch_triplet(self.points[0], self.labels)  # noqa: E731
        assert_says(
            slopes.ShapeError,
            call,
            "batch_triplet: `embeddings` has shape [3], expected [N, D]",
            "embeddings.reshape(len(labels), -1)",
        )
        call = lambda: L.batch_triplet(self.points, self.labels[:3])  # noqa: E731
        assert_says(slopes.ShapeError, call, "`labels` has shape [3], expected [4]")
        call = lambda: L.batch_triplet(self.points, self.labels.float())  # noqa: E731
        assert_says(slopes.DtypeError, call, "`labels` has dtype torch.float32", ".long()")

    def test_options(self) -> None:
        for name, wrong in (("mining", "soft"), ("distance", "manhattan"), ("average_over", "all")):
            options: dict[str, Any] = {name: wrong}
            call = lambda: L.batch_triplet(self.points, self.labels, **options)  # noqa: B023, E731
            assert_says(slopes.OptionError, call, f"batch_triplet: `{name}` is {wrong!r}", "expected one of")
        call = lambda: L.batch_triplet(self.points, self.labels, margin=-0.1)  # noqa: E731
        assert_says(slopes.OptionError, call, "`margin` is -0.1", "[0, ∞)")
