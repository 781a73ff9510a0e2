"""The preference figure's numbers against formulas in mpmath, never through the library."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable

import mpmath
import pytest
import torch
from tests.each import each
from torch import Tensor

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result, Table
from slopes.explorer.figures.state import State
from slopes.explorer.site.loading import Loaded, load

BETA, SHARE, KL, SMOOTHING, TOKENS = 0.2, 0.3, 2.5, 0.1, 50.0


def s(x: mpmath.mpf) -> mpmath.mpf:
    return (1 + mpmath.tanh(x / 2)) / 2


def nats_of_odds(log_p: mpmath.mpf) -> mpmath.mpf:
    return log_p - mpmath.log1p(-mpmath.exp(log_p))


def log_odds_ratio(d: mpmath.mpf) -> mpmath.mpf:
    return nats_of_odds(-1 + SHARE * d / TOKENS) - nats_of_odds(-1 + (SHARE - 1) * d / TOKENS)


FORMULAS: dict[str, Callable[[mpmath.mpf], mpmath.mpf]] = {
    "dpo": lambda d: (
        (1 - SMOOTHING) * mpmath.log1p(mpmath.exp(-BETA * d)) + SMOOTHING * mpmath.log1p(mpmath.exp(BETA * d))
    ),
    "ipo": lambda d: (d - 1 / (2 * mpmath.mpf(BETA))) ** 2,
    "hinge": lambda d: max(mpmath.mpf(0), 1 - BETA * d),
    "kto": lambda d: (2 - s(BETA * (SHARE * d - KL)) - s(BETA * (KL - (SHARE - 1) * d))) / 2,
    "orpo": lambda d: mpmath.log1p(mpmath.exp(-log_odds_ratio(d))),
    "bradley_terry": lambda d: mpmath.log1p(mpmath.exp(-BETA * d)),
}


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["preference"]


def state(figure: Figure, **changes: object) -> State:
    return figure.parse([(name, str(value)) for name, value in changes.items()])


def result(figure: Figure, **changes: object) -> Result:
    return figure.compute(state(figure, **changes))


def cells(table: Table, head: str) -> tuple[str, ...]:
    return next(row for row in table.rows if row[0] == head)[1:]


@each("name", FORMULAS)
@each("scale", ["raw", "aligned"])
def test_lines_are_those_of_the_formula(figure: Figure, name: str, scale: str) -> None:
    given = {"beta": BETA, "share": SHARE, "kl": KL, "smoothing": SMOOTHING, "tokens": TOKENS, "at": 7.3}
    found = result(figure, losses=name, scale=scale, **given)
    formula, curve = FORMULAS[name], found.datasets["curves"]
    with mpmath.workdps(40):
        start, pull = formula(mpmath.mpf(0)), abs(mpmath.diff(formula, 0))
        less, unit = (start, pull) if scale == "aligned" else (0, 1)
        for i in range(0, len(curve["x"]), 11):
            d = mpmath.mpf(float(curve["x"][i]))
            assert math.isclose(curve["value"][i], (formula(d) - less) / unit, rel_tol=1e-12, abs_tol=1e-12)
            assert math.isclose(curve["slope"][i], mpmath.diff(formula, d) / unit, rel_tol=1e-10, abs_tol=1e-12)
        assert found.printed[0] == pytest.approx(float(formula(mpmath.mpf(7.3))), rel=1e-12)
        assert found.printed[1] == pytest.approx(float(mpmath.diff(formula, mpmath.mpf(7.3))), rel=1e-10)


def test_who_comes_to_rest_where(figure: Figure) -> None:
    found = result(figure, losses="dpo,ipo,hinge,kto", at=12)
    rests = {row[0]: row[-1] for row in found.readings.rows}
    assert rests == {"DPO": "never", "IPO": "5", "hinge": "10", "KTO": "never"}
    assert cells(found.readings, "IPO")[:3] == ("49", "14", "−140 %")
    assert cells(found.readings, "hinge")[:3] == ("0", "0", "0 %")
    # of 1/2 at the start, 1 / (1 + e^1.2) is left
    assert cells(found.readings, "DPO")[2] == "46.3 %"
    assert found.datasets["rests"]["x"] == [5.0, 10.0]
    assert "IPO is past its target 5" in found.reading
    assert "the hinge has stopped at 10" in found.reading
    smoothed = result(figure, losses="dpo", smoothing=0.2, at=20)
    assert smoothed.datasets["rests"]["x"] == [pytest.approx(10 * math.log(4), rel=1e-14)]
    assert "pulls back to 13.9" in smoothed.reading


def test_the_sentence_says_on_which_side_one_is(figure: Figure) -> None:
    assert "IPO pushes towards its target 5" in result(figure, at=4.9).reading
    assert "IPO is at rest at its target 5" in result(figure, at=5).reading
    assert "the hinge pushes evenly until 10" in result(figure, at=9.9).reading
    assert "DPO pushes, and will never stop" in result(figure, at=0).reading
    assert "with ε = 0.2 pushes" in result(figure, losses="dpo", smoothing=0.2, at=3).reading


def test_the_hinge_jumps_where_it_stops(figure: Figure) -> None:
    curve = result(figure, losses="hinge", scale="raw", beta=0.16).datasets["curves"]
    gaps = [float(x) for x, slope in zip(curve["x"], curve["slope"], strict=True) if math.isnan(slope)]
    assert gaps == [6.25]


def test_the_margin_may_grow_while_the_chosen_answer_falls(figure: Figure) -> None:
    even = result(figure, losses="dpo,ipo,hinge,kto", at=10)
    fallen = result(figure, losses="dpo,ipo,hinge,kto", at=10, share=-0.5)
    assert fallen.printed[:6] == pytest.approx(even.printed[:6], rel=1e-12, abs=1e-12)
    assert fallen.printed[6] > even.printed[6]
    # with s outside [0, 1] KTO's own path turns, where 3 σ'(β 3 Δ / 2) = σ'(β Δ / 2)
    turn = mpmath.findroot(lambda d: 3 * mpmath.sech(0.075 * d) ** 2 - mpmath.sech(0.025 * d) ** 2, 15)
    assert cells(fallen.readings, "KTO")[-1] == f"about {mpmath.nstr(turn, 3)}"
    # e^-5 and e^-15
    assert "the chosen one is 0.0067 times as likely as under the reference" in fallen.reading
    assert "the rejected one 3.1 × 10⁻⁷ times" in fallen.reading


def test_no_probability_is_above_one(figure: Figure) -> None:
    found = result(figure, losses="orpo", share=1, tokens=10, at=11)
    curve = found.datasets["curves"]
    last = max(float(x) for x, value in zip(curve["x"], curve["value"], strict=True) if not math.isnan(value))
    assert last == pytest.approx(10.0)  # e^(-1 + 10 / 10) is 1
    assert "a probability would be above 1" in found.reading
    assert cells(found.readings, "ORPO") == ("none", "none", "none", "never")


def test_the_reward_models_worked_pair(figure: Figure) -> None:
    found = result(figure, losses="bradley_terry", beta=1, at=0.51)
    assert found.printed[0] == pytest.approx(0.470313318045, abs=5e-13)
    assert "a probability of 0.625" in found.reading


def test_sizes_as_they_are(figure: Figure) -> None:
    # 2 · 5 against 0.1 / 2
    assert "the slope of IPO is 200 times that of DPO" in result(figure, losses="dpo,ipo", scale="raw", at=0).reading


def test_kto_pulls_most_where_a_log_ratio_meets_the_divergence(figure: Figure) -> None:
    found = result(figure, losses="kto", kl=8, beta=0.5, scale="raw", share=0.4)
    assert "the chosen one's at Δ = 20 and the rejected one's at −13.3" in found.reading
    curve = found.datasets["curves"]
    steepest = float(curve["x"][int(torch.tensor(curve["slope"]).argmin())])
    assert steepest == pytest.approx(-8 / 0.6, abs=0.4)


def test_a_loss_that_grows_out_of_the_plot_says_so(figure: Figure) -> None:
    found = result(figure, losses="dpo,ipo")
    assert found.datasets["ends"]["label"] == ["DPO", "IPO ↑"]
    assert result(figure, losses="ipo").datasets["ends"]["label"] == ["IPO"]


def squared(score: Tensor, target: Tensor) -> Tensor:
    return (score - 2 * target) ** 2


def broken(score: Tensor, target: Tensor) -> Tensor:
    msg = f"out of order at {score.shape} and {target.shape}"
    raise ArithmeticError(msg)


def with_own(loss: Callable[..., Tensor]) -> Figure:
    return load([loss]).figures["preference"]


def test_the_visitors_own_loss_sees_the_implicit_reward_margin() -> None:
    found = result(with_own(squared), losses="yours,hinge", at=5, beta=0.2)
    # (0.2 · 5 - 2)^2, and 0.2 · 2 · (1 - 2)
    assert found.printed[:2] == pytest.approx((1.0, -0.4), rel=1e-14)
    assert cells(found.readings, "squared")[-1] == "about 10"  # 2 / 0.2
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(found.snippet, "snippet", "exec"), {"squared": squared})  # noqa: S102  our own text
    assert [float(part) for part in out.getvalue().split()] == pytest.approx(found.printed, rel=1e-12)


def test_a_loss_that_fails_is_named_and_the_others_stay() -> None:
    found = result(with_own(broken), losses="yours,dpo")
    (problem,) = found.problems
    assert problem.title == "broken could not be drawn"
    assert "out of order" in problem.text
    assert [row[0] for row in found.readings.rows] == ["DPO"]
    alone = result(with_own(broken), losses="yours")
    assert alone.reading.startswith("Nothing could be drawn")
