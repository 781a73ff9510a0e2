from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import pytest
import torch
from mpmath import mpf
from tests.accuracy import assert_close, assert_close_to_scale, assert_exact
from tests.each import each
from tests.oracles import losses as oracles
from tests.oracles.precision import exact, gradient
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

EVERY: Final = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
every_dtype = each("dtype", EVERY, ids=lambda dtype: str(dtype).removeprefix("torch."))
SIMILAR: Final = torch.tensor([True, False, False, True, False])

Loss = Callable[..., Tensor]
# By name: how many embeddings it takes, the loss, and its definition on one row.
LOSSES: Final[dict[str, tuple[int, Loss, Callable[..., mpf]]]] = {
    **{
        f"triplet {kind}": (
            3,
            lambda *points, kind=kind, **o: L.triplet(*points, margin=0.5, distance=kind, **o),
            lambda *row, kind=kind, at=0: oracles.triplet(*row, 0.5, kind),  # noqa: ARG005  every row alike
        )
        for kind in ("euclidean", "squared", "cosine")
    },
    "contrastive": (
        2,
        lambda a, b, **o: L.contrastive(a, b, SIMILAR[: len(a)], margin=3.0, **o),
        lambda a, b, at: oracles.contrastive(a, b, bool(SIMILAR[at]), 3.0),
    ),
    "cosine_embedding": (
        2,
        lambda a, b, **o: L.cosine_embedding(a, b, SIMILAR[: len(a)], margin=-0.5, **o),
        lambda a, b, at: oracles.cosine_embedding(a, b, bool(SIMILAR[at]), -0.5),
    ),
}
every_loss = each("name", LOSSES)


