"""The line-fit figure against other ways to the same lines: normal equations, linear programs, SciPy's Huber."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
import torch
from tests.each import each
from tests.later import Later
from torch import Tensor

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.line_fit.figure import build
from slopes.explorer.figures.result import Result
from slopes.explorer.yours.guarded import GuardedLoss

optimize = Later("scipy.optimize")

OUTLIERS = [(11.5, 16.0), (9.0, 6.5), (16.0, -3.0), (0.0, 18.0), (6.0, -4.0), (3.35, 11.2), (16.0, 18.0)]


def context(loss: GuardedLoss | None = None) -> Context:
    return Context(catalog=(), costs=Costs(lambda _: None, {}), loss=loss)


@pytest.fixture(scope="module")
def figure() -> Figure:
    return build(context())


def compute(figure: Figure, **changes: object) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


def points(result: Result) -> tuple[np.ndarray, np.ndarray]:
    there, out = result.datasets["points"], result.datasets["outlier"]
    return np.array([*there["x"], *out["x"]]), np.array([*there["y"], *out["y"]])


def drawn(result: Result) -> dict[str, tuple[float, float]]:
    """Slope and height at 0 of each line, from the two ends that are drawn."""
    fits = result.datasets["fits"]
    lines = {}
    for i in range(0, len(fits["x"]), 2):
        rise, run = fits["y"][i + 1] - fits["y"][i], fits["x"][i + 1] - fits["x"][i]
        lines[fits["series"][i]] = (rise / run, fits["y"][i] - rise / run * fits["x"][i])
    return lines


def squares(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    slope = np.cov(x, y)[0, 1] / x.var(ddof=1)
    return slope, y.mean() - slope * x.mean()


def program(x: np.ndarray, y: np.ndarray, tau: float) -> tuple[float, float]:
    """The regression quantile, as the linear program of Koenker and Bassett."""
    n = len(x)
    cost = [0, 0, *[tau] * n, *[1 - tau] * n]
    equal = np.column_stack([x, np.ones(n), np.eye(n), -np.eye(n)])
    found = optimize.linprog(cost, A_eq=equal, b_eq=y, bounds=[(None, None)] * 2 + [(0, None)] * (2 * n))
    return found.x[0], found.x[1]


def robust(x: np.ndarray, y: np.ndarray, delta: float) -> tuple[float, float]:
    """SciPy's least squares with its own Huber weighting."""
    start = squares(x, y)
    found = optimize.least_squares(
        lambda line: line[0] * x + line[1] - y, start, loss="huber", f_scale=delta, ftol=1e-15, xtol=1e-15, gtol=1e-15
    )
    return found.x[0], found.x[1]


@each(("across", "up"), OUTLIERS)
def test_lines_are_those_of_independent_fits(figure: Figure, across: float, up: float) -> None:
    for delta, tau in ((0.3, 0.5), (1.0, 0.9), (4.0, 0.25)):
        result = compute(figure, losses="mse,mae,huber,quantile", x=across, y=up, delta=delta, tau=tau)
        x, y = points(result)
        lines = drawn(result)
        assert lines["mse"] == pytest.approx(squares(x, y), rel=1e-9)
        assert lines["mae"] == pytest.approx(program(x, y, 0.5), rel=1e-9)
        assert lines["quantile"] == pytest.approx(program(x, y, tau), rel=1e-9)
        assert lines["huber"] == pytest.approx(robust(x, y, delta), rel=1e-4)


@each("delta", [0.1, 0.17, 0.6, 2.5, 20.0])
def test_hubers_gradients_balance(figure: Figure, delta: float) -> None:
    """At the best line the clipped residuals add up to 0, and so do their moments: computed here, not by the code."""
    for across, up in OUTLIERS:
        result = compute(figure, losses="huber", x=across, y=up, delta=delta)
        x, y = points(result)
        slope, height = drawn(result)["huber"]
        residuals = slope * x + height - y
        pulls = np.minimum(np.abs(residuals), delta) * np.sign(residuals)
        assert abs(pulls.sum()) < 1e-8
        assert abs((pulls * x).sum()) < 1e-7


def test_the_second_chart_is_the_same_fit_at_every_height(figure: Figure) -> None:
    result = compute(figure, losses="mse,mae", x=13)
    swept = result.datasets["slopes"]
    assert len(swept["height"]) > 80
    for i in range(0, len(swept["height"]), 9):
        x, y = points(compute(figure, x=13, y=swept["height"][i]))
        expected = squares(x, y) if swept["series"][i] == "mse" else program(x, y, 0.5)
        assert swept["v"][i] == pytest.approx(expected[0], rel=1e-9)


def test_gradients_over_the_heights(figure: Figure) -> None:
    result = compute(figure, losses="mse,huber", show="gradient", delta=1.7)
    assert len(result.datasets["slopes"]["v"]) == 0
    swept = result.datasets["gradients"]
    assert len(swept["height"]) > 80
    for i in range(0, len(swept["height"]), 8):
        x, y = points(compute(figure, y=swept["height"][i]))
        slope, height = squares(x, y) if swept["series"][i] == "mse" else robust(x, y, 1.7)
        residual = slope * x[-1] + height - y[-1]
        expected = 2 * residual if swept["series"][i] == "mse" else np.clip(residual, -1.7, 1.7)
        assert swept["v"][i] == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_share_of_the_gradient(figure: Figure) -> None:
    """From the residuals of the normal equations: the gradient of the MSE is twice each."""
    result = compute(figure)
    x, y = points(result)
    slope, height = squares(x, y)
    sizes = np.abs(slope * x + height - y)
    mse, mae, _ = result.readings.rows
    assert mse[4] == f"{100 * sizes[-1] / sizes.sum():.1f} %"
    assert mae[4] == "10 %"  # two of the twelve lie on the line, the others pull with 1
    assert mse[2] == f"{squares(x[:-1], y[:-1])[0]:.3f}"


