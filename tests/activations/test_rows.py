"""Softmax and its logarithm: temperature from 0 to infinity, masks, infinite logits, zero gradients."""

from __future__ import annotations

import math

import pytest
import torch
from tests.each import each
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses

every_dtype = each("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
both_precisions = each("exact", [False, True], ids=["default", "exact"])


def test_by_hand() -> None:
    logits = torch.tensor([math.log(1), math.log(2), math.log(5)], dtype=torch.float64)
    assert A.softmax(logits).tolist() == pytest.approx([1 / 8, 2 / 8, 5 / 8], rel=1e-15)
    assert A.softmax(logits, temperature=0.5).tolist() == pytest.approx([1 / 30, 4 / 30, 25 / 30], rel=1e-15)
    assert A.log_softmax(logits).exp().tolist() == pytest.approx([1 / 8, 2 / 8, 5 / 8], rel=1e-15)


@both_precisions
@each("temperature", [1.0, 2.0])
@each("masked", [False, True])
def test_logits_that_tie_have_the_slopes_of_any_others(exact: bool, temperature: float, masked: bool) -> None:  # noqa: FBT001
    x = torch.tensor([3.0, 3.0, 3.0], dtype=torch.float64, requires_grad=True)
    mask = torch.ones(3, dtype=torch.bool) if masked else None
    with slopes.exact(exact):
        p = A.softmax(x, temperature=temperature, mask=mask)
        log_p = A.log_softmax(x, temperature=temperature, mask=mask)
        for i in range(3):
            by_p, by_log_p = (torch.autograd.grad(y[i], x, retain_graph=True)[0].tolist() for y in (p, log_p))
            # p (1 - p) and -p p for p = 1/3, and 1 - p and -p
            assert by_p == pytest.approx([(2 if j == i else -1) / 9 / temperature for j in range(3)], rel=1e-14)
            assert by_log_p == pytest.approx([(2 if j == i else -1) / 3 / temperature for j in range(3)], rel=1e-14)


@every_dtype
def test_no_temperature_takes_the_largest(dtype: torch.dtype) -> None:
    x = torch.tensor([[1.0, 3.0, 2.0], [5.0, 5.0, -60_000.0]], dtype=dtype, requires_grad=True)
    p = A.softmax(x, temperature=1e-30)
    assert p.tolist() == [[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]]
    assert bool(A.log_softmax(x, temperature=1e-30)[0, 1] == 0)
    slope = torch.autograd.grad(p[0].sum(), x)[0]
    assert bool(slope[0].isfinite().all())


@every_dtype
def test_endless_temperature_is_uniform(dtype: torch.dtype) -> None:
    x = torch.tensor([60_000.0, -60_000.0, 0.0, 1.0], dtype=dtype, requires_grad=True)
    p = A.softmax(x, temperature=1e30)
    assert p.tolist() == [0.25] * 4
    assert torch.autograd.grad(p[0], x)[0].abs().max() <= 1e-30


@every_dtype
@each("temperature", [1.0, 0.1, 1e-30, 1e30])
def test_a_masked_row_is_zeros_with_zero_gradient(dtype: torch.dtype, temperature: float) -> None:
    x = torch.tensor([[1.0, math.nan], [math.inf, 2.0], [0.0, 0.0]], dtype=dtype, requires_grad=True)
    mask = torch.tensor([[True, False], [False, False], [True, True]])
    p = A.softmax(x, mask=mask, temperature=temperature)
    assert p.tolist() == [[1.0, 0.0], [0.0, 0.0], [0.5, 0.5]]
    upstream = torch.tensor([[3.0, 5.0], [7.0, 11.0], [1.0, 1.0]], dtype=dtype)
    slope = torch.autograd.grad(p, x, upstream)[0]
    assert torch.equal(slope, torch.zeros_like(slope))


@every_dtype
def test_a_masked_entry_of_the_logarithm_is_minus_infinity_with_zero_gradient(dtype: torch.dtype) -> None:
    x = torch.tensor([[1.0, math.nan, 1.0], [math.inf, 2.0, 0.0]], dtype=dtype, requires_grad=True)
    mask = torch.tensor([[True, False, True], [False, False, False]])
    log_p = A.log_softmax(x, mask=mask)
    assert log_p[0, 0].item() == pytest.approx(-math.log(2), rel=4e-3)
    assert log_p[0, 1].item() == -math.inf
    assert log_p[1].tolist() == [-math.inf] * 3
    slope = torch.autograd.grad(log_p[0, 0] + log_p[0, 2], x)[0]
    assert not slope[:, 1].any()
    assert not slope[1].any()
    assert bool(slope.isfinite().all())
    every = torch.autograd.grad(A.log_softmax(x, mask=mask), x, torch.ones(2, 3, dtype=dtype))[0]
    assert bool(every.isfinite().all())
    assert not every[1].any()


def test_masks_are_rows_with_fewer_entries() -> None:
    x = torch.randn(4, 6, dtype=torch.float64)
    mask = torch.tensor([True, False, True, True, False, True]).expand(4, 6)
    for function in (A.softmax, A.log_softmax):
        whole = function(x, mask=mask, temperature=0.7)
        part = function(x[:, mask[0]], temperature=0.7)
        assert torch.allclose(whole[:, mask[0]], part, rtol=1e-14)


@both_precisions
@each("dim", [0, 1, 2, -1, -2, -3])
def test_any_dimension(dim: int, exact: bool) -> None:  # noqa: FBT001
    x = torch.randn(3, 4, 5, dtype=torch.float64)
    with slopes.exact(exact):
        assert torch.allclose(A.softmax(x, dim=dim), torch.softmax(x, dim), rtol=1e-14)
        assert torch.allclose(A.log_softmax(x, dim=dim), torch.log_softmax(x, dim), rtol=1e-14)
        moved = A.softmax(x.movedim(dim, -1), temperature=0.5, mask=x.movedim(dim, -1) > 0)
        assert torch.allclose(A.softmax(x, dim=dim, temperature=0.5, mask=x > 0).movedim(dim, -1), moved, rtol=1e-14)


@every_dtype
def test_an_infinite_logit_takes_all_when_exact(dtype: torch.dtype) -> None:
    x = torch.tensor([1.0, math.inf, -math.inf], dtype=dtype, requires_grad=True)
    with slopes.exact():
        p = A.softmax(x)
        assert p.tolist() == [0.0, 1.0, 0.0]
        slope = torch.autograd.grad(p, x, torch.tensor([1.0, 2.0, 3.0], dtype=dtype))[0]
    assert not slope.any()


@both_precisions
@every_dtype
def test_nan_spoils_its_row_alone(dtype: torch.dtype, exact: bool) -> None:  # noqa: FBT001
    x = torch.tensor([[math.nan, 1.0], [0.0, 0.0]], dtype=dtype)
    with slopes.exact(exact):
        p = A.softmax(x)
    assert bool(p[0].isnan().all())
    assert p[1].tolist() == [0.5, 0.5]


@each("shift", [0.0, 1e4, -1e4, 3e38])
def test_shifted_logits_are_the_same(shift: float) -> None:
    x = torch.tensor([0.0, 1.0, 2.0])
    with slopes.exact():
        far = A.softmax(x + shift)
    near: Tensor = torch.softmax((x + shift) - (x + shift).max(), -1)
    assert torch.allclose(far, near, rtol=1e-6)
