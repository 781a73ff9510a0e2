"""The regression-losses figure against other definitions of its losses, and the worked figures of the houses.

The library clamps residuals; here Huber is the Moreau envelope of the absolute value, found by search, smooth L1 the
integral of its slope, and the pinball loss a weighting of the two sides.
"""

from __future__ import annotations

import math
import tomllib
from pathlib import Path

import mpmath
import pytest
import torch
from tests.each import each
from torch import Tensor

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.regression_losses.figure import build
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.state import State, StateError
from slopes.explorer.yours.broken import BrokenFunctionError
from slopes.explorer.yours.guarded import GuardedLoss

WORKED = {
    row["id"]: row
    for row in tomllib.loads((Path(__file__).parents[2] / "worked_examples.toml").read_text("utf-8"))["example"]
}
HOUSES = {"losses": "mse,mae,huber", "r": 220, "delta": 15, "from": -60, "to": 240}


def context(loss: GuardedLoss | None = None, broken: BrokenFunctionError | None = None) -> Context:
    return Context(catalog=(), costs=Costs(lambda _: None, {}), loss=loss, broken=broken)


@pytest.fixture(scope="module")
def figure() -> Figure:
    return build(context())


def compute(figure: Figure, changes: dict[str, object]) -> Result:
    state: State = figure.parse([(name, str(value)) for name, value in changes.items()])
    return figure.compute(state)


def envelope(r: float, delta: float) -> float:
    """Huber: the least of ½(r - s)² + delta |s| over all s, which is convex in s."""
    low, high = -abs(r), abs(r)
    cost = lambda s: (r - s) ** 2 / 2 + delta * abs(s)  # noqa: E731
    for _ in range(200):
        third = (high - low) / 3
        low, high = (low + third, high) if cost(low + third) > cost(high - third) else (low, high - third)
    return cost((low + high) / 2)


def integral(r: float, beta: float) -> float:
    """Smooth L1: its slope, t / beta up to 1, added up from the target to the residual."""
    bend = min(abs(r), beta)
    return float(mpmath.quad(lambda t: t / beta, [0, bend]) + mpmath.quad(lambda _: 1, [bend, abs(r)]))


@each("r", [-3.7, -1.0, -0.3, 0.2, 1.5, 4.0])
@each(("delta", "beta", "tau"), [(1.0, 1.0, 0.5), (0.4, 2.5, 0.9), (6.0, 0.3, 0.05)])
def test_values_under_the_cursor(figure: Figure, r: float, delta: float, beta: float, tau: float) -> None:
    asked = {"losses": "mse,mae,huber,smooth_l1,quantile", "r": r, "delta": delta, "beta": beta, "tau": tau}
    read = compute(figure, asked).datasets["reading"]
    below, above = max(-r, 0.0), max(r, 0.0)
    expected = [r**2, below + above, envelope(r, delta), integral(r, beta), tau * below + (1 - tau) * above]
    assert read["value"] == pytest.approx(expected, rel=1e-9)


@each(
    ("r", "expected"),
    [
        (3.0, [6.0, 1.0, 2.0, 1.0, 0.25]),
        (1.0, [2.0, 1.0, 1.0, 1.0, 0.25]),
        (0.0, [0.0, 0.0, 0.0, 0.0, 0.0]),
        (-0.25, [-0.5, -1.0, -0.25, -0.5, -0.75]),
        (-5.0, [-10.0, -1.0, -2.0, -1.0, -0.75]),
    ],
)
def test_slopes_under_the_cursor_by_hand(figure: Figure, r: float, expected: list[float]) -> None:
    asked = {"losses": "mse,mae,huber,smooth_l1,quantile", "r": r, "delta": 2, "beta": 0.5, "tau": 0.75}
    assert compute(figure, asked).datasets["reading"]["slope"] == expected


def test_the_lines_are_those_of_the_definitions(figure: Figure) -> None:
    asked = {"losses": "huber,smooth_l1", "delta": 1.3, "beta": 0.7, "from": -3.3, "to": 5}
    curve = compute(figure, asked).datasets["curves"]
    assert {curve["x"][0], curve["x"][-1]} == {-3.3, 5.0}
    for i in range(0, len(curve["x"]), 11):
        r = curve["x"][i]
        value = envelope(r, 1.3) if curve["series"][i] == "huber" else integral(r, 0.7)
        assert curve["value"][i] == pytest.approx(value, rel=1e-9, abs=1e-15)


