from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
from mpmath import mp
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  the name that everybody uses

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses


def normal(rows: int, columns: int = 4, seed: int = 9) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64)


def queue_of(size: int, dimension: int = 4, **options: float) -> L.MomentumQueue:
    return L.MomentumQueue(size, dimension, temperature=0.5, **options).double()


def naive(query: Tensor, own: Tensor, earlier: Tensor) -> Tensor:
    """Return the loss with all logits side by side, own key first, as MoCo writes it."""
    q, k = F.normalize(query), F.normalize(own)
    logits = torch.cat([(q * k).sum(-1, keepdim=True), q @ F.normalize(earlier).T], -1) / 0.5
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.int64))


class TestLoss:
    def test_by_hand(self) -> None:
        queue = L.MomentumQueue(4, 2, temperature=1.0)
        query = torch.tensor([[1.0, 0.0]])
        assert queue(query, query).item() == 0.0
        queue.enqueue(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
        assert_close(queue(query, query), mp.log(1 + mp.exp(-1) + mp.exp(-2)))

    def test_only_valid_places_are_negatives(self) -> None:
        queue, earlier = queue_of(7), normal(3, seed=1)
        queue.enqueue(earlier)
        query, own = normal(5, seed=2).requires_grad_(), normal(5, seed=3)
        loss, wanted = queue(query, own), naive(query, own, earlier)
        assert_close_to_scale(loss, wanted.detach(), 2.0)
        slopes_ = (torch.autograd.grad(value, query)[0] for value in (loss, wanted))
        assert_close_to_scale(*slopes_, 2.0)

    def test_derivatives(self) -> None:
        queue = queue_of(7)
        queue.enqueue(normal(5, seed=1))
        query, own = normal(3, seed=2).requires_grad_(), normal(3, seed=3)
        weight = torch.tensor([1.0, 0.0, 2.0], dtype=torch.float64)
        for options in ({}, {"weight": weight}, {"mask": weight > 0, "denominator": 4.0}):
            torch.autograd.gradcheck(lambda q: queue(q, own, **options), (query,))  # noqa: B023
            torch.autograd.gradgradcheck(lambda q: queue(q, own, **options), (query,))  # noqa: B023

    def test_no_gradient_reaches_the_keys(self) -> None:
        queue = queue_of(4)
        query, own = normal(2, seed=2).requires_grad_(), normal(2, seed=3).requires_grad_()
        queue.enqueue(own)
        assert torch.autograd.grad(queue(query, own), own, allow_unused=True) == (None,)
        assert not queue.keys.requires_grad

    @each("reduction", ["mean", "none"])
    def test_the_next_batch_may_come_before_the_backward_pass(self, reduction: str) -> None:
        slopes_ = []
        for early in (False, True):
            queue = L.MomentumQueue(4, 4, temperature=0.5, reduction=reduction).double()
            queue.enqueue(normal(4, seed=1))
            query = normal(2, seed=2).requires_grad_()
            loss = queue(query, normal(2, seed=3)).sum()
            if early:
                queue.enqueue(normal(2, seed=3))
            slopes_.append(torch.autograd.grad(loss, query)[0])
        assert torch.equal(*slopes_)

    @each("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_comes_back_in_float32(self, dtype: torch.dtype) -> None:
        queue = L.MomentumQueue(4, 4)
        queue.enqueue(normal(3).to(dtype))
        query = normal(2, seed=2).to(dtype).requires_grad_()
        loss = queue(query, normal(2, seed=3).to(dtype))
        assert loss.dtype == torch.float32
        assert torch.autograd.grad(loss, query)[0].dtype == dtype

    def test_empty_batch_and_masked_rows(self) -> None:
        queue = queue_of(4)
        queue.enqueue(normal(4, seed=1))
        nothing = normal(0).requires_grad_()
        loss = queue(nothing, nothing.detach())
        assert loss == 0
        assert torch.autograd.grad(loss, nothing)[0].shape == (0, 4)
        query, own = normal(2, seed=2), normal(2, seed=3)
        spoilt = query.clone()
        spoilt[0] = math.nan
        mask = torch.tensor([False, True])
        assert torch.equal(queue(spoilt, own, mask=mask), queue(query, own, mask=mask))


class TestQueue:
    def test_it_fills_then_wraps_around(self) -> None:
        queue, rows = queue_of(5), normal(12)
        units = F.normalize(rows)
        for start, count, pointer in ((0, 3, 3), (3, 5, 1), (6, 5, 4)):
            queue.enqueue(rows[start : start + 3])
            assert (int(queue.count), int(queue.pointer)) == (count, pointer)
        assert_close(queue.keys, torch.stack([units[5], units[6], units[7], units[8], units[4]]), size=4)

    def test_more_keys_than_places(self) -> None:
        queue, rows = queue_of(5), normal(12)
        queue.enqueue(rows[:2])
        queue.enqueue(rows)
        assert (int(queue.count), int(queue.pointer)) == (5, 14 % 5)
        left = {tuple(row) for row in queue.keys.tolist()}
        other = queue_of(5)
        other.enqueue(rows[-5:])
        assert left == {tuple(row) for row in other.keys.tolist()}

    def test_state_is_saved_and_loaded(self) -> None:
        queue = queue_of(5)
        queue.enqueue(normal(3))
        assert set(queue.state_dict()) == {"keys", "pointer", "count"}
        other = queue_of(5)
        other.load_state_dict(copy.deepcopy(queue.state_dict()))
        query = normal(2, seed=2)
        assert torch.equal(other(query, query), queue(query, query))
        assert not list(queue.parameters())

    def test_compiled(self) -> None:
        torch.compiler.reset()
        queue = queue_of(5)
        queue.enqueue(normal(3))
        query = normal(2, seed=2).requires_grad_()
        compiled = torch.compile(lambda q: queue(q, q.detach()), fullgraph=True, backend="aot_eager")
        assert_close_to_scale(compiled(query), queue(query, query).detach(), 2.0)


def assert_says(kind: type[Exception], call: Callable[[], object], *fragments: str) -> None:
    """Assert an error whose text has each fragment."""
    with pytest.raises(kind) as caught:
        call()
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)


class TestErrors:
    @each("wrong", [0, -1, 1.5, True])
    def test_sizes(self, wrong: int) -> None:
        call = lambda: L.MomentumQueue(wrong, 4)  # noqa: E731
        assert_says(
            slopes.OptionError, call, f"MomentumQueue: `size` is {wrong!r}", "expected an integer of at least 1"
        )
        call = lambda: L.MomentumQueue(4, wrong)  # noqa: E731
        assert_says(slopes.OptionError, call, f"MomentumQueue: `dimension` is {wrong!r}")

    def test_options_and_shapes(self) -> None:
        assert_says(slopes.OptionError, lambda: L.MomentumQueue(4, 4, temperature=0.0), "`temperature` is 0.0")
        queue = L.MomentumQueue(4, 4)
        call = lambda: queue.enqueue(torch.ones(2, 3))  # noqa: E731
        assert_says(slopes.ShapeError, call, "`keys` has shape [2, 3], expected [2, 4]")
        call = lambda: queue(torch.ones(2, 4), torch.ones(3, 4))  # noqa: E731
        assert_says(slopes.ShapeError, call, "`query` [2, 4] and `keys` [3, 4]")
        call = lambda: queue(torch.ones(4), torch.ones(4))  # noqa: E731
        assert_says(slopes.ShapeError, call, "`query` has shape [4], expected [4, 4]")
