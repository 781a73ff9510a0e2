"""Reduced losses of elements and of rows, in the circumstances that forbid the pass that makes value and gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tests.accuracy import assert_close
from tests.each import each
from torch import Tensor
from torch.autograd import forward_ad

from slopes import losses as L  # noqa: N812  the name that the documentation uses

Loss = Callable[..., Tensor]


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


LABELS = (drawn(5, 3) > 0).double()
LOSSES: dict[str, Loss] = {
    "of elements": lambda x, **options: L.focal(x, LABELS, **options),
    "of rows": lambda x, **options: L.cross_entropy(x, torch.tensor([0, 2, 1, 1, 0]), **options),
}


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")
@each("name", LOSSES)
@each("learn", [True, False])
def test_a_denominator_may_be_mapped_and_have_a_tangent(name: str, learn: bool) -> None:  # noqa: FBT001  a parameter
    x = drawn(5, 3).requires_grad_(learn)

    def of(denominator: Tensor) -> Tensor:
        return LOSSES[name](x, denominator=denominator)

    total = LOSSES[name](x, reduction="sum").detach()
    denominators = torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)
    assert_close(torch.func.vmap(of)(denominators), total / denominators)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(of(forward_ad.make_dual(number(3.0), number(1.0)))).tangent
    assert tangent is not None
    assert_close(tangent, -total / 9)


@pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")
@each("name", LOSSES)
def test_a_weight_may_have_a_tangent(name: str) -> None:
    x = drawn(5, 3).requires_grad_()
    losses = LOSSES[name](x, reduction="none").detach()
    weight, along = drawn(*losses.shape).abs(), drawn(*losses.shape)
    with forward_ad.dual_level():
        total: Any = LOSSES[name](x, weight=forward_ad.make_dual(weight, along), reduction="sum")
        tangent = forward_ad.unpack_dual(total).tangent
    assert tangent is not None
    assert_close(tangent, (losses * along).sum())


@each("name", LOSSES)
def test_many_upstream_gradients_at_once(name: str) -> None:
    """As `torch.autograd.functional.jacobian(..., vectorize=True)` hands them in."""
    x = drawn(5, 3).requires_grad_()
    upstream = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    loss = LOSSES[name](x)
    (found,) = torch.autograd.grad(loss, x, upstream, is_grads_batched=True, retain_graph=True)
    (one,) = torch.autograd.grad(loss, x)
    for factor, mine in zip(upstream, found, strict=True):
        assert_close(mine, factor * one)


@each("name", LOSSES)
@each("learn", [True, False])
def test_torch_func_may_be_at_work_on_something_else(name: str, learn: bool) -> None:  # noqa: FBT001  a parameter
    x = drawn(5, 3).requires_grad_(learn)
    loss = LOSSES[name](x).detach()
    factors = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert_close(torch.func.vmap(lambda f: f * LOSSES[name](x))(factors), loss * factors)
    assert_close(torch.func.grad(lambda f: f * LOSSES[name](x))(factors[1]), loss)
