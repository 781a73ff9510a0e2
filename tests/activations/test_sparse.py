"""Sparsemax and entmax against their definition: τ by bisection in mpmath, the gradient by the support."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from typing import Any, Final

import pytest
import torch
from mpmath import mp, mpf
from tests.accuracy import assert_within_ulps, ulps
from tests.each import each

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses

ROWS: Final = (
    [1.0, 0.5, -1.0],
    [0.3, 0.2, 0.1, 0.0, -0.1],
    [2.0, 2.0, 2.0, -3.0],
    [0.625, 0.5, 0.375, 0.125, -0.25, -4.0],
    [1000.25, 1000.0, 999.5, 0.0],
    [-3.0],
)
DTYPES: Final = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
ALPHAS: Final = (1.125, 1.5, 1.75, 2.0, 3.0)
DIGITS: Final = 40
ULPS: Final = {torch.float16: 0.501, torch.bfloat16: 0.501, torch.float32: 0.501, torch.float64: 8.0}


@functools.cache
def entmax(row: tuple[float, ...], alpha: float) -> list[mpf]:
    """Return max((α - 1) x - τ, 0)^(1/(α - 1)), with the τ between whose ends the sum falls through 1."""
    with mp.workdps(DIGITS):
        z = [(mpf(alpha) - 1) * mpf(x) for x in row]
        power = 1 / (mpf(alpha) - 1)

        def entries(tau: mpf) -> list[mpf]:
            return [(over - tau) ** power if over > tau else mpf(0) for over in z]

        low, high = max(z) - 1, max(z)
        for _ in range(int(mp.prec)):
            middle = (low + high) / 2
            low, high = (middle, high) if mp.fsum(entries(middle)) >= 1 else (low, middle)
        return entries(low)


def entmax_gradient(row: tuple[float, ...], alpha: float, upstream: Sequence[float]) -> list[mpf]:
    """Return g · (v - Σ g v / Σ g), g = p^(2 - α) on the support (Peters, Niculae, Martins 2019, proposition 2)."""
    with mp.workdps(DIGITS):
        g = [p ** (2 - mpf(alpha)) if p else mpf(0) for p in entmax(row, alpha)]
        mean = mp.fsum(a * mpf(b) for a, b in zip(g, upstream, strict=True)) / mp.fsum(g)
        return [a * (mpf(b) - mean) for a, b in zip(g, upstream, strict=True)]


def call(x: torch.Tensor, alpha: float, **options: Any) -> torch.Tensor:  # noqa: ANN401
    return A.sparsemax(x, **options) if alpha == 2.0 else A.entmax(x, alpha=alpha, **options)


@each("alpha", ALPHAS)
@each("dtype", DTYPES, ids=str)
def test_values_and_gradients_are_those_of_the_definition(alpha: float, dtype: torch.dtype) -> None:
    for row in ROWS:
        x = torch.tensor(row, dtype=dtype, requires_grad=True)
        upstream = torch.tensor([0.5, -1.25, 2.0, 0.75, -0.125, 3.0][: len(row)], dtype=dtype)
        p = call(x, alpha)
        slope = torch.autograd.grad(p, x, upstream)[0]
        exact = tuple(x.tolist())
        # An entry is what is left of x - τ: float64 has its digits in units of 1.
        terms = 8 * 2.0**-53 if dtype == torch.float64 else 0.0
        for came, wanted in (
            (p.detach(), entmax(exact, alpha)),
            (slope, entmax_gradient(exact, alpha, upstream.tolist())),
        ):
            for one, error, other in zip(came.tolist(), ulps(came, wanted).tolist(), wanted, strict=True):
                assert error <= ULPS[dtype] or abs(mpf(one) - other) <= terms * max(alpha, 4), (row, one, other)


def test_by_hand() -> None:
    assert A.sparsemax(torch.tensor([1.0, 0.5, -1.0])).tolist() == [0.75, 0.25, 0.0]
    # 1.5: z = (1, 1/2), τ = 3/4 - √(7/16): both entries squared sum to 1
    p = A.entmax(torch.tensor([2.0, 1.0, -2.0], dtype=torch.float64))
    root = math.sqrt(7 / 16)
    assert p.tolist() == pytest.approx([(0.25 + root) ** 2, (root - 0.25) ** 2, 0.0], rel=1e-14)
    assert A.sparsemax(torch.tensor([0.0, 1.0])).tolist() == [0.0, 1.0]  # the edge of the support
    assert A.sparsemax(torch.zeros(4)).tolist() == [0.25] * 4


def test_alpha_joins_softmax_and_sparsemax() -> None:
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.equal(A.entmax(x, alpha=1.0), A.softmax(x))
    assert torch.equal(A.entmax(x, alpha=2.0), A.sparsemax(x))
    assert torch.allclose(A.entmax(x, alpha=1 + 1e-7), A.softmax(x), atol=1e-6)
    for near in (1.5 - 1e-9, 1.5 + 1e-9):  # bisected, beside the one that is sorted
        assert torch.allclose(A.entmax(x, alpha=near), A.entmax(x), atol=1e-8)
    assert torch.allclose(A.entmax(x, alpha=2 + 1e-9), A.sparsemax(x), atol=1e-8)
    assert torch.equal(A.entmax(x, alpha=1e30).argmax(-1), x.argmax(-1))


@each("alpha", [1.25, 1.5, 2.0])
def test_the_support_is_that_of_the_gradient(alpha: float) -> None:
    """Assert that what is 0 has no gradient, and gives none, and that a shift of the row changes nothing."""
    x = torch.tensor([2.0, 1.75, -3.0], dtype=torch.float64, requires_grad=True)
    jacobian = torch.autograd.functional.jacobian(lambda v: call(v, alpha), x)
    assert bool((jacobian[2] == 0).all())
    assert bool((jacobian[:, 2] == 0).all())
    assert jacobian.sum(-1).abs().max() < 1e-15
    assert jacobian.sum(0).abs().max() < 1e-15
    assert torch.allclose(call(x + 64, alpha), call(x, alpha), rtol=1e-13)


@each("alpha", [1.25, 1.5, 2.0, 3.0])
def test_at_the_edge_of_the_support_the_gradient_keeps_its_digits(alpha: float) -> None:
    """Assert an entry of 1e-6 or less, and its gradient, to the last place of float32."""
    edge = -1 / (alpha - 1)  # of an entry beside another: here it leaves
    x = torch.tensor([0.0, edge * (1 - 2.0**-18)], requires_grad=True)
    p = call(x, alpha)
    slope = torch.autograd.grad(p[1], x)[0]
    exact = tuple(x.tolist())
    assert 0 < p[1] < 1e-4
    assert_within_ulps(p.detach(), entmax(exact, alpha), 1.0)
    assert_within_ulps(slope, entmax_gradient(exact, alpha, [0.0, 1.0]), 1.0)


@each("alpha", [1.25, 1.5, 2.0])
@each("dtype", DTYPES, ids=str)
def test_infinities_nan_and_rows_without_an_entry(alpha: float, dtype: torch.dtype) -> None:
    inf = math.inf
    rows = [[inf, 0.0, -1.0], [inf, inf, 1.0], [-inf, 0.0, 0.0], [-inf, -inf, -inf], [math.nan, 0.0, 0.0]]
    x = torch.tensor(rows, dtype=dtype, requires_grad=True)
    p = call(x, alpha)
    wanted = [[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 0.0]]
    assert torch.allclose(p[:4], torch.tensor(wanted, dtype=dtype), rtol=1e-14)
    assert bool(p[4].isnan().all())
    slope = torch.autograd.grad(p[:4].sum(), x)[0]
    assert bool(slope[:4].isfinite().all())


@each("alpha", [1.25, 1.5, 2.0])
def test_dimension_and_mask(alpha: float) -> None:
    x = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(1))
    assert torch.equal(call(x, alpha, dim=1), call(x.movedim(1, -1), alpha).movedim(-1, 1))
    mask = torch.tensor([True, False, True, True, False]).expand(3, 4, 5)
    p = call(x, alpha, mask=mask)
    assert torch.allclose(p[..., [0, 2, 3]], call(x[..., [0, 2, 3]], alpha), atol=1e-7)
    assert bool((p[~mask] == 0).all())
    assert bool((call(x, alpha, mask=torch.zeros_like(x, dtype=torch.bool)) == 0).all())
    assert call(x[..., :0], alpha).shape == (3, 4, 0)


def test_error_texts() -> None:
    text = "entmax: `alpha` is 0.5, expected a number in [1, ∞); choose one from there."
    with pytest.raises(slopes.OptionError, match="^" + re.escape(text)):
        A.entmax(torch.ones(2), alpha=0.5)
    text = "sparsemax: `dim` is 1, expected a dimension of `x`, which has shape [2]; use -1."
    with pytest.raises(slopes.OptionError, match="^" + re.escape(text)):
        A.sparsemax(torch.ones(2), dim=1)
