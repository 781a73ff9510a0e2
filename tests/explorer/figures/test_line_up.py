"""The line-up figure's numbers against products and exponentials in `math`, never through the library."""

from __future__ import annotations

import math

import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.line_up.batch import CAPTIONS, IMAGES
from slopes.explorer.figures.result import Result
from slopes.explorer.site.loading import Loaded

NAMES = ["dog", "puppy", "car", "pizza", "beach"]
Matrix = list[list[float]]


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["line-up"]


def result(figure: Figure, **changes: float | str) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


def unit(vector: list[float]) -> list[float]:
    return [x / math.hypot(*vector) for x in vector]


def cosines(twin: float) -> Matrix:
    sides = []
    for rows in (IMAGES, CAPTIONS):
        vectors = [unit(list(row)) for row in rows]
        vectors[1] = unit([(1 - twin) * a + twin * b for a, b in zip(vectors[1], vectors[0], strict=True)])
        sides.append(vectors)
    return [[math.fsum(x * y for x, y in zip(a, b, strict=True)) for b in sides[1]] for a in sides[0]]


def turned(matrix: Matrix) -> Matrix:
    return [list(column) for column in zip(*matrix, strict=True)]


def shares(matrix: Matrix, t: float) -> Matrix:
    powers = [[math.exp(v / t) for v in row] for row in matrix]
    return [[power / math.fsum(row) for power in row] for row in powers]


def mean_loss(matrix: Matrix, t: float) -> float:
    return -math.fsum(math.log(row[i]) for i, row in enumerate(shares(matrix, t))) / 5


STATES = [(0.0, 0.15), (0.4, 0.07), (1.0, 0.3), (0.0, 2.0)]


@each(("twin", "t"), STATES)
def test_cosines_and_losses_of_both_directions(figure: Figure, twin: float, t: float) -> None:
    found = result(figure, twin=twin, temperature=t)
    matrix = cosines(twin)
    assert found.datasets["cells"]["cosine"] == pytest.approx([v for row in matrix for v in row], abs=1e-12)
    rows, columns = mean_loss(matrix, t), mean_loss(turned(matrix), t)
    assert found.printed[:3] == pytest.approx((rows, columns, (rows + columns) / 2), rel=1e-9)


@each(("twin", "t"), STATES)
def test_shares_and_gradients_of_each_direction(figure: Figure, twin: float, t: float) -> None:
    matrix = cosines(twin)
    over_rows, over_columns = shares(matrix, t), turned(shares(turned(matrix), t))
    both = [[(a + b) / 2 for a, b in zip(*pair, strict=True)] for pair in zip(over_rows, over_columns, strict=True)]
    for direction, expected in (("rows", over_rows), ("columns", over_columns), ("both", both)):
        for place, name in enumerate(NAMES):
            found = result(figure, twin=twin, temperature=t, direction=direction, which=name)
            assert found.datasets["cells"]["share"] == pytest.approx([p for row in expected for p in row], rel=1e-9)
            line = [row[place] for row in expected] if direction == "columns" else expected[place]
            slopes = [(p - (j == place)) / t for j, p in enumerate(line)]
            assert found.datasets["pushes"]["gradient"] == pytest.approx(slopes, rel=1e-7, abs=1e-12)


@each(
    ("direction", "which", "said"),
    [
        ("rows", "dog", "The image of the dog gives its own caption"),
        ("columns", "dog", "The caption of the dog gives its own image"),
        ("both", "car", "Of all that pushes captions from the image of the car, the beach's takes"),
    ],
)
def test_the_sentence_names_who_is_pushed_most(figure: Figure, direction: str, which: str, said: str) -> None:
    reading = result(figure, direction=direction, which=which, temperature=0.2).reading
    assert said in reading
    matrix, place = cosines(0.0), NAMES.index(which)
    over_rows, over_columns = shares(matrix, 0.2), turned(shares(turned(matrix), 0.2))
    line = {
        "rows": over_rows[place],
        "columns": [row[place] for row in over_columns],
        "both": [a + b for a, b in zip(over_rows[place], over_columns[place], strict=True)],
    }[direction]
    others = [0.0 if j == place else p for j, p in enumerate(line)]
    assert f"takes {100 * max(others) / math.fsum(others):.3g} %" in reading
    assert NAMES[others.index(max(others))] in reading


def test_the_same_pair_twice_costs_each_of_them_log_2_at_least(figure: Figure) -> None:
    found = result(figure, twin=1.0, temperature=0.01)
    # the other three have won their line-ups by then
    assert found.printed[:3] == pytest.approx([2 * math.log(2) / 5] * 3, rel=1e-6)
    cells = found.datasets["cells"]
    assert cells["share"][0] == pytest.approx(cells["share"][1], rel=1e-9)


@each("which", NAMES)
def test_losses_over_the_temperature(figure: Figure, which: str) -> None:
    found = result(figure, which=which, direction="columns", temperature=0.3)
    matrix, place = cosines(0.0), NAMES.index(which)
    assert set(found.datasets["chosen"]["series"]) == {"columns"}
    for dataset in ("chosen", "others"):
        columns = found.datasets[dataset]
        for i in range(0, len(columns["t"]), 9):
            t = columns["t"][i]
            expected = {
                "rows": -math.log(shares(matrix, t)[place][place]),
                "columns": -math.log(shares(turned(matrix), t)[place][place]),
                "both": (mean_loss(matrix, t) + mean_loss(turned(matrix), t)) / 2,
                "chance": math.log(5),
            }[columns["series"][i]]
            assert columns["nats"][i] == pytest.approx(expected, rel=1e-9, abs=1e-12)
    dots = found.datasets["reading"]["nats"]
    assert dots[0] == pytest.approx(-math.log(shares(matrix, 0.3)[place][place]), rel=1e-9)
    assert dots[1] == pytest.approx(-math.log(shares(turned(matrix), 0.3)[place][place]), rel=1e-9)
