from __future__ import annotations

import torch
from mpmath import mp, mpf
from tests.accuracy import assert_close, assert_within_ulps
from tests.each import each
from tests.oracles.precision import exact

from slopes._core.differences import difference, excess, minus, times
from slopes.kernels.pointwise import logistic

DTYPES = (torch.float32, torch.float64)
both = each("dtype", DTYPES)


def normal(seed: int, dtype: torch.dtype, scale: float = 100.0) -> torch.Tensor:
    return (scale * torch.randn(200, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).to(dtype)


@both
class TestPairs:
    def test_a_difference_loses_nothing(self, dtype: torch.dtype) -> None:
        a, b = normal(1, dtype), normal(2, dtype, 0.1)
        high, low = difference(a, b)
        assert [x + y for x, y in zip(exact(high), exact(low), strict=True)] == [
            x - y for x, y in zip(exact(a), exact(b), strict=True)
        ]

    def test_a_difference_of_differences_times_a_number(self, dtype: torch.dtype) -> None:
        given = [normal(seed, dtype) for seed in range(4)]
        high, low = times(minus(difference(*given[:2]), difference(*given[2:])), 0.3)
        # The pair stands for one number of about twice the digits.
        came = [x + y for x, y in zip(exact(high), exact(low), strict=True)]
        wanted = [((a - b) - (c - d)) * mpf(0.3) for a, b, c, d in zip(*map(exact, given), strict=True)]
        unit = torch.finfo(dtype).eps
        assert all(abs(x - y) <= 100 * unit**2 * 1000 for x, y in zip(came, wanted, strict=True))

    def test_infinities_have_no_low_part(self, dtype: torch.dtype) -> None:
        infinite, one = torch.tensor([torch.inf, -torch.inf], dtype=dtype), torch.ones(2, dtype=dtype)
        high, low = times(minus(difference(infinite, one), difference(one, one)), 0.5)
        assert torch.equal(high, infinite)
        assert torch.equal(low, torch.zeros_like(low))

    def test_derivatives_are_those_of_the_difference(self, dtype: torch.dtype) -> None:
        a, b = normal(1, dtype).requires_grad_(), normal(2, dtype).requires_grad_()
        high, low = times(difference(a, b), 0.5)
        by_a, by_b = torch.autograd.grad((high + low).sum(), (a, b))
        assert_close(by_a, torch.full_like(by_a, 0.5).double())
        assert_close(by_b, torch.full_like(by_b, -0.5).double())


@both
def test_excess(dtype: torch.dtype) -> None:
    steps = torch.logspace(-30, 1.9, 400, dtype=torch.float64)
    u = torch.cat([steps, -steps, torch.tensor([0.0, 0.5, -0.5], dtype=torch.float64)]).to(dtype)
    with mp.workdps(120):
        wanted = [mp.expm1(x) - x for x in exact(u)]
        assert_within_ulps(excess(u), wanted, 8)
    assert excess(torch.tensor([torch.inf, -torch.inf], dtype=dtype)).tolist() == [torch.inf, torch.inf]


@both
class TestLogOfOneMinusExp:
    def points(self, dtype: torch.dtype) -> torch.Tensor:
        far = 87.0 if dtype == torch.float32 else 700.0
        steps = torch.logspace(-37, 0, 300, dtype=torch.float64)
        return -torch.cat([steps, far * steps[-100:]]).to(dtype)

    def test_value_and_slope(self, dtype: torch.dtype) -> None:
        x = self.points(dtype).requires_grad_()
        value = logistic.log1mexp(x)
        with mp.workdps(400):
            assert_close(value, [mp.log(-mp.expm1(v)) for v in exact(x)])
            assert_close(torch.autograd.grad(value.sum(), x)[0], [mp.exp(v) / mp.expm1(v) for v in exact(x)])

    def test_the_ends(self, dtype: torch.dtype) -> None:
        x = torch.tensor([-torch.inf, 0.0], dtype=dtype, requires_grad=True)
        value = logistic.log1mexp(x)
        assert value.tolist() == [0.0, -torch.inf]
        slope = torch.autograd.grad(value.sum(), x, create_graph=True)[0]
        assert slope[0].item() == 0
        assert -torch.finfo(dtype).max <= slope[1].item() < -0.1 * torch.finfo(dtype).max
        assert bool(torch.autograd.grad(slope.sum(), x)[0].isfinite().all())

    def test_second_derivative(self, dtype: torch.dtype) -> None:
        x = torch.tensor([-1e-15, -1e-3, -0.7, -20.0, -80.0], dtype=dtype, requires_grad=True)
        slope = torch.autograd.grad(logistic.log1mexp(x).sum(), x, create_graph=True)[0]
        with mp.workdps(60):
            wanted = [-mp.exp(v) / mp.expm1(v) ** 2 for v in exact(x)]
        assert_close(torch.autograd.grad(slope.sum(), x)[0], wanted)

    def test_log_sigmoid(self, dtype: torch.dtype) -> None:
        far = 85.0 if dtype == torch.float32 else 700.0
        x = torch.linspace(-far, far, 401, dtype=torch.float64).to(dtype).requires_grad_()
        value = logistic.log_sigmoid(x)
        with mp.workdps(400):
            assert_close(value, [-mp.log1p(mp.exp(-v)) for v in exact(x)])
            assert_close(torch.autograd.grad(value.sum(), x)[0], [1 / (1 + mp.exp(v)) for v in exact(x)])
