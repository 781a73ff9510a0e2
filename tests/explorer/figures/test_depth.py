"""Signal and gradient through random layers against NumPy with the textbook's slopes, and against theory."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.each import each
from torch import Tensor, nn

from slopes.catalog import CATALOG
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.depth.figure import build
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.state import State
from slopes.explorer.figures.wording import number
from slopes.explorer.site.loading import Loaded
from slopes.explorer.yours.guarded import Guarded

SELU = 1.0507009873554805, 1.6732632423543772
Both = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]  # value and slope


def sigmoid(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 1 / (1 + np.exp(-z)), 1 / (np.exp(z / 2) + np.exp(-z / 2)) ** 2


def selu(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale, alpha = SELU
    return scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0))), scale * np.where(
        z > 0, 1, alpha * np.exp(np.minimum(z, 0))
    )


BOTH: dict[str, Both] = {
    "relu": lambda z: (np.maximum(z, 0), (z > 0).astype(float)),
    "tanh": lambda z: (np.tanh(z), 1 / np.cosh(z) ** 2),
    "sigmoid": sigmoid,
    "selu": selu,
}
FILL: dict[str, Callable[[Tensor, torch.Generator], object]] = {
    "lecun": lambda w, g: w.normal_(0, w.shape[1] ** -0.5, generator=g),
    "xavier": lambda w, g: w.uniform_(-math.sqrt(3 / w.shape[1]), math.sqrt(3 / w.shape[1]), generator=g),
    "he": lambda w, g: w.normal_(0, math.sqrt(2 / w.shape[1]), generator=g),
    "orthogonal": lambda w, g: nn.init.orthogonal_(w, generator=g),
    "linear": lambda w, g: w.uniform_(-(w.shape[1] ** -0.5), w.shape[1] ** -0.5, generator=g),
    "small": lambda w, g: w.normal_(0, 0.01, generator=g),
}


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["depth"]


def state(figure: Figure, **changes: object) -> State:
    return figure.parse([(name, str(value)) for name, value in changes.items()])


def line(result: Result, name: str, quantity: str) -> list[float]:
    columns = result.datasets["layers"]
    return [v for v, series in zip(columns[quantity], columns["series"], strict=True) if series == name]


def size(x: np.ndarray) -> float:
    return math.sqrt((x * x).mean())


def through(
    both: Both, init: str, depth: int, width: int, seed: int, gain: float, bias: float
) -> dict[str, list[float]]:
    """The same network, layer by layer, by the chain rule."""
    generator = torch.Generator().manual_seed(seed)
    x, back = (torch.randn(32, width, generator=generator, dtype=torch.float64).numpy() for _ in range(2))
    x, back = x / size(x), back / size(back)
    weights = []
    for _ in range(depth):
        w = torch.empty(width, width, dtype=torch.float64)
        FILL[init](w, generator)
        weights.append(gain * w.numpy())
    found: dict[str, list[float]] = {"signal": [1.0], "centre": [x.mean()], "dead": [0.0], "gradient": [1.0]}
    slopes = []
    for w in weights:
        x, slope = both(x @ w.T + bias)
        slopes.append(slope)
        found["signal"].append(size(x))
        found["centre"].append(x.mean() / size(x))
        found["dead"].append(sum(not column.any() for column in slope.T) / width)
    for w, slope in zip(weights[::-1], slopes[::-1], strict=True):
        back = (back * slope) @ w
        found["gradient"].append(size(back))
    return found


@each("init", FILL)
@each("name", BOTH)
def test_it_is_what_numpy_makes_of_the_same_weights(figure: Figure, name: str, init: str) -> None:
    asked = {"width": 48, "seed": 3, "gain": 1.15, "bias": 0.05}
    result = figure.compute(state(figure, functions=name, init=init, depth=30, **asked))
    expected = through(BOTH[name], init, depth=30, **asked)  # type: ignore[arg-type]
    for quantity, values in expected.items():
        assert line(result, name, quantity) == pytest.approx(values, rel=1e-8, abs=1e-9 if quantity == "centre" else 0)
    assert result.printed == pytest.approx((expected["signal"][-1], expected["gradient"][-1]), rel=1e-8)


def test_relu_loses_half_of_the_square_a_layer_unless_he_gives_it_back(figure: Figure) -> None:
    fades = figure.compute(state(figure, functions="relu", width=128, depth=20))
    assert fades.printed[1] ** (1 / 20) == pytest.approx(math.sqrt(0.5), rel=0.05)
    kept = figure.compute(state(figure, functions="relu", width=128, depth=20, init="he"))
    assert kept.printed[1] ** (1 / 20) == pytest.approx(1, rel=0.05)
    # the same weights but for a factor, and ReLU scales with its input
    assert kept.printed[0] == pytest.approx(fades.printed[0] * 2**10, rel=1e-9)


def test_selu_keeps_mean_0_and_variance_1(figure: Figure) -> None:
    result = figure.compute(state(figure, functions="selu", width=128, depth=100))
    row = next(row for row in result.tables[0].rows if row[0] == "SELU")
    mean, variance = (float(cell.replace("−", "-")) for cell in row[2:4])
    assert mean == pytest.approx(0, abs=0.1)
    assert variance == pytest.approx(1, abs=0.25)


def test_deeper_is_the_same_network_longer(figure: Figure) -> None:
    short = figure.compute(state(figure, functions="tanh", depth=24))
    long = figure.compute(state(figure, functions="tanh", depth=76))
    assert line(long, "tanh", "signal")[:25] == line(short, "tanh", "signal")


def test_the_cursor_reads_the_layer_under_it_and_never_one_that_is_not_there(figure: Figure) -> None:
    result = figure.compute(state(figure, functions="tanh", depth=20, at=7))
    assert result.readings.title == "After 7 layers forward, or as many back"
    assert result.datasets["reading"]["gradient"] == [line(result, "tanh", "gradient")[7]]
    beyond = figure.compute(state(figure, functions="tanh", depth=20, at=90))
    assert beyond.readings.title.startswith("After 20 layers")


def test_a_relu_that_died_hands_back_nothing(figure: Figure) -> None:
    result = figure.compute(state(figure, functions="relu,elu", init="he", bias=-2, depth=20))
    assert line(result, "relu", "dead")[-1] == 1
    assert line(result, "relu", "signal")[-1] is None  # an axis of decades has no 0
    assert result.printed[:2] == (0.0, 0.0)
    assert "100 % of ReLU’s units are dead" in result.reading


@each(
    ("changes", "words"),
    [
        ({"functions": "sigmoid", "depth": 100, "init": "linear"}, "which float32 rounds to 0"),
        ({"functions": "sigmoid", "depth": 20}, "which float16 rounds to 0"),
        ({"functions": "relu", "depth": 60, "init": "he", "gain": 2}, "which float16 rounds to ∞"),
        ({"functions": "relu", "depth": 8, "init": "he"}, "of a gradient of 1 it hands back"),
        ({"functions": "swish,gelu", "depth": 2}, "GELU’s signal comes out at"),
        ({"functions": "relu,swish,gelu", "depth": 2}, "each hands back about"),
    ],
)
def test_the_reading_says_what_short_formats_make_of_it(figure: Figure, changes: dict[str, object], words: str) -> None:
    result = figure.compute(state(figure, **changes))
    assert words in result.reading
    least, most = min(result.printed[1::2]), max(result.printed[1::2])
    assert ("rounds" in result.reading) == (least <= 2.0**-25 or most >= 65520)
    assert ("float32" in result.reading) == (least < 2.0**-150 or most > 3.41e38)


def test_each_preset_speaks_first_of_the_function_that_it_is_about_with_its_numbers(figure: Figure) -> None:
    for preset in figure.presets:
        result = figure.compute({**figure.default(), **preset.state})
        first, *others = (row for row in result.tables[0].rows)
        start, rest = result.reading.split(". ", 1)
        assert start.startswith(f"Through {preset.state.get('depth', 50.0):g} layers {first[0]}’s signal comes out at")
        assert not any(f"{row[0]}" in start.replace(first[0], "") for row in others)
        signal, gradient = result.printed[:2]
        assert number(signal, 2) in start
        assert f"it hands back {number(gradient, 2)}" in start
        assert "Of the others" in rest


def test_selu_keeps_0_and_1_is_said_with_its_mean_and_its_variance(figure: Figure) -> None:
    preset = next(preset for preset in figure.presets if preset.label == "SELU keeps 0 and 1")
    result = figure.compute({**figure.default(), **preset.state})
    said = result.reading.split(";")[0].replace("−", "-")
    mean, variance = (float(said.split(f"a {what} of ")[1].split()[0]) for what in ("mean", "variance"))
    assert mean == pytest.approx(0, abs=0.1)
    assert variance == pytest.approx(1, abs=0.25)


def test_an_activation_of_ones_own_goes_through_too() -> None:
    def twice(z: Tensor) -> Tensor:
        return torch.relu(2 * z)

    own = built(twice)
    assert own.default()["functions"][0] == "yours"  # type: ignore[index]
    result = own.compute(state(own, functions="yours,relu", depth=10))
    assert line(result, "yours", "signal")[-1] == pytest.approx(1024 * line(result, "relu", "signal")[-1], rel=1e-9)
    assert line(result, "yours", "gradient")[-1] == pytest.approx(1024 * line(result, "relu", "gradient")[-1], rel=1e-9)


@each("functions", ["yours", "yours,relu"])
def test_an_activation_of_ones_own_that_raises_leaves_the_others(functions: str) -> None:
    def broken(z: Tensor) -> Tensor:
        raise ZeroDivisionError(len(z))

    own = built(broken)
    result = own.compute(state(own, functions=functions))
    (problem,) = result.problems
    assert problem.title == "broken could not be drawn"
    assert "ZeroDivisionError" in problem.traceback
    assert set(result.datasets["layers"]["series"]) == ({"relu"} if "relu" in functions else set())


def built(function: Callable[[Tensor], Tensor]) -> Figure:

    guarded = Guarded(function, function.__name__)  # type: ignore[attr-defined]
    return build(Context(catalog=CATALOG, costs=Costs(lambda _: None, {}), activation=guarded))