def test_slopes_that_jump_have_a_gap_and_those_that_bend_have_none(figure: Figure) -> None:
    curve = compute(figure, {"losses": "mse,mae,huber,quantile"}).datasets["curves"]
    gaps = {(name, x) for name, x, s in zip(curve["series"], curve["x"], curve["slope"], strict=True) if math.isnan(s)}
    assert gaps == {("mae", 0.0), ("quantile", 0.0)}
    assert {-1.5, 0.0, 1.5} <= set(curve["x"])  # Huber bends at its delta, and nowhere between two points


def test_the_houses_have_the_worked_figures(figure: Figure) -> None:
    result = compute(figure, HOUSES)
    mse, mae, huber = result.tables[0].rows
    assert mse[4] == f"{float(WORKED['houses-mse']['exact']):.0f}"
    assert mae[4] == f"{float(WORKED['houses-mae']['exact']):.0f}"
    a, b, c, mean = (float(figure) for figure in WORKED["houses-huber"]["exact"])
    assert [cell.split(",")[0] for cell in huber[1:4]] == [f"{a:.0f}", f"{b:.0f}", f"{c:.1f}"]
    assert huber[4] == f"{mean:.3f}"
    assert mse[5] == f"{float(WORKED['houses-mse-share']['exact']):.1f} %"
    assert mae[5] == f"{float(WORKED['houses-mae-share']['exact']):.1f} %"
    fall = f"{float(WORKED['houses-huber-drop']['exact']):.1f} %"
    assert any(f"falls by {fall}" in correction.holds for correction in result.corrections)


def test_who_gets_the_gradient_by_hand(figure: Figure) -> None:
    """Slopes 20, 20, 440; 1, 1, 1; 10, 10, 15; and of the pinball loss at 0.9: 0.1, 0.9, 0.1."""
    result = compute(figure, {**HOUSES, "losses": "mse,mae,huber,quantile"})
    assert [row[6] for row in result.tables[0].rows] == ["91.7 %", "33.3 %", "42.9 %", "9.09 %"]
    bars = result.datasets["shares"]
    ends = [bars["slope_end"][i] for i in range(12)]
    expected = [20 / 480, 40 / 480, 1, 1 / 3, 2 / 3, 1, 10 / 35, 20 / 35, 1, 0.1 / 1.1, 1 / 1.1, 1]
    assert ends == pytest.approx(expected, rel=1e-12)
    assert bars["slope_start"] == pytest.approx([v for i in (0, 3, 6, 9) for v in (0, *expected[i : i + 2])], rel=1e-12)
    assert result.datasets["houses"]["label"] == ["A", "B", "C"]
    assert result.datasets["houses"]["x"] == [10, -10, 220]


@each(
    ("changes", "said"),
    [
        ({"losses": "mse,mae", "r": 4}, "the MSE pulls 8 times as hard as the MAE"),
        ({"losses": "mse,mae,huber", "r": 4, "delta": 1}, "8 times as hard as the MAE and Huber"),
        ({"losses": "mse,huber", "r": 1}, "Up to its δ of 1.5 Huber is ½r², and pulls half as hard as the MSE"),
        ({"losses": "mse,mae", "r": 0.05}, "the MAE pulls 10 times as hard as the MSE"),
        ({"losses": "mse,mae", "r": 0}, "At r = 0 nothing pulls"),
        ({"losses": "mae", "r": -7}, "At r = −7 the MAE pulls with 1"),
        ({"losses": "huber,smooth_l1", "delta": 1, "beta": 1}, "At 1, and nowhere else"),
        ({"losses": "huber,smooth_l1", "delta": 3, "beta": 3}, "Huber is 3 times smooth L1, value and slope"),
        ({"losses": "huber,smooth_l1", "delta": 3, "beta": 1}, "Huber pulls with its δ, 3; smooth L1 with 1"),
        ({"losses": "quantile", "tau": 0.9}, "too low 9 times as dear as one too high, so 90 %"),
        ({"losses": "quantile", "tau": 0.2}, "too high 4 times as dear as one too low, so 20 %"),
        ({"losses": "quantile", "tau": 0.5}, "half of the MAE"),
        (HOUSES, "C takes 91.7 % of the MSE's gradient and 33.3 % of the MAE's"),
    ],
)
def test_the_sentence_says_what_holds(figure: Figure, changes: dict[str, object], said: str) -> None:
    assert said in compute(figure, changes).reading


