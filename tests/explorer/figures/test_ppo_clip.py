"""The ppo-clip figure's numbers against min and clip in plain Python, its slopes against differences."""

from __future__ import annotations

import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.site.loading import Loaded

STATES = [
    (1.5, 1.0, 0.2),
    (0.5, 1.0, 0.2),
    (1.1, 2.5, 0.2),
    (0.6, -1.0, 0.2),
    (2.5, -1.0, 0.2),
    (0.95, -0.3, 0.1),
    (1.0, -2.0, 0.05),
    (0.02, 1.0, 0.9),
    (1.0, 0.0, 0.2),
]


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["ppo-clip"]


def result(figure: Figure, r: float, a: float, eps: float = 0.2, by: str = "ratio") -> Result:
    return figure.compute(figure.parse([("r", repr(r)), ("a", repr(a)), ("eps", repr(eps)), ("by", by)]))


def objective(r: float, a: float, eps: float) -> float:
    return min(r * a, sorted((1 - eps, r, 1 + eps))[1] * a)


def difference(r: float, a: float, eps: float) -> float:
    return (objective(r + 1e-6, a, eps) - objective(r - 1e-6, a, eps)) / 2e-6


@each(("r", "a", "eps"), STATES)
def test_objective_and_slopes(figure: Figure, r: float, a: float, eps: float) -> None:
    value, by_ratio, by_log = result(figure, r, a, eps).printed
    assert value == pytest.approx(objective(r, a, eps), rel=1e-12)
    assert by_ratio == pytest.approx(difference(r, a, eps), abs=1e-8)
    assert by_log == pytest.approx(r * difference(r, a, eps), abs=1e-8)


@each("by", ["ratio", "log"])
def test_lines_of_both_signs(figure: Figure, by: str) -> None:
    found = result(figure, 1.0, 1.5, 0.3, by)
    for name, a in (("curve", 1.5), ("other", -1.5)):
        columns = found.datasets[name]
        for r, value, slope in list(zip(columns["x"], columns["value"], columns["slope"], strict=True))[::7]:
            if min(abs(r - 0.7), abs(r - 1.3)) < 1e-5:
                continue
            assert value == pytest.approx(objective(r, a, 0.3), rel=1e-12)
            assert slope == pytest.approx((r if by == "log" else 1) * difference(r, a, 0.3), abs=1e-8)


@each(
    ("r", "a", "eps", "said"),
    [
        (1.5, 1.0, 0.2, "above 1.2: the slope is 0."),
        (0.6, -1.0, 0.2, "below 0.8: the slope is 0."),
        (0.5, 1.0, 0.2, "full slope of 1 by r and 0.5 by the log-probability"),
        (2.5, -1.0, 0.2, "full slope of −1 by r and −2.5 by the log-probability"),
        (1.1, 2.5, 0.2, "within 0.8 to 1.2, where nothing is clipped: the slope by r is the advantage itself, 2.5"),
        (0.8, 1.0, 0.2, "within 0.8 to 1.2"),
        (1.2, 1.0, 0.2, "one step further up, and the slope is 0"),
        (0.8, -1.0, 0.2, "one step further down, and the slope is 0"),
        (1.2, 0.0, 0.2, "nothing pulls"),
    ],
)
def test_the_sentence(figure: Figure, r: float, a: float, eps: float, said: str) -> None:
    assert said in result(figure, r, a, eps).reading


def test_which_term_counts(figure: Figure) -> None:
    def counts(r: float, a: float) -> str:
        return result(figure, r, a).readings.rows[2][1]

    assert counts(1.5, 1) == "1.2 (clipped)"
    assert counts(0.5, 1) == "0.5 (unclipped)"
    assert counts(2.5, -1) == "−2.5 (unclipped)"
    assert counts(0.6, -1) == "−0.8 (clipped)"
    assert counts(1.1, 1) == "1.1 (the same)"


@each(("a", "stretch"), [(1.0, (1.2, 3.0)), (-1.0, (0.0, 0.8)), (0.0, (0.0, 3.0))])
def test_the_shade_is_where_nothing_pulls(figure: Figure, a: float, stretch: tuple[float, float]) -> None:
    shade = result(figure, 1.0, a).datasets["stopped"]
    assert (shade["x"][0], shade["x2"][0]) == pytest.approx(stretch)


def test_every_case_is_listed(figure: Figure) -> None:
    cases = result(figure, 1.0, 2.0).tables[0]
    assert [row[2] for row in cases.rows] == [
        "the unclipped term", "either, they are equal", "the clipped term",
        "the clipped term", "either, they are equal", "the unclipped term",
    ]  # fmt: skip
    assert [row[3:5] for row in cases.rows] == [
        ("1.4", "2"), ("2", "2"), ("2.4", "0"), ("−1.6", "0"), ("−2", "−2"), ("−2.6", "−2"),
    ]  # fmt: skip
