"""The cross-entropy figure against logarithms worked out by hand and with mpmath, never through the library."""

from __future__ import annotations

import math

import mpmath
import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.state import State
from slopes.explorer.site.loading import Loaded


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["cross-entropy"]


def state(figure: Figure, **changes: object) -> State:
    return figure.parse([(name, str(value)) for name, value in changes.items()])


def worked(result: Result, what: str) -> str:
    return next(row[2] for row in result.tables[0].rows if row[0] == what)


@each("p", [0.0003, 0.01, 0.05, 0.5, 0.92, 0.99, 0.9997])
def test_loss_and_gradient_by_the_probability(figure: Figure, p: float) -> None:
    read = figure.compute(state(figure, p=p)).datasets["reading"]
    assert read["value"] == pytest.approx([-math.log(p), -math.log1p(-p)], rel=1e-12)
    assert read["slope"] == pytest.approx([-1 / p, 1 / (1 - p)], rel=1e-12)


@each("z", [-8.0, -4.595, 0.0, 0.7, 8.0])
def test_loss_and_gradient_by_the_logit(figure: Figure, z: float) -> None:
    read = figure.compute(state(figure, axis="logit", z=z)).datasets["reading"]
    with mpmath.workdps(40):
        odds = mpmath.exp(mpmath.mpf(z))
        values = [mpmath.log(1 + 1 / odds), mpmath.log(1 + odds)]
        slopes = [-1 / (1 + odds), odds / (1 + odds)]
    assert read["value"] == pytest.approx([float(v) for v in values], rel=1e-13)
    assert read["slope"] == pytest.approx([float(v) for v in slopes], rel=1e-13)


@each("axis", ["probability", "logit"])
def test_the_lines_are_those_of_the_logarithm(figure: Figure, axis: str) -> None:
    curve = figure.compute(state(figure, axis=axis)).datasets["curves"]
    with mpmath.workdps(40):
        for i in range(0, len(curve["x"]), 7):
            x = mpmath.mpf(float(curve["x"][i]))
            sign = 1 if curve["series"][i] == "y = 1" else -1
            p = x if axis == "probability" else 1 / (1 + mpmath.exp(-x))
            truth = p if sign == 1 else 1 - p
            assert curve["value"][i] == pytest.approx(float(-mpmath.log(truth)), rel=1e-11)
            slope = -sign / truth if axis == "probability" else -sign * (1 - truth)
            assert curve["slope"][i] == pytest.approx(float(slope), rel=1e-11)


def test_both_axes_say_the_same(figure: Figure) -> None:
    over_p = figure.compute(state(figure, p=0.2))
    assert over_p.linked == {"z": round(-math.log(4), 3)}
    assert figure.compute(state(figure, axis="logit", z=-4.7)).linked == {
        "p": 0.009013
    }  # 1 / (1 + e^4.7) = 0.00901329...
    over_z = figure.compute(state(figure, axis="logit", z=over_p.linked["z"]))
    assert over_z.linked["p"] == pytest.approx(0.2, abs=1e-4)
    assert over_z.datasets["reading"]["value"] == pytest.approx(over_p.datasets["reading"]["value"], rel=1e-3)


@each(("axis", "end"), [("probability", 0.0003), ("probability", 0.9997), ("logit", -8), ("logit", 8)])
def test_the_other_axis_is_never_left(figure: Figure, axis: str, end: float) -> None:
    chosen = state(figure, axis=axis, **{"p" if axis == "probability" else "z": end})
    linked = figure.compute(chosen).linked
    assert figure.parse([(name, str(value)) for name, value in linked.items()])


def test_presets_say_the_same_on_both_axes(figure: Figure) -> None:
    for preset in figure.presets:
        whole = {**figure.default(), **preset.state}
        assert {**whole, **figure.compute(whole).linked} == whole
    assert figure.compute(figure.default()).linked["z"] == figure.default()["z"]


@each(
    ("what", "exact"),
    [
        ("surprise −log 0.99", "0.0100503"),
        ("surprise −log 0.5", "0.693147"),
        ("surprise −log 0.01", "4.60517"),
        ("surprise −log 0.92", "0.0833816"),
        ("surprise −log 0.05", "2.99573"),
        ("surprise −log 0.03", "3.50656"),
        ("0.01 dearer than 0.99, times", "458.211"),
        ("0.03 dearer than 0.95, times", "68.3629"),
        ("saved from p = 0.95 to 0.99", "0.041243"),
        ("saved from p = 0.01 to 0.05", "1.60944"),
        ("gradient at 0.05 over that at 0.92", "11.875"),
        ("logits 3, −2.5, −3.5 with y = 1, 0, 1", "1.21908"),
        ("logit 100 with y = 0", "100"),
    ],
)
def test_worked_figures_are_exact(figure: Figure, what: str, exact: str) -> None:
    assert worked(figure.compute(figure.default()), what) == exact


def test_the_larger_gradient_is_corrected(figure: Figure) -> None:
    holds = figure.compute(figure.default()).corrections[0].holds
    # ln 0.05 / ln 0.92; 0.95 / 0.08; 0.92 / 0.05
    assert "35.9 is the ratio of the losses" in holds
    assert "differ 11.9 times" in holds
    assert "18.4 times" in holds


def test_the_reading_follows(figure: Figure) -> None:
    wrong = figure.compute(state(figure, p=0.01)).reading
    assert "a truth of y = 1 costs 4.605 nats, 458 times as much as one of y = 0 (0.0101)" in wrong
    assert "gradient is −100, and has no limit; by the logit it is −0.99" in wrong
    assert "a truth of y = 0 costs 4.605 nats" in figure.compute(state(figure, p=0.99)).reading
    assert "either truth costs 0.693 nats" in figure.compute(state(figure, p=0.5)).reading
    assert "By the logit it pulls with 0.982" in figure.compute(state(figure, axis="logit", z=4)).reading


def test_what_the_crosshair_reads_is_in_the_plot(figure: Figure) -> None:
    for p in (0.0003, 0.001, 0.004, 0.0075, 0.03, 0.05, 0.2, 0.5, 0.97, 0.9997):
        result = figure.compute(state(figure, p=p))
        for quantity in ("value", "slope"):
            low, high = result.signals[f"{quantity}_low"], result.signals[f"{quantity}_high"]
            assert all(low <= v <= high for v in result.datasets["reading"][quantity])