def points_for(name: str, dtype: torch.dtype = torch.float64, rows: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    drawn = torch.randn(LOSSES[name][0], rows, 3, generator=generator, dtype=torch.float64)
    return [points.to(dtype).requires_grad_() for points in drawn.unbind()]


def gradients(loss: Tensor, inputs: list[Tensor]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss.sum(), inputs)


class TestByHand:
    @every_dtype
    def test_triplet(self, dtype: torch.dtype) -> None:
        anchor, near, far = (torch.tensor([row], dtype=dtype) for row in ([0.0, 0.0], [3.0, 4.0], [0.0, 2.0]))
        assert_exact(L.triplet(anchor, near, far, margin=1.0), mpf(4))
        assert_exact(L.triplet(anchor, near, far, margin=1.0, distance="squared"), mpf(22))
        assert_exact(L.triplet(anchor, far, near, margin=1.0), mpf(0))
        assert_close(L.triplet(near, far, near, distance="cosine"), mpf(0.2) + 1 - mpf(4) / 5)

    @every_dtype
    def test_contrastive_pulls_and_pushes(self, dtype: torch.dtype) -> None:
        a = torch.zeros(3, 2, dtype=dtype, requires_grad=True)
        b = torch.tensor([[0.0, 0.5], [0.0, 0.5], [3.0, 4.0]], dtype=dtype, requires_grad=True)
        loss = L.contrastive(a, b, torch.tensor([True, False, False]), margin=2.0, reduction="none")
        assert_exact(loss, [mpf(0.25), mpf(2.25), mpf(0)])
        by_a, by_b = gradients(loss, [a, b])
        assert_exact(by_b, [[mpf(0), mpf(1)], [mpf(0), mpf(-3)], [mpf(0), mpf(0)]])
        assert torch.equal(by_a, -by_b)

    @every_dtype
    def test_cosine_embedding(self, dtype: torch.dtype) -> None:
        a, b = (torch.tensor([row] * 3, dtype=dtype) for row in ([3.0, 4.0], [1.0, 0.0]))
        similar = torch.tensor([True, False, False])
        assert_close(L.cosine_embedding(a, b, similar, reduction="none"), [mpf(2) / 5, mpf(3) / 5, mpf(3) / 5])
        assert_exact(L.cosine_embedding(a, -a, similar, reduction="none"), [mpf(2), mpf(0), mpf(0)])

    def test_the_other_conventions_of_contrastive(self) -> None:
        a, b = points_for("contrastive")
        label = (~SIMILAR).double()
        d = (a - b).norm(dim=-1)
        with_half = (1 - label) * d**2 / 2 + label * (1 - d).clamp(min=0) ** 2 / 2
        ours = 0.5 * L.contrastive(a, b, label == 0, reduction="none")
        assert_close(ours, with_half.detach(), size=3)


class TestGradients:
    @every_loss
    @each("reduction", ["mean", "sum", "none"])
    def test_first_and_second_derivative(self, name: str, reduction: str) -> None:
        _, loss, _ = LOSSES[name]
        inputs = points_for(name)
        torch.autograd.gradcheck(lambda *p: loss(*p, reduction=reduction), inputs)
        torch.autograd.gradgradcheck(lambda *p: loss(*p, reduction=reduction), inputs)

    @every_loss
    @every_dtype
    def test_against_the_definition(self, name: str, dtype: torch.dtype) -> None:
        _, loss, oracle = LOSSES[name]
        inputs = points_for(name, dtype)
        rows = list(zip(*(exact(points) for points in inputs), strict=True))
        value = loss(*inputs, reduction="none")
        assert value.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
        assert_close_to_scale(value, [oracle(*row, at=at) for at, row in enumerate(rows)], 4.0)
        for argument, slope in enumerate(gradients(value, inputs)):
            wanted = [
                gradient(lambda *moved, at=at: oracle(*moved, at=at), *row, argument=argument)
                for at, row in enumerate(rows)
            ]
            assert_close_to_scale(slope, wanted, 4.0)

    @each("dtype", [torch.float32, torch.float64])
    @each("size", [1e-30, 1e-20, 1.0, 1e18, 1e30])
    def test_distances_of_any_size(self, dtype: torch.dtype, size: float) -> None:
        a = torch.tensor([[3 * size, 0.0]], dtype=dtype, requires_grad=True)
        b = torch.tensor([[0.0, 4 * size]], dtype=dtype, requires_grad=True)
        loss = L.triplet(a, b, a.detach(), margin=0.0)
        row = exact(a)[0], exact(b)[0]
        assert_close(loss, oracles.distance(*row))
        by_a, by_b = gradients(loss, [a, b])
        assert_close(by_a, [[mpf(3) / 5, mpf(-4) / 5]])
        assert_close(by_b, [[mpf(-3) / 5, mpf(4) / 5]])

    @each("dtype", [torch.float32, torch.float64])
    @each("angle", [2.0**-6, 2.0**-10])
    def test_nearly_parallel_vectors_keep_their_digits(self, dtype: torch.dtype, angle: float) -> None:
        turns = torch.linspace(0.0, 1.5, 8, dtype=torch.float64)
        a, b = (torch.stack([t.cos(), t.sin()], -1).to(dtype) for t in (turns, turns + angle))
        loss = L.cosine_embedding(a, b, torch.ones(8, dtype=torch.bool), reduction="none")
        wanted = [oracles.cosine_embedding(*row, similar=True) for row in zip(exact(a), exact(b), strict=True)]
        assert_close_to_scale(loss, wanted, angle / 4)

    @every_dtype
    def test_no_direction_no_gradient(self, dtype: torch.dtype) -> None:
        for name, (_, loss, _) in LOSSES.items():
            inputs = [torch.ones(2, 3, dtype=dtype, requires_grad=True) for _ in points_for(name)]
            for slope in gradients(loss(*inputs), inputs):
                assert bool(slope.isfinite().all()), name
        zeros = [torch.zeros(2, 3, dtype=dtype, requires_grad=True) for _ in range(2)]
        for similar in (True, False):
            loss = L.cosine_embedding(*zeros, torch.tensor([similar] * 2))
            assert_exact(loss, mpf(1 if similar else 0))
            for slope in gradients(loss, zeros):
                assert torch.equal(slope, torch.zeros(2, 3, dtype=dtype))


class TestWhoCounts:
    @every_loss
    def test_reductions(self, name: str) -> None:
        _, loss, _ = LOSSES[name]
        inputs = points_for(name)
        rows = loss(*inputs, reduction="none").detach()
        weight = torch.linspace(0.0, 2.0, 5, dtype=torch.float64)
        mask = torch.tensor([True, True, False, True, False])
        assert rows.shape == (5,)
        assert_close(loss(*inputs), rows.mean())
        assert_close(loss(*inputs, reduction="sum"), rows.sum())
        assert_close(loss(*inputs, weight=weight), (rows * weight).sum() / weight.sum())
        assert_close(loss(*inputs, mask=mask), rows[mask].mean())
        assert_close(loss(*inputs, denominator=8.0), rows.sum() / 8)

    @every_loss
    @each("strange", [math.nan, math.inf])
    def test_a_masked_row_leaves_no_trace(self, name: str, strange: float) -> None:
        _, loss, _ = LOSSES[name]
        inputs = points_for(name)
        mask = torch.tensor([True, False, True, True, True])
        spoilt = [points.detach().clone() for points in inputs]
        for points in spoilt:
            points[1] = strange
            points.requires_grad_()
        assert torch.equal(loss(*spoilt, mask=mask), loss(*inputs, mask=mask))
        wanted = gradients(loss(*inputs, mask=mask), inputs)
        for slope, same in zip(gradients(loss(*spoilt, mask=mask), spoilt), wanted, strict=True):
            assert torch.equal(slope, same)

    @every_loss
    @each("rows", [0, 1])
    def test_none_and_one(self, name: str, rows: int) -> None:
        _, loss, _ = LOSSES[name]
        inputs = points_for(name, rows=rows)
        value = loss(*inputs)
        assert bool(value.isfinite())
        for slope in gradients(value, inputs):
            assert slope.shape == (rows, 3)

    @every_loss
    def test_leading_dimensions_and_layout(self, name: str) -> None:
        count, loss, _ = LOSSES[name]
        inputs = points_for(name, rows=4)
        flat = loss(*inputs, reduction="none")
        turned = [points.detach().T.contiguous().T for points in inputs]
        assert_close(loss(*turned, reduction="none"), flat.detach())
        if name.startswith("triplet"):
            boxes = [points.reshape(2, 2, 3) for points in inputs]
            assert torch.equal(loss(*boxes, reduction="none"), flat.reshape(2, 2))
        assert count == len(inputs)

    @every_dtype
    def test_sums_beyond_float16(self, dtype: torch.dtype) -> None:
        a, b = torch.full((2, 64), 100.0, dtype=dtype), torch.zeros(2, 64, dtype=dtype)
        assert_exact(L.contrastive(a, b, torch.tensor([True, True]), reduction="sum"), mpf(1_280_000))
        assert_exact(L.triplet(a, b, a, margin=0.0, distance="squared"), mpf(640_000))


class TestTransforms:
    @every_loss
    def test_compiled(self, name: str) -> None:
        _, loss, _ = LOSSES[name]
        inputs = points_for(name)
        compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
        assert_close(compiled(*inputs), loss(*inputs).detach())
        for slope, other in zip(gradients(compiled(*inputs), inputs), gradients(loss(*inputs), inputs), strict=True):
            assert_close_to_scale(slope, other, 1.0)

    @every_loss
    def test_functional_transforms(self, name: str) -> None:
        _, loss, _ = LOSSES[name]
        inputs = points_for(name)
        constant = [points.detach() for points in inputs]
        wanted = gradients(loss(*inputs), inputs)
        found = torch.func.grad(loss, argnums=tuple(range(len(inputs))))(*constant)
        for slope, other in zip(found, wanted, strict=True):
            assert_close_to_scale(slope, other, 1.0)
        each = torch.func.vmap(lambda first: loss(first, *constant[1:]))(torch.stack([constant[0]] * 2))
        assert_close(each, torch.stack([loss(*constant)] * 2))


class TestModules:
    def test_each_is_its_function(self) -> None:
        anchor, positive, negative = points_for("triplet squared")
        mask = torch.tensor([True, True, False, True, True])
        assert torch.equal(
            L.Triplet(margin=1.0, distance="squared", reduction="sum")(anchor, positive, negative, mask=mask),
            L.triplet(anchor, positive, negative, margin=1.0, distance="squared", reduction="sum", mask=mask),
        )
        weight = torch.arange(5.0, dtype=torch.float64)
        assert torch.equal(
            L.Contrastive(margin=2.0)(anchor, positive, SIMILAR, weight=weight),
            L.contrastive(anchor, positive, SIMILAR, margin=2.0, weight=weight),
        )
        assert torch.equal(
            L.CosineEmbedding(margin=0.25)(anchor, positive, SIMILAR, denominator=3.0),
            L.cosine_embedding(anchor, positive, SIMILAR, margin=0.25, denominator=3.0),
        )


def assert_says(kind: type[Exception], call: Callable[[], object], *fragments: str) -> None:
    """Assert an error whose text has each fragment."""
    with pytest.raises(kind) as caught:
        call()
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)


