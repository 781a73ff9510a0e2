"""Gated units against the math module, slopes against differences, and parameters counted by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from tests.each import each

from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.gates.figure import build
from slopes.explorer.figures.result import Result

ACTIVATED: dict[str, Callable[[float], float]] = {
    "glu": lambda a: 1 / (1 + math.exp(-a)),
    "bilinear": lambda a: a,
    "reglu": lambda a: max(a, 0.0),
    "geglu": lambda a: a * (1 + math.erf(a / math.sqrt(2))) / 2,
    "swiglu": lambda a: a / (1 + math.exp(-a)),
}


@pytest.fixture(scope="module")
def figure() -> Figure:
    return build(Context(catalog=(), costs=Costs(lambda _: None, {})))


def compute(figure: Figure, **changes: object) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


@each("gate", [-4.5, -0.75, 0.3, 2.0])
@each("unit", ACTIVATED)
def test_output_and_slopes_are_those_of_the_definition(figure: Figure, unit: str, gate: float) -> None:
    act, step = ACTIVATED[unit], 1e-5
    for value in (-1.5, 0.0, 2.0):
        output, by_gate, by_value, *_ = compute(figure, units=unit, gate=gate, value=value).printed
        assert output == pytest.approx(value * act(gate), rel=1e-12, abs=1e-15)
        assert by_value == pytest.approx(act(gate), rel=1e-12, abs=1e-15)
        risen = (act(gate + step) - act(gate - step)) / (2 * step)
        assert by_gate == pytest.approx(value * risen, rel=1e-6, abs=1e-9)


def test_the_curves_are_the_same_over_every_gate(figure: Figure) -> None:
    drawn = compute(figure, units=",".join(ACTIVATED), value=-0.5).datasets["curves"]
    assert len(drawn["a"]) == 5 * 201
    for i in range(0, len(drawn["a"]), 37):
        act = ACTIVATED[drawn["series"][i]](float(drawn["a"][i]))
        assert drawn["output"][i] == pytest.approx(-0.5 * act, rel=1e-9, abs=1e-12)
        assert drawn["by_value"][i] == pytest.approx(act, rel=1e-9, abs=1e-12)


@each(("d", "multiple", "hidden"), [(4096, 256, 11008), (4096, 8, 10920), (768, 1, 2048), (64, 8, 168), (512, 8, 1368)])
def test_parameters_are_products_of_the_widths(figure: Figure, d: int, multiple: int, hidden: int) -> None:
    result = compute(figure, d=d, multiple=multiple)
    assert result.printed[3:] == (hidden, 3 * d * hidden)
    plain = 2 * d * 4 * d
    assert result.datasets["blocks"]["share"] == pytest.approx([1, 1.5, 3 * d * hidden / plain], rel=1e-12)
    assert result.tables[0].rows[0][:5] == tuple(f"{n:,}" for n in (d, 4 * d, plain, hidden, 3 * d * hidden))
    assert f"{3 * d * hidden / plain:.3f}".rstrip("0").rstrip(".") in result.reading


def test_which_half_is_activated_is_what_torch_does(figure: Figure) -> None:
    by_torch = torch.nn.functional.glu(torch.tensor([3.0, -1.0], dtype=torch.float64), -1).item()
    assert by_torch == pytest.approx(3 / (1 + math.e))
    rows = {row[0]: row for row in compute(figure).tables[1].rows}
    assert rows["torch.nn.functional.glu"][1:] == ("the second half", f"{by_torch:.5f}")
    assert rows["the same, one packed tensor"][2] == f"{by_torch:.5f}"
    assert rows["the same, gate_half='first'"][2] == f"−{1 / (1 + math.exp(-3)):.5f}"


@each(
    ("changes", "said"),
    [
        ({}, "SwiGLU activates the gate, swish(1.5) = 1.226, and multiplies the value 2, which stays linear: 2.453."),
        ({"units": "bilinear"}, "The bilinear unit activates neither half: gate 1.5 times value 2 is 3."),
        ({"value": 0}, "that by the gate, 0, has the value as a factor"),
        ({"d": 768, "multiple": 1}, "Three matrices 2,048 wide have 1 times the parameters of two 3,072 wide."),
    ],
)
def test_the_sentence_says_what_holds(figure: Figure, changes: dict[str, object], said: str) -> None:
    assert said in compute(figure, **changes).reading
