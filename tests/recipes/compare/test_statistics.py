"""Intervals against scipy's and against a simulation; differences are paired and widened."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.later import Later

from slopes.recipes.compare.statistics import Interval, difference, interval, within

stats = Later("scipy.stats")


def test_without_shared_rows_it_is_the_t_interval() -> None:
    values = [0.91, 0.88, 0.95, 0.9]
    low, high = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    came = interval(values, 0.0)
    assert came.mean == pytest.approx(np.mean(values))
    assert (came.low, came.high) == pytest.approx((low, high))


def test_shared_rows_widen_it_by_the_correction() -> None:
    values = [0.91, 0.88, 0.95, 0.9]
    plain, wider = interval(values, 0.0), interval(values, 1 / 3)
    assert plain.high is not None
    assert wider.high is not None
    assert (wider.high - wider.mean) / (plain.high - plain.mean) == pytest.approx(math.sqrt((1 / 4 + 1 / 3) * 4))


def test_one_repetition_has_no_interval() -> None:
    assert interval([0.5], 0.3) == Interval(0.5, None, None)
    assert not interval([0.5], 0.3).beyond_zero


def test_resampled_repetitions_are_covered_about_as_often_as_said() -> None:
    """The mean of a fixed population, estimated on random test fifths: the ordinary interval covers far too seldom."""
    noise = np.random.default_rng(0)
    covered = {0.0: 0, 1 / 3: 0}
    for _ in range(400):
        rows = noise.normal(size=100)  # the data that all repetitions share; the truth is 0
        means = [float(noise.permutation(rows)[:20].mean()) for _ in range(10)]
        for correction in covered:
            came = interval(means, correction)
            assert came.low is not None
            assert came.high is not None
            covered[correction] += came.low <= 0 <= came.high
    assert covered[0.0] / 400 < 0.85
    assert covered[1 / 3] / 400 > 0.92


def test_differences_are_paired() -> None:
    hard = [0.5, 0.7, 0.9, 0.6]
    came = difference([0.510, 0.712, 0.909, 0.611], hard, 1 / 3)
    assert came.mean == pytest.approx(0.0105)
    assert came.beyond_zero
    assert not difference(hard[::-1], hard, 1 / 3).beyond_zero


def test_several_comparisons_widen_each() -> None:
    one, four = (difference([1.0, 2.0, 4.0], [0.0, 0.0, 0.0], 0.0, comparisons=n) for n in (1, 4))
    assert one.high is not None
    assert four.high is not None
    expected = stats.t.ppf(1 - 0.05 / 8, 2) / stats.t.ppf(0.975, 2)
    assert (four.high - four.mean) / (one.high - one.mean) == pytest.approx(expected)


def test_an_interval_of_shares_ends_at_0_and_1() -> None:
    assert within(Interval(0.98, 0.9, 1.06), 0.0, 1.0) == Interval(0.98, 0.9, 1.0)
    assert within(Interval(0.02, -0.1, 0.1), 0.0, 1.0) == Interval(0.02, 0.0, 0.1)
    assert within(Interval(0.5, None, None), 0.0, 1.0) == Interval(0.5, None, None)
    assert within(Interval(2.0, -1.0, 5.0), 0.0, math.inf) == Interval(2.0, 0.0, 5.0)


def test_cutting_an_interval_does_not_change_how_often_it_covers() -> None:
    """Two repetitions of a share near 1: the ends pass 1 more often than not, and what is cut never held the mean."""
    noise = np.random.default_rng(1)
    whole = cut = passed = 0
    for _ in range(500):
        came = interval(noise.beta(19, 1, size=2).tolist(), 0.0)  # its mean is 0.95
        ended = within(came, 0.0, 1.0)
        assert came.low is not None
        assert came.high is not None
        assert ended.low is not None
        assert ended.high is not None
        assert 0 <= ended.low <= ended.mean <= ended.high <= 1
        whole += came.low <= 0.95 <= came.high
        cut += ended.low <= 0.95 <= ended.high
        passed += came.high > 1
    assert cut == whole
    assert passed > 250
