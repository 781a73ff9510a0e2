"""Landscapes and paths against plain Python with the textbook's gradients, never through the library."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable

import pytest
from tests.each import each
from torch import Tensor

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.landscape.figure import build
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.state import State
from slopes.explorer.figures.wording import number
from slopes.explorer.site.loading import Loaded
from slopes.explorer.yours.guarded import GuardedLoss

X = (-2.3, -1.9, -1.4, -1.1, -0.7, -0.4, 0.3, 0.6, 0.9, 1.3, 1.8, 2.2)
CLASSES = (0, 0, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1)
HEIGHTS = (-5.43, -4.92, -3.66, -3.31, -2.27, -1.94, -0.31, 0.14, 0.93, 1.48, 2.71, -11.0)

Point = tuple[float, float]
One = Callable[[float, float], Point]  # loss and slope of one prediction


def sigmoid(z: float) -> float:
    return 1 / (1 + math.exp(-z)) if z > 0 else math.exp(z) / (1 + math.exp(z))


def squared_sigmoid(z: float, y: float) -> Point:
    p, q = sigmoid(z), sigmoid(-z)
    off = -q if y else p
    return off * off, 2 * off * p * q


def cross_entropy(z: float, y: float) -> Point:
    margin = z if y else -z
    return max(-margin, 0) + math.log1p(math.exp(-abs(margin))), -sigmoid(-z) if y else sigmoid(z)


def squared(z: float, y: float) -> Point:
    return (z - y) ** 2, 2 * (z - y)


def absolute(z: float, y: float) -> Point:
    return abs(z - y), math.copysign(1, z - y)


def huber(z: float, y: float) -> Point:
    r = abs(z - y)
    return (r * r / 2 if r < 1.5 else 1.5 * (r - 0.75)), math.copysign(min(r, 1.5), z - y)


CASES: dict[str, tuple[tuple[float, ...], One, One]] = {
    "neuron": (CLASSES, squared_sigmoid, cross_entropy),
    "line-mae": (HEIGHTS, squared, absolute),
    "line-huber": (HEIGHTS, squared, huber),
}


def loss_and_gradient(one: One, targets: tuple[float, ...], w: float, b: float) -> tuple[float, Point]:
    found = [one(w * x + b, y) for x, y in zip(X, targets, strict=True)]
    n = len(X)
    by_weight = math.fsum(slope * x for (_, slope), x in zip(found, X, strict=True)) / n
    return math.fsum(loss for loss, _ in found) / n, (by_weight, math.fsum(slope for _, slope in found) / n)


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["landscape"]


def state(figure: Figure, **changes: object) -> State:
    return figure.parse([(name, str(value)) for name, value in changes.items()])


def path(result: Result, name: str) -> list[Point]:
    columns = result.datasets[f"{name}_path"]
    return list(zip(columns["x"], columns["y"], strict=True))


@each("task", CASES)
@each("optimiser", ["sgd", "momentum", "adam"])
def test_paths_are_those_of_the_textbook(figure: Figure, task: str, optimiser: str) -> None:
    rate, count = 0.09, 20
    asked = {"task": task, "optimiser": optimiser, "rate": rate, "count": count, "w": -1.3, "b": 2.1, "delta": 1.5}
    result = figure.compute(state(figure, **asked))
    targets, *losses = CASES[task]
    steps = result.datasets["steps"]
    for row, (name, one) in enumerate(zip(("first", "second"), losses, strict=True)):
        here, speed, mean, square = [-1.3, 2.1], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]
        for step, place in enumerate(path(result, name)):
            assert place == pytest.approx(tuple(here), rel=1e-9)
            loss, gradient = loss_and_gradient(one, targets, *here)
            at = row * (count + 1) + step
            assert steps["loss"][at] == pytest.approx(loss, rel=1e-9)
            assert steps["norm"][at] == pytest.approx(math.hypot(*gradient), rel=1e-9)
            for i, g in enumerate(gradient):
                speed[i] = 0.9 * speed[i] + g
                mean[i], square[i] = 0.9 * mean[i] + 0.1 * g, 0.999 * square[i] + 0.001 * g * g
                even = mean[i] / (1 - 0.9 ** (step + 1)) / (math.sqrt(square[i] / (1 - 0.999 ** (step + 1))) + 1e-8)
                here[i] -= rate * {"sgd": g, "momentum": speed[i], "adam": even}[optimiser]
        assert step == count


@each("task", CASES)
def test_bands_are_the_heights_between_contours(figure: Figure, task: str) -> None:
    result = figure.compute(state(figure, task=task, delta=1.5))
    targets, *losses = CASES[task]
    chance = random.Random(4)  # noqa: S311  places to look at
    grid = [(i / 6 - 8, (j + 0.5) / 4 - 6) for i in range(97) for j in range(48)]
    heights = {
        name: [loss_and_gradient(one, targets, *place)[0] for place in grid]
        for name, one in zip(("first", "second"), losses, strict=True)
    }
    lowest_of = {name: min(of) for name, of in heights.items()}
    factor = max(max(of) / min(of) for of in heights.values()) ** (1 / 14)  # one for both, and 14 bands at most
    for name, one in zip(("first", "second"), losses, strict=True):
        bands = result.datasets[f"{name}_bands"]
        area = sum(
            (x2 - x) * (y2 - y) for x, x2, y, y2 in zip(*(bands[k] for k in ("x", "x2", "y", "y2")), strict=True)
        )
        assert area == pytest.approx(16 * 12, rel=1e-3)
        rows = [(i + 0.5) / 4 - 6 for i in range(48)]
        assert result.datasets[f"{name}_words"]["label"][0].endswith(f"each band × {number(factor, 3)}")
        for _ in range(60):
            w, b = chance.uniform(-8, 8), chance.choice(rows)
            within = math.log(loss_and_gradient(one, targets, w, b)[0] / lowest_of[name]) / math.log(factor)
            columns = zip(*(bands[k] for k in ("x", "x2", "y", "y2", "ink")), strict=True)
            (ink,) = (ink for x, x2, y, y2, ink in columns if x <= w < x2 and y <= b < y2)
            assert abs(ink % 14 + 0.5 - within) < 0.6  # a band, and what a chord cuts off a contour


def lowest(result: Result, name: str) -> Point:
    columns = result.datasets[f"{name}_lowest"]
    (place,) = zip(columns["x"], columns["y"], strict=True)
    return place


def test_the_lowest_point_of_squares_is_that_of_the_normal_equations(figure: Figure) -> None:
    n, sx, sy = len(X), math.fsum(X), math.fsum(HEIGHTS)
    sxx, sxy = math.fsum(x * x for x in X), math.fsum(x * y for x, y in zip(X, HEIGHTS, strict=True))
    w = (n * sxy - sx * sy) / (n * sxx - sx * sx)
    result = figure.compute(state(figure, task="line-mae"))
    assert lowest(result, "first") == pytest.approx((w, (sy - w * sx) / n), abs=1e-5)


def test_the_lowest_point_of_absolute_error_goes_through_two_points(figure: Figure) -> None:
    def line(i: int, j: int) -> Point:
        w = (HEIGHTS[j] - HEIGHTS[i]) / (X[j] - X[i])
        return w, HEIGHTS[i] - w * X[i]

    best = min(loss_and_gradient(absolute, HEIGHTS, *line(i, j))[0] for i, j in itertools.combinations(range(12), 2))
    result = figure.compute(state(figure, task="line-mae"))
    assert loss_and_gradient(absolute, HEIGHTS, *lowest(result, "second"))[0] == pytest.approx(best, abs=1e-6)


def test_the_lowest_point_of_cross_entropy_has_no_gradient(figure: Figure) -> None:
    place = lowest(figure.compute(figure.default()), "second")
    assert math.hypot(*loss_and_gradient(cross_entropy, CLASSES, *place)[1]) < 1e-6


def test_squared_error_hands_back_next_to_nothing_where_the_answer_is_most_wrong(figure: Figure) -> None:
    result = figure.compute(figure.default())
    z = -6 * -2.3 + 3
    assert z == pytest.approx(16.8)
    assert f"{squared_sigmoid(z, 0)[1]:.2e}"[:4] in result.formulas[1].mathml
    sizes = [math.hypot(*loss_and_gradient(one, CLASSES, -6, 3)[1]) for one in (squared_sigmoid, cross_entropy)]
    assert (
        f"{sizes[0]:.4f} under MSE and {sizes[1]:.1f} under BCE, {round(sizes[1] / sizes[0], -1):.0f} times"
        in result.reading
    )
    assert "MSE has hardly moved" in result.reading
    end = path(result, "second")[-1]
    right = sum((end[0] * x + end[1] > 0) == (y == 1) for x, y in zip(X, CLASSES, strict=True))
    assert f"right about 3 and {right} of the 12 points" in result.reading


def test_the_reading_says_what_became_of_each_path(figure: Figure) -> None:
    overshot = figure.compute(state(figure, task="line-huber", rate=5, w=-2, b=4))
    assert "MSE has overshot and left the chart for good" in overshot.reading
    away = figure.compute(state(figure, optimiser="adam", rate=0.4))
    assert "MSE has left the chart" in away.reading
    there = figure.compute(state(figure, task="line-huber", rate=0.2, count=60, w=1, b=-1))
    assert "MSE is at its lowest point; Huber is at its lowest point" in there.reading
    still = figure.compute(state(figure, rate=0.2, count=1))
    assert "After 1 step " in still.reading


@each("task", CASES)
def test_the_model_is_drawn_at_the_start_and_where_each_path_ends(figure: Figure, task: str) -> None:
    result = figure.compute(state(figure, task=task, rate=0.05, w=-1.2, b=2.5))
    targets, *_ = CASES[task]
    points = result.datasets["points"]
    assert list(zip(points["x"], points["out"], strict=True)) == list(zip(X, targets, strict=True))
    last = {"start": (-1.2, 2.5), **{name: path(result, name)[-1] for name in ("first", "second")}}
    curves = [result.datasets["start"], result.datasets["models"]]
    drawn = [row for c in curves for row in zip(c["series"], c["x"], c["out"], strict=True)]
    for (w, b), series in zip(last.values(), result.datasets["model_ends"]["label"], strict=True):
        values = {x: out for name, x, out in drawn if name == series}
        assert len(values) > 50
        for x, out in values.items():
            assert out == pytest.approx(sigmoid(w * x + b) if task == "neuron" else w * x + b, rel=1e-9, abs=1e-12)
    assert result.datasets["outlier"]["label"] == ([] if task == "neuron" else ["outlier"])


def test_a_path_that_left_for_good_has_no_line_among_the_models(figure: Figure) -> None:
    result = figure.compute(state(figure, task="line-huber", rate=30, count=60, w=-2, b=4))
    assert all(math.isfinite(v) for v in result.datasets["models"]["out"])


def test_a_loss_that_comes_to_0_has_bands_of_equal_height(loaded: Loaded) -> None:
    def shifted(predictions: Tensor, targets: Tensor) -> Tensor:
        return (predictions - targets).abs() - 50

    own = built(loaded, shifted)
    result = own.compute(state(own, task="yours"))
    assert "; a band is " in result.datasets["second_words"]["label"][0]
    assert "; each band × " in result.datasets["first_words"]["label"][0]


def test_a_loss_of_ones_own_has_its_landscape(loaded: Loaded) -> None:
    def fourth(predictions: Tensor, targets: Tensor) -> Tensor:
        return (predictions - targets) ** 4 / 100

    own = built(loaded, fourth)
    result = own.compute(state(own, task="yours", rate=0.001, count=1, w=1, b=0))
    slopes = [4 * (x - y) ** 3 / 100 for x, y in zip(X, HEIGHTS, strict=True)]
    by_weight = math.fsum(s * x for s, x in zip(slopes, X, strict=True)) / 12
    by_bias = math.fsum(slopes) / 12
    assert path(result, "second")[1] == pytest.approx((1 - 0.001 * by_weight, -0.001 * by_bias), rel=1e-12)
    assert not result.problems
    assert set(result.datasets["second_path"]["hue"]) == {0}


def test_a_loss_of_ones_own_that_raises_leaves_the_other(loaded: Loaded) -> None:
    def broken(predictions: Tensor, targets: Tensor) -> Tensor:
        raise ZeroDivisionError(len(predictions) + len(targets))

    own = built(loaded, broken)
    result = own.compute(state(own, task="yours"))
    (problem,) = result.problems
    assert problem.title == "broken could not be drawn"
    assert "ZeroDivisionError" in problem.traceback
    assert result.datasets["first_path"]["x"]
    assert not result.datasets["second_bands"]["x"]
    assert len(result.readings.rows) == 1


def built(loaded: Loaded, loss: Callable[[Tensor, Tensor], Tensor]) -> Figure:
    guarded = GuardedLoss(loss, loss.__name__)  # type: ignore[arg-type]
    return build(Context(catalog=(), costs=loaded.costs, loss=guarded))
