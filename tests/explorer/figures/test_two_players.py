"""The two-players figure's numbers against logistic functions in `math`, never through the library."""

from __future__ import annotations

import math

import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.site.loading import Loaded


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["two-players"]


def result(figure: Figure, z: float) -> Result:
    return figure.compute(figure.parse([("z", repr(z))]))


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def by_hand(z: float) -> list[float]:
    """Return value and slope of every loss, the generator's four first."""
    d = logistic(z)
    pairs = [
        (math.log(1 - d), -d),
        (-math.log(d), d - 1),
        ((z - 1) ** 2, 2 * (z - 1)),
        (-z, -1),
        (-math.log(1 - d), d),
        (max(0, 1 + z), 1 if z > -1 else 0),
        (z**2, 2 * z),
        (z, 1),
    ]
    return [number for pair in pairs for number in pair]


@each("z", [-6.0, -4.0, -1.5, -0.25, 0.0, 0.7, 3.0, 6.0])
def test_values_and_slopes_are_those_of_the_definitions(figure: Figure, z: float) -> None:
    found = result(figure, z)
    assert found.printed == pytest.approx(by_hand(z), rel=1e-12)
    for player, half in (("generator", found.printed[:8]), ("discriminator", found.printed[8:])):
        dots = found.datasets[f"{player}_reading"]
        assert [n for pair in zip(dots["value"], dots["slope"], strict=True) for n in pair] == list(half)


def test_the_lines_are_those_of_the_definitions(figure: Figure) -> None:
    found = result(figure, 0.0)
    for player, offset in (("generator", 0), ("discriminator", 8)):
        curve = found.datasets[f"{player}_curves"]
        names = list(dict.fromkeys(curve["series"]))
        assert len(names) == 4
        for i in range(0, len(curve["x"]), 7):
            if abs(curve["x"][i] + 1) < 1e-6:
                continue  # the kink of the hinge
            place = offset + 2 * names.index(curve["series"][i])
            expected = by_hand(curve["x"][i])
            assert curve["value"][i] == pytest.approx(expected[place], rel=1e-11)
            assert curve["slope"][i] == pytest.approx(expected[place + 1], rel=1e-11)


@each("z", [-6.0, -4.0, -0.5, 2.0])
def test_the_sentence_says_how_many_times_harder_one_pulls(figure: Figure, z: float) -> None:
    said = result(figure, z).reading
    assert f"{100 * logistic(z):.3g} % to be real" in said
    # σ(−z) over σ(z) is e^−z
    ratio = logistic(-z) / logistic(z) if z < 0 else logistic(z) / logistic(-z)
    assert f"{ratio:.3g} times as hard" in said
    assert ("rightly doubts it" if z < 0 else "leans the wrong way") in said


def test_a_coin_flip_is_no_contest(figure: Figure) -> None:
    assert "with 0.5 and the non-saturating one with 0.5" in result(figure, 0.0).reading


def test_shares_of_a_batch(figure: Figure) -> None:
    (batch,) = [table for table in result(figure, -4.0).tables if "batch" in table.title]
    pulls = [logistic(z) for z in (-6, -5, -4, -3, -2)]
    expected = [f"{100 * pull / math.fsum(pulls):.3g} %" for pull in pulls]
    assert list(batch.rows[0][1:]) == expected
    assert batch.rows[2][1:] == ("28 %", "24 %", "20 %", "16 %", "12 %")  # 14, 12, 10, 8, 6 of 50
    assert batch.rows[3][1:] == ("20 %",) * 5


def test_a_batch_of_which_one_is_at_rest(figure: Figure) -> None:
    (batch,) = [table for table in result(figure, 1.0).tables if "batch" in table.title]
    assert batch.rows[2][1:] == ("33.3 %", "16.7 %", "0 %", "16.7 %", "33.3 %")
