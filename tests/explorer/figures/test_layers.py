"""Composed layers against NumPy: the output, the collapsed line, XOR by hand, pieces counted, the best fit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from tests.each import each

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.layers.figure import build
from slopes.explorer.figures.result import Result

erf = np.vectorize(math.erf)
ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "gelu": lambda z: z * (1 + erf(z / math.sqrt(2))) / 2,
    "swish": lambda z: z / (1 + np.exp(-z)),
}
BY_HAND: dict[str, Callable[[float], float]] = {
    "xor": lambda s: max(s, 0) - 2 * max(s - 1, 0),
    "abs": abs,
    "bump": lambda x: min(max(2 - abs(x), 0), 1),
}


@pytest.fixture(scope="module")
def figure() -> Figure:
    return build(Context(catalog=(), costs=Costs(lambda _: None, {})))


def compute(figure: Figure, **changes: object) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


@each("x", [-2.4, 0.0, 0.3, 1.0, 2.0])
@each("task", BY_HAND)
def test_relus_make_what_they_are_set_to(figure: Figure, task: str, x: float) -> None:
    assert compute(figure, task=task, x=x).printed[0] == pytest.approx(BY_HAND[task](x), abs=1e-12)


def test_xor_is_met_at_all_four_inputs(figure: Figure) -> None:
    for first in (0, 1):
        for second in (0, 1):
            said = compute(figure, task="xor", x=first + second).printed[0]
            assert said == pytest.approx(first ^ second, abs=1e-12)


def columns(activation: str, x: np.ndarray, units: int) -> np.ndarray:
    steep = units / 3
    return np.column_stack(
        [*(ACTIVATIONS[activation](steep * (x + 3 - 6 * i / units)) for i in range(units)), x * 0 + 1]
    )


@each("units", [1, 3, 8])
@each("activation", ACTIVATIONS)
def test_the_fit_is_numpys_least_squares(figure: Figure, activation: str, units: int) -> None:
    result = compute(figure, task="wave", activation=activation, units=units)
    x = np.linspace(-3, 3, 121)
    best = np.linalg.lstsq(columns(activation, x, units), np.sin(x + 1), rcond=None)[0]
    drawn = result.datasets["sum"]
    expected = columns(activation, np.asarray(drawn["x"]), units) @ best
    assert np.asarray(drawn["y"]) == pytest.approx(expected, abs=1e-7)
    error = np.abs(columns(activation, x, units) @ best - np.sin(x + 1)).max()
    row = result.tables[1].rows[units - 1]
    assert float(row[2]) == pytest.approx(error, rel=1e-3)


@each("task", [*BY_HAND, "wave"])
def test_without_an_activation_the_output_is_the_composed_line(figure: Figure, task: str) -> None:
    result = compute(figure, task=task, activation="identity", units=5)
    _, slope, height = result.printed
    drawn = result.datasets["sum"]
    assert np.asarray(drawn["y"]) == pytest.approx(slope * np.asarray(drawn["x"]) + height, abs=1e-9)
    if task == "wave":
        x = np.linspace(-3, 3, 121)
        assert (slope, height) == pytest.approx(tuple(np.polyfit(x, np.sin(x + 1), 1)), rel=1e-7)
    if task == "xor":
        assert (slope, height) == (-1, 2)  # 1 · 1 − 2 · 1, and 1 · 0 − 2 · (−1)


@each("units", range(1, 9))
def test_relus_make_one_piece_more_than_there_are_units(figure: Figure, units: int) -> None:
    """Pieces counted on a fine grid, by where the second difference is not 0."""
    result = compute(figure, task="wave", units=units)
    x = np.linspace(-3.6, 3.6, 4801)
    at = np.linspace(-3, 3, 121)
    best = np.linalg.lstsq(columns("relu", at, units), np.sin(at + 1), rcond=None)[0]
    heights = columns("relu", x, units) @ best
    bends = np.abs(np.diff(heights, 2)) > 1e-9
    pieces = 1 + int((bends & ~np.roll(bends, 1)).sum())  # a bend between two inputs shows twice
    assert pieces == units + 1
    assert result.tables[1].rows[units - 1][1] == str(pieces)


@each(
    ("changes", "said"),
    [
        ({}, "2 units make 3 straight pieces, the most that 2 units can. Their sum is what is wanted, exactly, at all"),
        ({"activation": "identity"}, "one line, y = −1 · (x₁ + x₂) + 2. XOR wants 0, 1 and 0"),
        ({"activation": "tanh"}, "These weights are made for ReLU; here they miss by up to"),
        ({"task": "abs"}, "2 units make 2 straight pieces, 3 being the most"),
        ({"task": "abs", "activation": "identity"}, "one line, y = 0 · x. These weights miss by up to 3, at x = −3"),
        ({"task": "wave", "units": 1}, "1 unit makes 2 straight pieces, the most that 1 unit can"),
        ({"task": "wave", "activation": "gelu"}, "make a smooth curve without pieces. The best output layer misses"),
    ],
)
def test_the_sentence_says_what_holds(figure: Figure, changes: dict[str, object], said: str) -> None:
    assert said in compute(figure, **changes).reading


def test_folding_gives_more_pieces_than_width(figure: Figure) -> None:
    """The tent, applied four times, rises and falls 2 · 2 · 2 · 2 times."""
    assert (
        "8 ReLUs in one layer make at most 9 pieces, in four layers of two 16" in compute(figure).corrections[1].holds
    )
