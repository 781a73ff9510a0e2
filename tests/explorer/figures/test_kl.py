"""The KL figure's numbers against sums by hand and integrals in NumPy, never through the library."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.kl.bumps import Fit, Target, fitted
from slopes.explorer.figures.result import Result, Table
from slopes.explorer.figures.state import StateError
from slopes.explorer.site.loading import Loaded

P, Q = (0.7, 0.2, 0.1), (0.5, 0.3, 0.2)
X = np.linspace(-40, 40, 80_001)


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["kl"]


def result(figure: Figure, **changes: float) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


def cells(table: Table, head: str) -> tuple[str, ...]:
    return next(row for row in table.rows if row[0] == head)[1:]


def log_target(target: Target) -> NDArray[np.float64]:
    left, right = (-((X - at) ** 2) / (2 * target.width**2) for at in (-target.distance / 2, target.distance / 2))
    mixed = np.logaddexp(math.log(target.left) + left, math.log(1 - target.left) + right)
    return np.asarray(mixed - math.log(target.width * math.sqrt(2 * math.pi)))


def log_gaussian(mean: float, deviation: float) -> NDArray[np.float64]:
    return np.asarray(-((X - mean) ** 2) / (2 * deviation**2) - math.log(deviation * math.sqrt(2 * math.pi)))


def integral(values: NDArray[np.float64]) -> float:
    return float(values.sum() * (X[1] - X[0]))


def reverse_by_integral(target: Target, mean: float, deviation: float) -> float:
    log_q = log_gaussian(mean, deviation)
    return integral(np.exp(log_q) * (log_q - log_target(target)))


def forward_by_integral(target: Target, mean: float, deviation: float) -> float:
    log_p = log_target(target)
    return integral(np.exp(log_p) * (log_p - log_gaussian(mean, deviation)))


def test_the_worked_pair(figure: Figure) -> None:
    found = result(figure)
    forward, reverse, js, entropy_p, entropy_q, cross_pq, cross_qp = found.printed[:7]
    assert forward == pytest.approx(0.0851228259572, abs=5e-14)
    assert reverse == pytest.approx(0.0920328502338, abs=5e-14)
    assert entropy_p == pytest.approx(-sum(p * math.log(p) for p in P), rel=1e-14)
    assert entropy_q == pytest.approx(-sum(q * math.log(q) for q in Q), rel=1e-14)
    assert cross_pq == pytest.approx(-(0.7 * math.log(0.5) + 0.2 * math.log(0.3) + 0.1 * math.log(0.2)), rel=1e-14)
    assert cross_qp == pytest.approx(-(0.5 * math.log(0.7) + 0.3 * math.log(0.2) + 0.2 * math.log(0.1)), rel=1e-14)
    # by the mixture (.6, .25, .15)
    halves = [0.7 * math.log(7 / 6), 0.2 * math.log(0.8), 0.1 * math.log(2 / 3)]
    halves += [0.5 * math.log(5 / 6), 0.3 * math.log(1.2), 0.2 * math.log(4 / 3)]
    assert js == pytest.approx(sum(halves) / 2, rel=1e-13)
    assert cells(found.readings, "KL(p‖q)") == ("0.0851228", "0.122806")


def test_gradients_by_the_logits_of_q(figure: Figure) -> None:
    pulls = result(figure).datasets["pulls"]["gradient"]
    reverse = 0.0920328502338
    assert pulls[0::2] == pytest.approx([-0.2, 0.1, 0.1], abs=1e-15)
    by_hand = [q * (math.log(q / p) - reverse) for p, q in zip(P, Q, strict=True)]
    assert pulls[1::2] == pytest.approx(by_hand, rel=1e-10)


def test_what_q_rules_out_makes_the_forward_direction_infinite(figure: Figure) -> None:
    found = result(figure, q_sun=0.5, q_rain=0.5, q_snow=0)
    assert math.isinf(found.printed[0])
    assert found.printed[1] == pytest.approx(0.5 * math.log(5 / 7) + 0.5 * math.log(2.5), rel=1e-14)
    assert "q rules snow out and p does not, so KL(p‖q) is infinite" in found.reading
    # descent cannot see the outcome in the reverse direction: its gradient is 0 where q is 0
    assert found.datasets["pulls"]["gradient"][0::2] == pytest.approx([-0.2, 0.3, -0.1], abs=1e-15)
    assert found.datasets["pulls"]["gradient"][5] == 0
    assert found.datasets["pulls_ends"]["label"] == ["KL(p‖q) = ∞", "KL(q‖p)"]


def test_what_p_rules_out_makes_the_reverse_direction_infinite(figure: Figure) -> None:
    found = result(figure, p_sun=0.5, p_rain=0.5, p_snow=0)
    assert found.printed[0] == pytest.approx(0.5 * math.log(5 / 3), rel=1e-14)
    assert math.isinf(found.printed[1])
    assert "p rules snow out and q does not, so KL(q‖p) is infinite" in found.reading
    assert all(math.isnan(v) for v in found.datasets["pulls"]["gradient"][1::2])


def test_nothing_in_common(figure: Figure) -> None:
    found = result(figure, p_rain=0, p_snow=0, q_sun=0, q_rain=0)
    assert found.printed[2] == pytest.approx(math.log(2), rel=1e-15)
    assert "both directions are infinite" in found.reading


def test_a_side_without_any_weight_is_refused(figure: Figure) -> None:
    with pytest.raises(StateError, match="weights of q are all 0"):
        figure.parse([("q_sun", "0"), ("q_rain", "0"), ("q_snow", "0")])


TARGETS = [
    Target(distance=distance, width=width, left=left)
    for distance, width, left in [(7.0, 1.0, 0.5), (5.0, 1.0, 0.5), (6.0, 0.8, 0.8), (3.0, 0.5, 0.35), (8.0, 1.5, 0.2)]
]


@each("target", TARGETS)
def test_the_forward_fit_has_the_targets_mean_and_variance(target: Target) -> None:
    fit = fitted(target).forward
    mean = (1 - target.left) * target.distance / 2 - target.left * target.distance / 2
    variance = target.width**2 + target.distance**2 / 4 - mean**2
    assert fit.mean == pytest.approx(mean, abs=1e-4)
    assert fit.deviation == pytest.approx(math.sqrt(variance), rel=1e-4)
    assert fit.forward == pytest.approx(forward_by_integral(target, fit.mean, fit.deviation), rel=1e-4)


@each("target", TARGETS)
def test_no_gaussian_is_nearer_in_the_reverse_direction(target: Target) -> None:
    fit = fitted(target).reverse
    least = reverse_by_integral(target, fit.mean, fit.deviation)
    assert fit.reverse == pytest.approx(least, rel=1e-4)
    for mean, deviation in [(0.03, 1), (-0.03, 1), (0, 1.03), (0, 0.97)]:
        assert reverse_by_integral(target, fit.mean + mean, fit.deviation * deviation) > least
    middle = [(0.0, target.width * (1 + 0.25 * i)) for i in range(9)]
    places = [(-target.distance / 2, target.width), (target.distance / 2, target.width), *middle]
    assert all(reverse_by_integral(target, *place) > least - 1e-9 for place in places)


def test_reverse_settles_on_one_bump_only_when_they_are_far_apart(figure: Figure) -> None:
    apart, touching = result(figure, distance=7), result(figure, distance=5)
    assert "settles on the right one, 1 wide; the other bump would do as well" in apart.reading
    assert "covers both bumps too, 2.39 wide" in touching.reading
    assert "settles on the left one" in result(figure, distance=6, left=0.8).reading
    assert "settles" not in result(figure, distance=0).reading
    # far apart one bump misses half of the target: log 2
    assert fitted(Target(distance=8.0, width=0.5, left=0.5)).reverse.reverse == pytest.approx(math.log(2), abs=1e-9)
    # what the correction says: two equal bumps are covered up to about 5.6 widths
    assert abs(fitted(Target(distance=5.6, width=1.0, left=0.5)).reverse.mean) < 1e-6
    assert fitted(Target(distance=5.7, width=1.0, left=0.5)).reverse.mean > 2


def test_divergences_as_the_gaussian_is_moved(figure: Figure) -> None:
    target = Target(distance=6.0, width=1.2, left=0.3)
    found = result(figure, distance=6, width=1.2, left=0.3, mean=-2.5)
    fits = fitted(target)
    for i, by_integral, fit in ((0, forward_by_integral, fits.forward), (1, reverse_by_integral, fits.reverse)):
        reading = found.datasets["reading"]["nats"][i]
        assert reading == pytest.approx(by_integral(target, -2.5, fit.deviation), rel=1e-4)
        profile = found.datasets["profiles"]
        half = len(profile["x"]) // 2
        for j in range(i * half, (i + 1) * half, 7):
            x, step = float(profile["x"][j]), 1e-3
            assert profile["nats"][j] == pytest.approx(by_integral(target, x, fit.deviation), rel=1e-4)
            rise = by_integral(target, x + step, fit.deviation) - by_integral(target, x - step, fit.deviation)
            assert found.datasets["slopes"]["nats"][j] == pytest.approx(rise / (2 * step), rel=1e-3, abs=1e-4)


def test_densities_are_drawn_as_densities(figure: Figure) -> None:
    drawn = result(figure, distance=4, width=0.8, left=0.25).datasets["densities"]
    target = Target(distance=4.0, width=0.8, left=0.25)
    third = len(drawn["x"]) // 3
    expected = np.interp(drawn["x"][:third], X, np.exp(log_target(target)))
    assert drawn["density"][:third] == pytest.approx(expected, abs=1e-6)
    step = drawn["x"][1] - drawn["x"][0]
    fit: Fit = fitted(target).reverse
    assert drawn["density"][2 * third :].sum() * step == pytest.approx(1, abs=1e-3)
    assert drawn["density"][2 * third :].max() == pytest.approx(1 / (fit.deviation * math.sqrt(2 * math.pi)), rel=2e-3)
