"""Softmax and its logarithm: temperature from 0 to infinity, masks, infinite logits, zero gradients."""

from __future__ import annotations

import math
import re

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


@both_precisions
def test_softmin_is_the_softmax_of_what_is_negated(exact: bool) -> None:  # noqa: FBT001
    costs = torch.tensor([[0.0, math.log(2), math.inf], [3.0, -math.inf, 1.0]], dtype=torch.float64)
    with slopes.exact(exact):
        assert A.softmin(costs[0]).tolist() == pytest.approx([2 / 3, 1 / 3, 0.0], rel=1e-15)
        assert A.softmin(costs[1]).tolist() == [0.0, 1.0, 0.0]
        assert A.softmin(costs[0, :2], temperature=0.5).tolist() == pytest.approx([0.8, 0.2], rel=1e-15)
        assert torch.equal(A.softmin(costs, dim=0), A.softmin(costs.T).T)
        assert A.softmin(torch.tensor([math.inf, math.inf])).tolist() == [0.0, 0.0]
        masked = A.softmin(costs[0], mask=torch.tensor([False, True, True]))
    assert masked.tolist() == [0.0, 1.0, 0.0]


@every_dtype
@each("temperature", [1.0, 0.5])
def test_a_sink_is_one_more_logit_of_which_nothing_is_returned(dtype: torch.dtype, temperature: float) -> None:
    x = torch.tensor([[1.0, -2.0, 0.5], [0.0, 0.0, 0.0]], dtype=dtype, requires_grad=True)
    sink = torch.tensor([[0.75], [-1.0]], dtype=dtype, requires_grad=True)
    weight = torch.tensor([[1.0, 2.0, -1.0], [0.5, 3.0, 1.0]], dtype=dtype)
    longer = torch.cat([x, sink], -1)
    for of in (A.softmax, A.log_softmax):
        p = of(x, sink=sink, temperature=temperature)
        other = of(longer, temperature=temperature)[:, :3]
        assert torch.equal(p, other)
        for came, wanted in zip(
            torch.autograd.grad((p * weight).sum(), [x, sink]),
            torch.autograd.grad((other * weight).sum(), [x, sink], retain_graph=True),
            strict=True,
        ):
            assert torch.equal(came, wanted)
            assert bool(came.any())


def test_sinks_by_hand() -> None:
    assert A.softmax(torch.zeros(3), sink=0.0).tolist() == [0.25] * 3  # off by one
    assert A.softmax(torch.tensor([-1e30, -1e30]), sink=0).tolist() == [0.0, 0.0]  # nothing to attend to
    scores = torch.zeros(2, 3, 4, 1)
    heads = torch.tensor([0.0, math.log(3), -math.inf]).reshape(3, 1, 1)
    p = A.softmax(scores, sink=heads)
    assert p[1, :, 2, 0].tolist() == pytest.approx([0.5, 0.25, 1.0])
    along = A.softmax(scores.movedim(-1, 1), dim=1, sink=torch.tensor([0.0, math.log(3), 0.0]).reshape(1, 3, 1))
    assert along[0, 0, :, 0].tolist() == pytest.approx([0.5, 0.25, 0.5])
    mask = torch.tensor([True, False, True])
    assert A.softmax(torch.zeros(3), mask=mask, sink=0.0).tolist() == pytest.approx([1 / 3, 0.0, 1 / 3])
    assert A.softmax(torch.zeros(3), mask=~(mask | True), sink=0.0).tolist() == [0.0] * 3


def test_what_a_sink_must_be() -> None:
    text = "softmax: `sink` has shape [3], expected one that broadcasts to one logit for each row, [2, 3, 4, 1];"
    with pytest.raises(slopes.ShapeError, match="^" + re.escape(text)):
        A.softmax(torch.zeros(2, 3, 4, 5), sink=torch.zeros(3))
    with pytest.raises(slopes.OptionError, match=r"^log_softmax: `sink` is inf, expected a number in"):
        A.log_softmax(torch.zeros(3), sink=math.inf)
    with pytest.raises(slopes.DtypeError, match=r"^softmax: `x` is torch.float32, `sink` is torch.float64"):
        A.softmax(torch.zeros(2, 3), sink=torch.zeros(2, 1, dtype=torch.float64))
