"""The confidence figure, against closed forms in the probability of the right class and worked figures."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.each import each
from torch import Tensor

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.site.loading import Loaded, load

WORKED = Path(__file__).parents[2] / "worked_examples.toml"
UNSURE = {"odds": -math.log(4), "share": 0.375}  # p = (0.2, 0.5, 0.3)
CERTAIN = {"odds": -math.log(99), "share": 1 / 99}  # p = (0.01, 0.98, 0.01)
MINUS = str.maketrans("−", "-")


@pytest.fixture
def one(loaded: Loaded) -> Figure:
    return loaded.figures["confidence"]


@pytest.fixture(scope="module")
def worked() -> dict[str, Any]:
    return {example["id"]: example["exact"] for example in tomllib.loads(WORKED.read_text())["example"]}


def at(figure: Figure, **changes: float | str) -> Result:
    return figure.compute({**figure.default(), **changes})


def bars(result: Result, method: str) -> list[float]:
    data = result.datasets["bars"]
    return [bar for bar, of in zip(data["bar"], data["method"], strict=True) if of == method]


@each("share", [0.02, 0.375, 0.5])
def test_lines_follow_their_closed_forms_in_p(one: Figure, share: float) -> None:
    data = at(one, share=share).datasets
    curves, partial = data["curves"], data["partial"]
    spread = 1 + (1 - share) ** 2 + share**2
    for series, u, value, slope in zip(*(curves[c] for c in ("series", "x", "value", "slope")), strict=True):
        p = 1 / (1 + math.exp(-u))
        wrong = 1 / (1 + math.exp(u))
        if series == "cross-entropy":
            assert value == pytest.approx(math.log1p(math.exp(-u)), rel=1e-13)
            assert slope == pytest.approx(-wrong, rel=1e-13)
        else:
            assert value == pytest.approx(wrong**2 * spread, rel=1e-9)
            assert slope == pytest.approx(-2 * p * wrong**2 * spread, rel=1e-9)
    for u, slope in zip(partial["x"], partial["slope"], strict=True):
        assert slope == pytest.approx(-2 / (1 + math.exp(-u)) / (1 + math.exp(u)) ** 2, rel=1e-9)
    assert (curves["x"][0], curves["x"][-1]) == (-12, 12)


def test_the_worked_prediction_has_the_exact_gradients(one: Figure, worked: dict[str, Any]) -> None:
    result = at(one, **UNSURE)
    for method, example in (("MSE", "robot-mse-dz-full"), ("MSE, diagonal", "robot-mse-dz-diagonal")):
        assert bars(result, method) == pytest.approx([float(v) for v in worked[example]], rel=1e-12)
    assert [result.printed[0], *bars(result, "cross-entropy")] == pytest.approx(
        [float(v) for v in worked["robot-ce"]], rel=1e-11
    )
    assert result.printed[4] == pytest.approx(float(worked["robot-mse"]), rel=1e-12)


def test_the_mean_is_a_third_of_the_sum(one: Figure, worked: dict[str, Any]) -> None:
    for state, exact in zip((UNSURE, CERTAIN), worked["mse-on-classes"], strict=True):
        mean = at(one, **state, mse="mean")
        assert mean.printed[4] == pytest.approx(float(exact), rel=1e-11)
        assert bars(mean, "MSE") == pytest.approx([v / 3 for v in bars(at(one, **state), "MSE")], rel=1e-12)
        assert bars(mean, "cross-entropy") == bars(at(one, **state), "cross-entropy")


def test_wrong_beyond_doubt_cross_entropy_gives_1_and_mse_nothing(one: Figure) -> None:
    result = at(one, odds=-12.0)
    assert bars(result, "cross-entropy")[0] == pytest.approx(-1, abs=1e-5)
    assert -1e-4 < bars(result, "MSE")[0] < 0
    assert "times less" in result.reading


def test_mse_lifts_a_wrong_class_and_the_reading_says_so(one: Figure) -> None:
    result = at(one, **CERTAIN)
    assert bars(result, "MSE") == pytest.approx([-0.038812, 0.057624, -0.018812], abs=1e-12)  # p (g - p.g) by hand
    assert "MSE also lifts fox, a wrong class, with 0.0188." in result.reading
    assert "more than it lifts cat" in at(one).reading
    assert "fox" not in at(one, **UNSURE).reading


def test_mse_pulls_hardest_at_a_third_whatever_the_others_share(one: Figure) -> None:
    for share in (0.001, 0.5):
        curves = at(one, share=share).datasets["curves"]
        pulls = [(s, x) for s, x, of in zip(curves["slope"], curves["x"], curves["series"], strict=True) if of == "MSE"]
        assert min(pulls)[1] == pytest.approx(-math.log(2), abs=0.125)
    assert "Here MSE pulls hardest" in at(one, odds=-0.693147).reading
    assert "MSE pulls hardest at p = 1/3" in at(one, odds=0.5).reading
    assert "let go" in at(one, odds=5.0).reading


def test_true_gradients_sum_to_zero_and_the_diagonal_does_not(one: Figure) -> None:
    *_, total = at(one, **UNSURE).readings.rows
    assert total == ("sum", "1", "0", "0", "0.12")  # -0.256 + 0.250 + 0.126


def test_corrections_give_the_figures_that_hold(one: Figure) -> None:
    diagonal, signs, louder, _, doubles = (c.holds.translate(MINUS) for c in at(one).corrections)
    assert "(-0.392, 0.32, 0.072)" in diagonal
    assert "(-0.256, 0.25, 0.126)" in diagonal
    assert "-0.0188" in signs
    assert "2.04 times" in louder  # 0.8 / 0.392
    # 0.6468667/0.3266667, ln 0.01/ln 0.2, then against (0.533^2 ... ): 1.9406/0.115778 and ln 0.01/ln 0.733
    assert all(f"{ratio:.3g}" in doubles for ratio in (1.980204, 2.861353, 1.9406 / 0.115778, 14.826233))


def test_worked_figures_are_the_exact_ones(one: Figure, worked: dict[str, Any]) -> None:
    table = at(one).tables[0]
    assert table.fill is not None
    said = [[float(v) for v in row[2].translate(MINUS).split(", ")] for row in table.fill()]
    ce, *pulls = worked["robot-ce"]
    small, full = worked["robot-muted"]
    squares, *by_logits = worked["robot-logit-mse"]
    likely, wrong, certain = worked["lesson-ce"]
    names = "robot-mse-dp", "robot-mse-dz-diagonal", "robot-mse-dz-full"
    means = [[mean] for mean in worked["mse-on-classes"]]
    exact = [
        [worked["robot-mse"]], *(worked[name] for name in names), *means, [small], [full], [ce], pulls, [likely],
        worked["lesson-ce-gradient"], [wrong], [certain], [squares], by_logits,
    ]  # fmt: skip
    assert said == [pytest.approx([float(v) for v in row], rel=1e-5) for row in exact]


def squares(p: Tensor, y: Tensor) -> Tensor:
    return (p - y) ** 2


def faulty(p: Tensor, y: Tensor) -> Tensor:
    return torch.linalg.inv(p - y)


def test_a_loss_of_ones_own_is_drawn_on_the_softmax() -> None:
    result = load([squares]).figures["confidence"].compute({"odds": -2.0, "share": 0.2, "mse": "sum"})
    assert bars(result, "squares") == pytest.approx(bars(result, "MSE"), rel=1e-12)
    assert "squares" in result.datasets["value_ends"]["label"]
    assert not result.problems


def test_a_loss_of_ones_own_that_raises_is_told_and_the_rest_drawn() -> None:
    figure = load([faulty]).figures["confidence"]
    result = figure.compute(figure.default())
    assert "faulty raised" in result.problems[0].text
    assert "inv" in result.problems[0].traceback
    assert set(result.datasets["curves"]["series"]) == {"cross-entropy", "MSE"}
