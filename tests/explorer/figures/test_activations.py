"""The first figure's numbers against mpmath and hand-computed ones, never through the library."""

from __future__ import annotations

import contextlib
import io
import math

import mpmath
import pytest
from tests.each import each

from slopes.explorer.figures.activations.figure import build
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result, encode
from slopes.explorer.figures.state import State
from slopes.explorer.figures.wording import number
from slopes.explorer.site.loading import Loaded

FORMULAS = {
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "tanh": mpmath.tanh,
    "log_sigmoid": lambda x: -mpmath.log1p(mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "relu": lambda x: max(x, mpmath.mpf(0)),
    "leaky_relu": lambda x: x if x > 0 else x * mpmath.mpf(0.01),
    "prelu": lambda x: x if x > 0 else x / 4,
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "selu": lambda x: (
        mpmath.mpf("1.0507009873554804934193349852946")
        * (x if x > 0 else mpmath.mpf("1.6732632423543772848170429916717") * mpmath.expm1(x))
    ),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "gelu.tanh": lambda x: x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + mpmath.mpf("0.044715") * x**3))),
    "swish": lambda x: x / (1 + mpmath.exp(-x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "hard_swish": lambda x: x * min(max(x + 3, mpmath.mpf(0)), mpmath.mpf(6)) / 6,
    "hard_sigmoid": lambda x: min(max(x + 3, mpmath.mpf(0)), mpmath.mpf(6)) / 6,
    "hard_tanh": lambda x: min(max(x, mpmath.mpf(-1)), mpmath.mpf(1)),
    "softsign": lambda x: x / (1 + abs(x)),
    "soft_cap": lambda x: 30 * mpmath.tanh(x / 30),
    "lecun_tanh": lambda x: mpmath.mpf(1.7159) * mpmath.tanh(2 * x / 3),
    "relu6": lambda x: min(max(x, mpmath.mpf(0)), mpmath.mpf(6)),
    "rrelu": lambda x: x if x > 0 else x * (mpmath.mpf(0.125) + mpmath.mpf(1 / 3)) / 2,
    "relu_squared": lambda x: max(x, mpmath.mpf(0)) ** 2,
    "celu": lambda x: x if x > 0 else mpmath.expm1(x),
    "threshold": lambda x: x if x > 1 else mpmath.mpf(0),
    "hard_shrink": lambda x: x if abs(x) > 0.5 else mpmath.mpf(0),
    "soft_shrink": lambda x: mpmath.sign(x) * max(abs(x) - mpmath.mpf(0.5), mpmath.mpf(0)),
    "quick_gelu": lambda x: x / (1 + mpmath.exp(-mpmath.mpf(1.702) * x)),
    "squareplus": lambda x: (x + mpmath.sqrt(x * x + 4)) / 2,
    "tanh_shrink": lambda x: x - mpmath.tanh(x),
}


def state(figure: Figure, **changes: object) -> State:
    return figure.parse([(name, str(value)) for name, value in changes.items()])


def row(result: Result, title: str, head: str) -> tuple[str, ...]:
    table = next(table for table in (result.readings, *result.tables) if table.title.startswith(title))
    return next(row for row in table.rows if row[0] == head)[1:]


def test_every_elementwise_activation_can_be_drawn(figure: Figure) -> None:
    (picker,) = (p for p in figure.schema()["parameters"] if p["kind"] == "several")
    assert {option["value"] for option in picker["options"]} == set(FORMULAS)


@each("name", FORMULAS)
def test_values_and_slopes_are_those_of_the_formula(figure: Figure, name: str) -> None:
    result = figure.compute(state(figure, functions=name, at=-1.3, **{"from": -9.7, "to": 8.1}))
    curve = {name: column for name, column in result.datasets["curves"].items() if name in {"x", "value", "slope"}}
    curve = {name: column.tolist() for name, column in curve.items()}
    points = [-9.7, *curve["x"][1::50], 8.1]
    assert (curve["x"][0], curve["x"][-1]) == (-9.7, 8.1)
    with mpmath.workdps(120):
        for x in points:
            i = curve["x"].index(x)
            exact = FORMULAS[name](mpmath.mpf(x))
            slope = mpmath.diff(FORMULAS[name], mpmath.mpf(x))
            assert math.isclose(curve["value"][i], exact, rel_tol=1e-14, abs_tol=1e-300)
            assert math.isclose(curve["slope"][i], slope, rel_tol=1e-12, abs_tol=1e-20)
        assert result.datasets["reading"]["value"] == [
            pytest.approx(float(FORMULAS[name](mpmath.mpf(-1.3))), rel=1e-14)
        ]


def test_parameters_reach_the_function(figure: Figure) -> None:
    numbers = {"swish.beta": 2, "prelu.slope": -0.3, "elu.alpha": 2.5, "softplus.beta": 4}
    result = figure.compute(state(figure, functions="swish,prelu,elu,softplus", **numbers))
    x = -2.0
    expected = [x / (1 + math.exp(4)), 0.6, 2.5 * math.expm1(-2), math.log1p(math.exp(-8)) / 4]
    assert result.datasets["reading"]["value"] == pytest.approx(expected, rel=1e-14)
    assert row(result, "At x", "PReLU")[:2] == ("0.6", "−0.3")


def test_a_slope_that_jumps_is_drawn_with_a_gap(figure: Figure) -> None:
    curve = figure.compute(state(figure, functions="relu")).datasets["curves"]
    gaps = [x for x, slope in zip(curve["x"], curve["slope"], strict=True) if math.isnan(slope)]
    assert gaps == [0.0]
    assert not any(map(math.isnan, curve["value"]))


def test_saturation_reads_ten_to_the_minus_five(figure: Figure) -> None:
    result = figure.compute(state(figure, functions="sigmoid", at=10))
    # e^-10 / (1 + e^-10)^2, by hand
    assert row(result, "At x", "Sigmoid")[1] == "4.53958 × 10⁻⁵"
    assert "Sigmoid is saturated and hands back 4.54 × 10⁻⁵ of the gradient" in result.reading


def test_a_dead_unit_is_named(figure: Figure) -> None:
    result = figure.compute(state(figure, functions="relu,leaky_relu", at=-3))
    assert "ReLU has a slope of exactly 0" in result.reading
    assert "Leaky ReLU hands back 0.01 of the gradient" in result.reading


def test_a_turn_is_no_saturation(figure: Figure) -> None:
    assert "Mish turns here" in figure.compute(state(figure, functions="mish", at=-1.19)).reading


def test_the_sentence_changes_with_the_state(figure: Figure) -> None:
    said = {figure.compute(state(figure, at=at)).reading for at in (-5, -1, 0, 0.5, 5)}
    assert len(said) == 5


def test_differences_are_from_the_first(figure: Figure) -> None:
    result = figure.compute(state(figure, functions="gelu,gelu.tanh", at=2.2, show="difference"))
    with mpmath.workdps(60):
        gap = FORMULAS["gelu.tanh"](mpmath.mpf(2.2)) - FORMULAS["gelu"](mpmath.mpf(2.2))
    assert result.datasets["reading"]["value"] == [0.0, pytest.approx(float(gap), rel=1e-10)]
    assert "never further than 4.73 × 10⁻⁴" in result.reading


@each(
    ("name", "head", "said"),
    [
        ("sigmoid", "Range", "(0, 1)"),
        ("sigmoid", "Steepest slope", "0.25 at x = 0"),
        ("softplus", "Steepest slope", "approaches 1 towards x = ∞"),
        ("relu", "Steepest slope", "1, on a flat stretch"),
        ("sigmoid", "Mean output for x ~ N(0, 1)", "0.5"),
        ("tanh", "Range", "(−1, 1)"),
        ("tanh", "Mean output for x ~ N(0, 1)", "0, centred"),
        ("relu", "Range", "[0, ∞)"),
        ("relu", "Smooth", "slope jumps at 0 from 0 to 1"),
        ("relu", "Monotone", "never falls"),
        ("relu", "Mean output for x ~ N(0, 1)", number(1 / math.sqrt(2 * math.pi), 4)),
        ("gelu", "Range", "[−0.16997, ∞)"),
        ("gelu", "Lowest", "−0.16997 at x = −0.75179"),
        ("gelu", "Monotone", "falls for x < −0.75179"),
        ("gelu", "Smooth", "no kink"),
        ("gelu", "Mean output for x ~ N(0, 1)", number(1 / (2 * math.sqrt(math.pi)), 4)),
        ("gelu", "Steepest slope", f"1.1289 at x = {number(math.sqrt(2), 5)}"),
        ("swish", "Lowest", "−0.27846 at x = −1.2785"),
        ("mish", "Lowest", "−0.30884 at x = −1.1924"),
        ("selu", "Mean output for x ~ N(0, 1)", "0, centred"),
        ("log_sigmoid", "Range", "(−∞, 0)"),
        ("hard_sigmoid", "Range", "[0, 1]"),
        ("hard_sigmoid", "Smooth", "slope jumps at −3 from 0 to 0.1667; slope jumps at 3 from 0.1667 to 0"),
        ("hard_swish", "Monotone", "falls for −3 < x < −1.5"),
        ("elu", "Smooth", "no kink"),
    ],
)
def test_what_is_measured_is_what_is_known(figure: Figure, name: str, head: str, said: str) -> None:
    assert row(figure.compute(state(figure, functions=name)), "Measured", head) == (said,)


def test_costs_are_timed_and_then_no_longer_pending(loaded: Loaded, figure: Figure) -> None:
    assert figure.compute(state(figure, functions="mish")).pending
    loaded.costs.time("mish")
    result = figure.compute(state(figure, functions="mish"))
    assert not result.pending
    assert float(row(result, "Measured", "Cost, ReLU = 1")[0]) > 0


def test_the_python_prints_the_same_numbers(figure: Figure) -> None:
    for preset in figure.presets:
        chosen = {**figure.default(), **preset.state, "show": "curves"}
        result = figure.compute(chosen)
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(result.snippet, {})  # noqa: S102  what the page offers to copy has to run
        printed = [line.rsplit(" ", 2) for line in out.getvalue().splitlines()]
        reading = result.datasets["reading"]
        assert [(float(v), float(s)) for _, v, s in printed] == list(
            zip(reading["value"], reading["slope"], strict=True)
        )


def test_formulas_hold_the_present_numbers(figure: Figure) -> None:
    (first, *_) = figure.compute(state(figure, functions="swish", **{"swish.beta": 3.5})).formulas
    assert "<mn>3.5</mn>" in first.mathml
    assert "&#x003B2;" not in first.mathml
    assert "style=" not in first.mathml


def test_every_preset_computes_and_is_json(figure: Figure) -> None:
    for preset in figure.presets:
        result = figure.compute({**figure.default(), **preset.state})
        assert not result.problems
        encode(result.as_json())


def test_the_widest_and_the_narrowest_view_compute(figure: Figure) -> None:
    everything = ",".join(list(FORMULAS)[:8])
    for ends in ({"from": -100, "to": 100}, {"from": -0.05, "to": 0.05}, {"from": 99.9, "to": 100}):
        encode(figure.compute(state(figure, functions=everything, **ends)).as_json())


def test_a_catalogue_without_some_functions_offers_what_is_left(loaded: Loaded) -> None:
    from slopes.catalog import find  # noqa: PLC0415

    small = build(Context(catalog=[find("tanh")], costs=loaded.costs))
    assert small.default()["functions"] == ("tanh",)
    assert small.presets == ()
