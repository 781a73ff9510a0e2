"""One weight against sums in plain Python, a weighted median, and steps taken by hand."""

from __future__ import annotations

import pytest
from tests.each import each

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.one_weight.figure import build
from slopes.explorer.figures.result import Result

X = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
Y = (0.6, 0.9, 1.7, 1.9, 2.6, 9.0)
PAIRS = tuple(zip(X, Y, strict=True))
SQUARED = sum(x * y for x, y in PAIRS) / sum(x * x for x in X)  # 41.05 / 22.75, from the normal equation
LONGEST = 6 / sum(x * x for x in X)  # 2 over the curvature, which is 2 / 6 · 22.75


@pytest.fixture(scope="module")
def figure() -> Figure:
    return build(Context(catalog=(), costs=Costs(lambda _: None, {})))


def compute(figure: Figure, **changes: object) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


def by_hand(loss: str, w: float, delta: float = 1.0) -> tuple[float, float]:
    """The mean loss and its slope, term by term."""
    total = slope = 0.0
    for x, y in PAIRS:
        r = w * x - y
        sign = (r > 0) - (r < 0)
        if loss == "mse":
            value, by = r * r, 2 * r
        elif loss == "mae":
            value, by = abs(r), sign
        elif abs(r) <= delta:
            value, by = r * r / 2, r
        else:
            value, by = delta * (abs(r) - delta / 2), delta * sign
        total, slope = total + value, slope + by * x
    return total / 6, slope / 6


@each("w", [-1.0, 0.2, 1.3, 1.8, 4.6])
@each("loss", ["mse", "mae", "huber"])
def test_loss_slope_and_step_are_the_sums(figure: Figure, loss: str, w: float) -> None:
    for delta in (0.3, 2.0):
        result = compute(figure, loss=loss, w=w, rate=0.04, delta=delta)
        value, slope = by_hand(loss, w, delta)
        assert result.printed == pytest.approx((value, slope, w - 0.04 * slope), rel=1e-12)
        curve = result.datasets["curve"]
        for i in range(0, len(curve["w"]), 36):
            assert curve["v"][i] == pytest.approx(by_hand(loss, float(curve["w"][i]), delta)[0], rel=1e-12)


def test_each_loss_rests_where_its_theory_says(figure: Figure) -> None:
    """The squared loss at Σxy / Σx², the absolute one at the median of y / x weighted by x, Huber where it balances."""
    ratios = sorted((y / x, x) for x, y in PAIRS)
    middle = next(r for i, (r, _) in enumerate(ratios) if sum(x for _, x in ratios[: i + 1]) >= sum(X) / 2)
    mse, mae, huber = compute(figure, delta=0.7).datasets["rests"]["w"]
    assert mse == pytest.approx(SQUARED, rel=1e-9)
    assert mae == pytest.approx(middle, rel=1e-9)
    assert by_hand("huber", huber, 0.7)[1] == pytest.approx(0, abs=1e-9)
    assert mae < huber < mse


@each("rate", [0.05, 0.24, 0.28, 1.0])
def test_the_distance_to_rest_is_multiplied_at_each_step(figure: Figure, rate: float) -> None:
    result = compute(figure, w=1.5, rate=rate)
    factor = 1 - 2 * rate / LONGEST
    there = result.datasets["ahead"]["w"]
    assert [w - SQUARED for w in there] == pytest.approx(
        [(1.5 - SQUARED) * factor**i for i in range(1, len(there) + 1)], rel=1e-6
    )
    assert ("diverges" in result.reading) == (rate > LONGEST)


def test_steps_end_at_rest_or_off_the_chart(figure: Figure) -> None:
    state, count = figure.default(), 0
    while (after := figure.compute(state).after) is not None:
        state, count = after, count + 1
        assert count < 60
    assert state["w"] == pytest.approx(SQUARED, abs=1e-5)
    state = {**figure.default(), "w": 1.5, "rate": 0.28}
    losses = []
    while (after := figure.compute(state).after) is not None:
        losses.append(figure.compute(state).printed[0])
        state = after
    assert losses == sorted(losses)
    assert "off the chart" in figure.compute(state).reading


def test_a_step_of_the_absolute_loss_never_shrinks_to_nothing(figure: Figure) -> None:
    state = {**figure.default(), "loss": "mae", "w": 1.02, "rate": 0.3}
    for _ in range(40):
        after = figure.compute(state).after
        assert after is not None
        state = after
    assert abs(figure.compute(state).printed[1]) > 0.08  # the flattest that there is, 0.5 / 6


@each(
    ("changes", "said"),
    [
        ({}, "The lowest place, 1.804, is still ahead"),
        ({"rate": 0.24}, "leaps over the lowest place, 1.804, and ends lower all the same"),
        ({"w": 1.5, "rate": 0.28}, "ends no lower than before. With these points a rate above 2 / 7.58 = 0.264"),
        ({"w": 1.8043956044}, "the step goes nowhere any more. The MAE of the same points comes to rest at 1.04"),
        ({"loss": "mae", "w": 1.04}, "a kink with no one slope"),
    ],
)
def test_the_sentence_says_what_holds(figure: Figure, changes: dict[str, object], said: str) -> None:
    assert said in compute(figure, **changes).reading
