"""The yardstick itself: units in the last place, counted by hand."""

from __future__ import annotations

import math
import re
from functools import partial

import numpy as np
import pytest
import torch
from mpmath import mp, mpf
from tests.accuracy import (
    PRECISION,
    SMALLEST_NORMAL_EXPONENT,
    assert_close,
    assert_close_to_scale,
    assert_exact,
    assert_within_ulps,
    tolerance,
    ulps,
    unit,
)
from tests.each import each

DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def every(dtype: torch.dtype) -> torch.Tensor:
    return torch.arange(-32768, 32768, dtype=torch.int32).to(torch.int16).view(dtype)


@each("dtype", DTYPES)
def test_constants_are_the_dtypes_own(dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    assert unit(dtype) == info.eps
    assert 2.0 ** SMALLEST_NORMAL_EXPONENT[dtype] == info.smallest_normal
    assert 2.0 ** (SMALLEST_NORMAL_EXPONENT[dtype] + 1 - PRECISION[dtype]) == info.smallest_normal * info.eps


@each("dtype", DTYPES)
def test_a_neighbour_is_one_unit_away(dtype: torch.dtype) -> None:
    smallest = torch.finfo(dtype).smallest_normal * torch.finfo(dtype).eps
    for number in (1.0, 1.5, -3.0, 2.0**-10, smallest, 0.0, torch.finfo(dtype).smallest_normal):
        here = torch.tensor([number], dtype=dtype)
        there = torch.nextafter(here, torch.tensor([math.inf], dtype=dtype))
        for expected in ([mpf(number)], torch.tensor([number], dtype=torch.float64)):
            assert ulps(here, expected).item() == 0.0
            assert ulps(there, expected).item() == 1.0


@each("dtype", DTYPES)
def test_below_a_power_of_two_the_spacing_is_the_one_of_the_rounded_value(dtype: torch.dtype) -> None:
    one = torch.ones(1, dtype=dtype)
    with mp.workdps(40):
        just_below = 1 - mpf(unit(dtype)) / 16
        further_below = 1 - mpf(unit(dtype)) * 3 / 8  # nearer to the neighbour, whose spacing is half as large
    assert ulps(one, [just_below]).item() == pytest.approx(1 / 16)
    assert ulps(one, [further_below]).item() == pytest.approx(3 / 4)


@each("dtype", DTYPES)
def test_the_exact_number_counts_not_the_rounded_one(dtype: torch.dtype) -> None:
    third = torch.tensor([1.0], dtype=dtype) / 3
    with mp.workdps(40):
        exact = mpf(1) / 3
        away = abs(mpf(third.double().item()) - exact) / (mpf(unit(dtype)) / 4)
    assert ulps(third, [exact]).item() == pytest.approx(float(away))
    assert 0 < ulps(third, [exact]).item() <= 0.5


@each("dtype", DTYPES)
def test_infinities_and_nan_agree_with_themselves_only(dtype: torch.dtype) -> None:
    strange = [math.inf, -math.inf, math.nan, 1.0]
    for row, came in enumerate(strange):
        actual = torch.full((4,), came, dtype=dtype)
        answer = [0.0 if row == column else math.inf for column in range(4)]
        assert ulps(actual, [mpf(entry) for entry in strange]).tolist() == answer
        assert ulps(actual, np.array(strange)).tolist() == answer


@each("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_beyond_the_largest_number_only_infinity_is_right(dtype: torch.dtype) -> None:
    info = torch.finfo(dtype)
    beyond = info.max * (1 + info.eps)
    actual = torch.tensor([info.max, math.inf, -math.inf], dtype=dtype)
    for expected in ([mpf(beyond)] * 3, np.full(3, beyond)):
        assert ulps(actual, expected).tolist() == [math.inf, 0.0, math.inf]
    held = info.max * (1 + info.eps / 8)  # rounds back to the largest
    for expected in ([mpf(held)] * 3, np.full(3, held)):
        assert ulps(actual, expected).tolist()[0] < 0.5
        assert ulps(actual, expected).tolist()[1] == math.inf


def test_underflow_to_zero_is_right_below_half_the_smallest() -> None:
    zero = torch.zeros(2, dtype=torch.float64)
    assert ulps(zero, [mpf(10) ** -700, mpf(0)]).tolist() == [0.0, 0.0]
    assert ulps(zero, [mp.exp(-(mpf(10) ** 300)), mp.exp(mpf(10) ** 300)]).tolist() == [0.0, math.inf]
    assert ulps(zero, [mpf(5e-324), mpf(-5e-324) / 4]).tolist() == [1.0, 0.25]


@each("dtype", [torch.float16, torch.bfloat16])
def test_both_ways_of_counting_agree_with_torchs_rounding(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(7)
    numbers = torch.randn(4000, generator=generator, dtype=torch.float64)
    numbers = numbers * torch.exp2(torch.randint(-40, 20, (4000,), generator=generator))
    rounded = numbers.to(dtype)
    quick = ulps(rounded, numbers)
    assert quick.max().item() <= 0.5
    slow = ulps(rounded, [mpf(number) for number in numbers.tolist()])
    torch.testing.assert_close(quick, slow, rtol=0, atol=0)


@each("dtype", [torch.float16, torch.bfloat16])
def test_every_16_bit_number_is_itself(dtype: torch.dtype) -> None:
    numbers = every(dtype)
    assert ulps(numbers, numbers.double()).max().item() == 0.0


def test_scalars_and_shapes() -> None:
    assert ulps(torch.tensor(2.0), mpf(2)).shape == ()
    assert ulps(torch.ones(2, 3), [[mpf(1)] * 3] * 2).shape == (2, 3)
    assert ulps(torch.ones(0), []).shape == (0,)
    with pytest.raises(AssertionError, match=re.escape("shape (2,) came where (3,) was expected")):
        ulps(torch.ones(2), [mpf(1)] * 3)


def test_tolerance_grows_with_the_root_of_the_size_and_knows_its_dtypes() -> None:
    for dtype in DTYPES:
        assert tolerance(dtype) == 16
        assert tolerance(dtype, 0) == 16
        assert tolerance(dtype, 100) == 160
    with pytest.raises(ValueError, match="no tolerance for"):
        tolerance(torch.int64)


def test_assertions_pass_and_fail_where_they_should() -> None:
    one = torch.ones(2)
    off = 1 + 20 * mpf(unit(torch.float32))
    assert_exact(one, [mpf(1), mpf(1)])
    assert_close(one, [mpf(1), off], size=2)
    assert_within_ulps(one, [mpf(1), off], 20)
    assert_close_to_scale(one, [mpf(1), off], 2.0)
    assert_within_ulps(torch.ones(0), [], 0)
    with pytest.raises(AssertionError, match=r"value 1 is 1.0, exactly 1\.0000023841.*: 20 units"):
        assert_within_ulps(one, [mpf(1), off], 19, "value")
    with pytest.raises(AssertionError, match="allowed 16"):
        assert_close(one, torch.tensor([1.0, float(off)], dtype=torch.float64))
    with pytest.raises(AssertionError, match=r"result is 20 units of 1 away"):
        assert_close_to_scale(one, [mpf(1), off], 1.0)
    with pytest.raises(AssertionError, match="inf units"):
        assert_exact(torch.tensor(math.nan), mpf(1))


def test_each_entry_may_have_a_scale_of_its_own() -> None:
    step = 20 * unit(torch.float32)
    came, wanted = torch.tensor([1.0, 1.0]), torch.tensor([1.0, 1.0 + step])
    assert_close_to_scale(came, wanted, torch.tensor([1.0, 2.0]))
    with pytest.raises(AssertionError, match=r"result is 20 units of 1 away"):
        assert_close_to_scale(came, wanted, torch.tensor([2.0, 1.0]))
    with pytest.raises(AssertionError, match="nan units"):
        assert_close_to_scale(torch.tensor([math.nan, 1.0]), wanted, 2.0)
    nothing = torch.tensor([0.0, 1.0])
    assert_close_to_scale(nothing, torch.tensor([0.0, 1.0 + step]), torch.tensor([0.0, 2.0]))
    with pytest.raises(AssertionError, match="result is inf units of 0 away"):
        assert_close_to_scale(nothing, torch.tensor([1e-30, 1.0]), torch.tensor([0.0, 2.0]))


def test_a_graph_is_in_the_way_of_nothing_neither_of_the_numbers_nor_of_the_message() -> None:
    """What an assertion says when it fails is what one wants to read then."""
    for dtype in DTYPES:
        right, wrong = (torch.tensor([1.0, last], dtype=dtype, requires_grad=True) for last in (2.0, 3.0))
        scale = torch.ones(2, requires_grad=True)
        for assertion in (assert_exact, assert_close, partial(assert_close_to_scale, scale=scale)):
            assertion(right, right)
            if dtype in {torch.float32, torch.float64}:  # far more than 16 units
                with pytest.raises(AssertionError, match=r"^(entry 1 is 2\.0, exactly 3\.0|result is .* away)"):
                    assertion(right, wrong)