def test_the_printed_losses_are_means(figure: Figure) -> None:
    result = compute(figure, losses="mse,mae,huber,quantile", tau=0.9)
    x, y = points(result)
    for i, (slope, height) in enumerate([squares(x, y), program(x, y, 0.5), robust(x, y, 1.0), program(x, y, 0.9)]):
        r = slope * x + height - y
        small = np.abs(r) <= 1
        losses = [r**2, np.abs(r), np.where(small, r**2 / 2, np.abs(r) - 0.5), np.where(r < 0, -0.9 * r, 0.1 * r)]
        assert result.printed[3 * i + 2] == pytest.approx(losses[i].mean(), rel=1e-7)


@each(
    ("changes", "said"),
    [
        ({}, "turns the MSE's line from a slope of 0.487 to 0.791, and leaves the MAE's where it was"),
        ({}, "Under the MSE the outlier holds 36.1 % of all gradient, under the MAE 10 %"),
        ({"x": 9, "y": 6.5}, "here all losses agree"),
        ({"x": 16, "y": -3}, "even a bounded pull turns the line"),
        ({"delta": 12}, "No residual is beyond Huber's δ of 12, so it fits the line of the MSE"),
        ({"losses": "quantile,mae"}, "The pinball loss's line goes right through the outlier"),
        ({"losses": "quantile", "y": -4, "x": 6}, "line at τ = 0.9 has 10 of 12 points below it and 2 on it"),
        ({"losses": "quantile", "y": -4, "x": 6}, "The outlier leaves the pinball loss's line where it was"),
        ({"losses": "mse", "x": 6, "y": 18}, "nearly as much as the other 11 points together"),
        ({"losses": "mae", "x": 9, "y": 6.5}, "The outlier turns the MAE's line by no more than"),
    ],
)
def test_the_sentence_says_what_holds(figure: Figure, changes: dict[str, object], said: str) -> None:
    assert said in compute(figure, **changes).reading


def test_gradient_first_where_the_chart_shows_it(figure: Figure) -> None:
    assert compute(figure, show="gradient").reading.startswith("Under the MSE the outlier holds")


def test_far_out_in_x_the_bounded_ones_give_in(figure: Figure) -> None:
    x, y = points(compute(figure))
    x[-1], y[-1] = 40, 0
    held = compute(figure).corrections[0].holds
    assert f"a slope of −{abs(program(x, y, 0.5)[0]):.2f}" in held
    assert f"Huber's one of −{abs(robust(x, y, 1.0)[0]):.2f}" in held


def log_cosh(predictions: Tensor, targets: Tensor) -> Tensor:
    return (predictions - targets).cosh().log()


def yours(loss: object, **changes: object) -> Result:
    guarded = GuardedLoss(loss, "mine")  # type: ignore[arg-type]
    return compute(build(context(guarded)), **{"losses": "yours,mse", **changes})


def test_the_visitors_smooth_loss_has_its_line() -> None:
    result = yours(log_cosh)
    x, y = points(result)
    best = optimize.minimize(lambda line: np.log(np.cosh(line[0] * x + line[1] - y)).sum(), [0.5, 2.0], tol=1e-12).x
    assert drawn(result)["yours"] == pytest.approx(tuple(best), rel=1e-5)
    assert not result.problems
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(result.snippet, "line-fit", "exec"), {"mine": log_cosh})  # noqa: S102  our own text
    assert [float(figure) for figure in out.getvalue().split()] == pytest.approx(result.printed, rel=1e-9)


def test_the_visitors_kinked_loss_has_its_line() -> None:
    result = yours(lambda p, t: 3 * (p - t).abs())
    assert drawn(result)["yours"] == pytest.approx(program(*points(result), 0.5), rel=1e-9)


def test_a_loss_with_several_valleys_has_one_that_no_neighbour_is_below() -> None:
    result = yours(lambda p, t: ((p - t) ** 2).log1p(), x=16, y=-3)
    x, y = points(result)
    slope, height = drawn(result)["yours"]
    total = lambda a, b: np.log1p((a * x + b - y) ** 2).sum()  # noqa: E731
    assert all(
        total(slope + da, height + db) > total(slope, height)
        for da in (-1e-3, 0, 1e-3)
        for db in (-1e-2, 0, 1e-2)
        if da or db
    )


@each("loss", [lambda p, t: p - t, lambda p, t: -((p - t) ** 2)])
def test_a_loss_without_a_best_line_is_told(loss: object) -> None:
    result = yours(loss)
    assert [p.title for p in result.problems] == ["mine could not be fitted"]
    assert "leads to no best line here" in result.problems[0].text
    assert list(drawn(result)) == ["mse"]


def test_a_loss_that_raises_is_told_and_the_others_are_drawn() -> None:
    def fails(_: Tensor, __: Tensor) -> Tensor:
        raise KeyError("weights")  # noqa: EM101

    result = yours(fails)
    assert "KeyError" in result.problems[0].text
    assert list(drawn(result)) == ["mse"]
    alone = yours(lambda p, _: torch.zeros(len(p)), losses="yours")
    assert alone.reading == "No line could be fitted; the reason stands above."