@each(
    ("changes", "said"),
    [
        (
            {"losses": "mse,mae"},
            "the MSE's pull is 6 times the MAE's, and with y in a unit 1000 times smaller (r = 3000)",
        ),
        ({"losses": "mse,mae"}, "(r = 3000) 6000 times."),
        ({"losses": "mae,mse", "r": 0.05}, "the MSE's pull is 0.1 times the MAE's"),
        ({"losses": "mae,mse", "r": 0.05}, "(r = 50) 100 times."),
        ({"losses": "mse,quantile", "r": -2, "tau": 0.9}, "the MSE's pull is 4.44 times the pinball loss's"),
        ({"losses": "mse,quantile", "r": -2, "tau": 0.9}, "(r = −2000) 4440 times."),
        ({"losses": "huber,smooth_l1", "delta": 2, "beta": 2}, "Huber's pull is 2 times smooth L1's"),
        ({"losses": "huber,smooth_l1", "delta": 2, "beta": 2}, "(r = 3000, δ and β likewise) 2000 times."),
        ({}, "The MSE and Huber are in the square of y's unit, their pulls in the unit; the MAE and the pinball"),
        ({"losses": "mse,mae", "r": 0}, "its pull in none. So how they compare depends on the unit."),
        ({"losses": "quantile,mae"}, "they compare alike whatever y is measured in"),
    ],
)
def test_losses_of_two_units_say_so_with_the_comparison_in_another_unit(
    figure: Figure, changes: dict[str, object], said: str
) -> None:
    assert said in compute(figure, changes).readings.note


def test_one_loss_alone_is_compared_with_nothing(figure: Figure) -> None:
    assert not compute(figure, {"losses": "mse"}).readings.note


def test_corrections_have_the_right_factors(figure: Figure) -> None:
    held = {c.stated: c.holds for c in compute(figure, {}).corrections}
    assert "9 at r = 3" in held["MSE (½r²)"]
    assert "4.5 there" in held["MSE (½r²)"]
    assert "1.5 against 3" in held["At q = 0.5 the quantile loss is MAE."]
    # 24,200 to 3,187.5, by hand
    assert "from ½r² it falls by 86.8 %" in held["Huber lowers house C's contribution by 93 %."]


def test_an_empty_range_is_refused(figure: Figure) -> None:
    with pytest.raises(StateError, match="from must be less than to"):
        compute(figure, {"from": 2, "to": 2})


def own(predictions: Tensor, targets: Tensor) -> Tensor:
    return (predictions - targets).cosh().log()


def test_the_visitors_loss_is_a_line_among_the_others() -> None:
    figure = build(context(GuardedLoss(own, "log_cosh")))
    result = compute(figure, {"losses": "yours,mse", "r": 1.5})
    assert result.datasets["reading"]["value"][0] == pytest.approx(float(mpmath.log(mpmath.cosh(1.5))), rel=1e-12)
    assert result.datasets["reading"]["slope"][0] == pytest.approx(float(mpmath.tanh(1.5)), rel=1e-12)
    assert result.datasets["ends"]["label"] == ["log_cosh", "MSE"]
    assert not result.problems
    assert "log_cosh(r, zero).mean()" in result.snippet


def test_a_loss_that_raises_is_told_and_the_others_are_drawn() -> None:
    def fails(_: Tensor, __: Tensor) -> Tensor:
        raise KeyError("weights")  # noqa: EM101

    result = compute(build(context(GuardedLoss(fails, "fails"))), {"losses": "yours,mse"})
    assert [p.title for p in result.problems] == ["fails could not be drawn"]
    assert "KeyError" in result.problems[0].text
    assert result.datasets["ends"]["label"] == ["MSE"]


def test_alone_and_broken_it_leaves_an_empty_figure() -> None:
    broken = GuardedLoss(lambda p, _: torch.zeros(len(p)), "flat")
    result = compute(build(context(broken)), {"losses": "yours"})
    assert len(result.problems) == 1
    assert result.reading == "Nothing could be drawn; the reason stands above."


def test_what_could_not_be_loaded_is_told() -> None:
    result = compute(build(context(broken=BrokenFunctionError("There is no file mine.py."))), {})
    assert [p.text for p in result.problems] == ["There is no file mine.py."]
