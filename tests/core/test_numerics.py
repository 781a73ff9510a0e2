"""The building blocks keep the bounds that they state, against mpmath."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import torch
from mpmath import mp, mpf
from tests.accuracy import assert_within_ulps
from tests.each import each
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from slopes._core import numerics

both_dtypes = each("dtype", [torch.float32, torch.float64], ids=str)


def magnitudes(dtype: torch.dtype, count: int, low: float, high: float) -> Tensor:
    """Return numbers spread evenly over exponents, and over the interval."""
    spread = torch.logspace(math.log10(low), math.log10(high), count, dtype=torch.float64)
    return torch.cat([spread, torch.linspace(low, high, count, dtype=torch.float64)]).to(dtype)


def at(x: Tensor, function: Callable[[mpf], mpf]) -> list[mpf]:
    with mp.workdps(60):
        return [function(mpf(value)) for value in x.tolist()]


@both_dtypes
def test_log1mexp_within_2(dtype: torch.dtype) -> None:
    x = -magnitudes(dtype, 150, 1e-30, 700.0)
    switch = torch.tensor([-math.log(2)], dtype=dtype)
    x = torch.cat([x, switch, torch.nextafter(switch, switch * 0), torch.nextafter(switch, switch * 2)])
    with mp.workdps(700):
        wanted = [mp.log(1 - mp.exp(mpf(value))) for value in x.tolist()]
    assert_within_ulps(numerics.log1mexp(x), wanted, 2.0)


def test_log1mexp_at_the_ends() -> None:
    assert numerics.log1mexp(torch.tensor([0.0, -math.inf])).tolist() == [-math.inf, 0.0]


@both_dtypes
def test_logistic_within_3(dtype: torch.dtype) -> None:
    x = magnitudes(dtype, 150, 1e-8, 100.0 if dtype == torch.float32 else 740.0)
    z = torch.cat([x, -x, torch.zeros(1, dtype=dtype)])
    up, down, e = numerics.logistic(z)
    with mp.workdps(700):
        assert_within_ulps(up, [1 / (1 + mp.exp(-mpf(v))) for v in z.tolist()], 3.0, "up")
        assert_within_ulps(down, [1 / (1 + mp.exp(mpf(v))) for v in z.tolist()], 3.0, "down")
        assert_within_ulps(e, [mp.exp(-abs(mpf(v))) for v in z.tolist()], 1.5, "power")
    assert torch.equal(numerics.logistic(-z)[0], down)


@both_dtypes
def test_softplus_within_2(dtype: torch.dtype) -> None:
    x = magnitudes(dtype, 150, 1e-8, 80.0)
    z = torch.cat([x, -x])
    assert_within_ulps(numerics.softplus(z, torch.exp(-z.abs())), at(z, lambda v: mp.log(1 + mp.exp(v))), 2.5)


@both_dtypes
def test_half_square_keeps_what_the_exponential_magnifies(dtype: torch.dtype) -> None:
    a = magnitudes(dtype, 150, 1e-4, 32.0)
    v, low = numerics.half_square(a)
    lost = Fraction(2) ** (-30 if dtype == torch.float32 else -72)
    for at_, v_, low_ in zip(*(t.double().tolist() for t in (a, v, low)), strict=True):
        exact = Fraction(at_) ** 2 / 2
        assert abs(Fraction(v_) + Fraction(low_) - exact) <= Fraction(at_) * lost


@both_dtypes
def test_exp_minus_keeps_its_digits_below_the_normal_range(dtype: torch.dtype) -> None:
    a = magnitudes(dtype, 100, 1e-3, 87.0 if dtype == torch.float32 else 700.0)
    e, f = numerics.exp_minus(a)
    with mp.workdps(700):
        assert_within_ulps(e * f, [mp.exp(-mpf(v)) for v in a.tolist()], 2.0)
    assert bool((e > torch.finfo(dtype).tiny).all())
    h = numerics.root_exp_minus(a)
    with mp.workdps(700):
        assert_within_ulps(h, [mp.exp(-mpf(v) / 2) for v in a.tolist()], 1.5)


@both_dtypes
def test_split_and_product_are_exact(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.randn(200, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
    high, low = numerics.split(a)
    assert torch.equal(high + low, a)
    half = 2 ** (13 if dtype == torch.float32 else 27)
    assert all((h == 0) or abs(Fraction(h).numerator) < half * 4 for h in high.tolist())
    product, rest = numerics.two_product(a, b)
    for x, y, p, r in zip(*(t.double().tolist() for t in (a, b, product, rest)), strict=True):
        exact = Fraction(x) * Fraction(y)
        assert abs(Fraction(p) + Fraction(r) - exact) <= abs(exact) * Fraction(2) ** -(
            45 if dtype == torch.float32 else 100
        )


def test_constants_are_pairs() -> None:
    third = numerics.Constant(1 / 3, 1 / 3 * 2**-55)
    high, low = third.pair(torch.float32)
    assert torch.tensor(high, dtype=torch.float32).item() == high
    assert abs(high + low - 1 / 3) < 1e-16
    assert third.pair(torch.float64) == (1 / 3, 1 / 3 * 2**-55)


@both_dtypes
def test_horner_is_the_polynomial(dtype: torch.dtype) -> None:
    x = torch.linspace(0, 2, 50, dtype=dtype)
    wanted = at(x, lambda v: 1 + 2 * v + 3 * v**2 + 4 * v**3)
    assert_within_ulps(numerics.horner(x, (1.0, 2.0, 3.0, 4.0)), wanted, 2.0)
    assert torch.equal(numerics.horner(x, (1.0, 2.0)), 1 + 2 * x)


def test_steps_and_reflections() -> None:
    x = torch.tensor([-math.inf, -1.0, -0.0, 0.0, 2.0, math.inf])
    lower = torch.full((6,), 0.25)
    for wanted in (True, False):
        with torch.set_grad_enabled(wanted):
            assert numerics.step(x).tolist() == [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]
            assert numerics.reflect(x, lower).tolist() == [0.25, 0.25, 0.75, 0.75, 0.75, 0.75]
            assert numerics.magnitude(x).tolist() == [math.inf, 1.0, 0.0, 0.0, 2.0, math.inf]


def test_building_blocks_are_differentiable_twice() -> None:
    x = torch.tensor([-3.0, -0.1, 0.4, 5.0], dtype=torch.float64, requires_grad=True)
    for function in (
        lambda z: numerics.logistic(z)[0],
        lambda z: numerics.logistic(z)[1],
        lambda z: numerics.softplus(z, torch.exp(-numerics.magnitude(z))),
        lambda z: numerics.log1mexp(-numerics.magnitude(z)),
        lambda z: numerics.root_exp_minus(numerics.magnitude(z)),
        lambda z: numerics.half_square(z)[0],
    ):
        assert gradcheck(function, [x])
        assert gradgradcheck(function, [x])