class TestErrors:
    a = torch.ones(4, 3)

    def test_shapes(self) -> None:
        call = lambda: L.triplet(self.a, self.a, self.a[:1])  # noqa: E731
        assert_says(slopes.ShapeError, call, "triplet: ", "`anchor` [4, 3]", "`negative` [1, 3]", "broadcasts")
        number = torch.tensor(1.0)
        assert_says(slopes.ShapeError, lambda: L.triplet(number, number, number), "`anchor` has shape []", "[..., D]")
        call = lambda: L.contrastive(self.a, self.a, torch.ones(4, 1, dtype=torch.bool))  # noqa: E731
        assert_says(slopes.ShapeError, call, "contrastive: `similar` has shape [4, 1], expected [4]")
        nothing = torch.ones(4, 0)
        assert_says(slopes.ShapeError, lambda: L.triplet(nothing, nothing, nothing), "`anchor` has shape [4, 0]")

    def test_options(self) -> None:
        for wrong in (-1.0, math.nan, math.inf):
            for name, call in {
                "triplet": lambda: L.triplet(self.a, self.a, self.a, margin=wrong),  # noqa: B023
                "contrastive": lambda: L.contrastive(self.a, self.a, SIMILAR[:4], margin=wrong),  # noqa: B023
            }.items():
                assert_says(slopes.OptionError, call, f"{name}: `margin` is {wrong!r}", "[0, ")
        call = lambda: L.cosine_embedding(self.a, self.a, SIMILAR[:4], margin=1.5)  # noqa: E731
        assert_says(slopes.OptionError, call, "cosine_embedding: `margin` is 1.5", "[-1, 1]")
        wrong_distance: Any = "manhattan"
        call = lambda: L.triplet(self.a, self.a, self.a, distance=wrong_distance)  # noqa: E731
        assert_says(slopes.OptionError, call, "`distance` is 'manhattan'", "'euclidean', 'squared', 'cosine'")

    def test_a_label_where_a_condition_belongs(self) -> None:
        for loss in (L.contrastive, L.cosine_embedding):
            call = lambda: loss(self.a, self.a, torch.ones(4))  # noqa: B023, E731
            assert_says(slopes.DtypeError, call, "`similar` has dtype torch.float32", "torch.bool", "similar == 1")
