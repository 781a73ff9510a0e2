"""The InfoNCE figure's numbers against sums of exponentials in `math`, never through the library."""

from __future__ import annotations

import math

import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.info_nce.lineup import others
from slopes.explorer.figures.result import Result
from slopes.explorer.site.loading import Loaded

WORKED = {"temperature": 0.5, "negatives": 3, "positive": 0.9, "hard": 0.3}


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["info-nce"]


def result(figure: Figure, **changes: float) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


def shares(similarities: list[float], temperature: float) -> list[float]:
    weights = [math.exp((s - max(similarities)) / temperature) for s in similarities]
    return [weight / math.fsum(weights) for weight in weights]


def test_the_worked_line_up(figure: Figure) -> None:
    found = result(figure, **WORKED)
    assert found.printed[0] == pytest.approx(0.447183208226, abs=5e-13)
    assert found.printed[1] == pytest.approx(0.639426749302, abs=5e-13)
    # e^1.8, e^0.6, e^0.2, e^-1 over their sum, the nearest first
    exponents = [1.8, 0.6, 0.2, -1.0]
    whole = sum(map(math.exp, exponents))
    bars = found.datasets["candidates"]
    assert bars["label"] == ["pos", "hard", "n2", "n3"]
    assert bars["p"] == pytest.approx([math.exp(e) / whole for e in exponents], rel=1e-14)
    assert found.datasets["chance"]["p"] == [0.25]
    assert "among 4, where chance is 25 %" in found.reading


def test_pull_and_pushes(figure: Figure) -> None:
    found = result(figure, **WORKED)
    gradient = found.datasets["candidates"]["gradient"]
    assert gradient[0] == pytest.approx(-(1 - 0.639426749302) / 0.5, abs=1e-11)
    p = found.datasets["candidates"]["p"]
    assert gradient[1:] == pytest.approx([2 * share for share in p[1:]], rel=1e-13)
    assert math.fsum(gradient) == pytest.approx(0, abs=1e-14)
    # of e^0.6 + e^0.2 + e^-1 the first
    part = math.exp(0.6) / (math.exp(0.6) + math.exp(0.2) + math.exp(-1))
    assert f"the hard negative takes {100 * part:.1f} %" in found.reading


@each(("negatives", "alone", "rest"), [(1, 0, 0), (7, 6, 0), (8, 5, 2), (255, 5, 249)])
def test_the_bars_are_the_whole_line_up(figure: Figure, negatives: int, alone: int, rest: int) -> None:
    found = result(figure, negatives=negatives)
    bars = found.datasets["candidates"]
    assert len(bars["label"]) == 2 + alone + (rest > 0)
    assert math.fsum(bars["p"]) == pytest.approx(1, rel=1e-13)
    assert math.fsum(bars["gradient"]) == pytest.approx(0, abs=1e-12)
    if rest:
        assert found.readings.rows[-1][0] == f"other {rest}, summed"
    similarities = [0.6, 0.5, *others().tolist()][: 1 + negatives]
    expected = shares(similarities, 0.1)
    assert bars["p"][0] == pytest.approx(expected[0], rel=1e-12)
    nearest = sorted(expected[2:], reverse=True)[:alone]
    assert bars["p"][2 : 2 + alone] == pytest.approx(nearest, rel=1e-12)


def test_others_are_always_the_same_and_start_with_the_worked_ones() -> None:
    drawn = others().tolist()
    assert len(drawn) == 254
    assert drawn[:2] == [0.1, -0.5]
    assert all(-0.95 <= s <= 0.95 for s in drawn)


def test_loss_over_the_temperature(figure: Figure) -> None:
    found = result(figure, negatives=9, positive=0.4, hard=0.55)
    similarities = [0.4, 0.55, *others().tolist()][:10]
    curve = found.datasets["temperature_curves"]
    for i in range(0, len(curve["x"]), 8):
        expected = -math.log(shares(similarities, float(curve["x"][i]))[0])
        assert curve["nats"][i] == pytest.approx(expected, rel=1e-11)
    assert curve["x"][0] == pytest.approx(0.01)
    # as τ falls, the loss is the lead of the nearer negative over τ
    assert curve["nats"][0] == pytest.approx(0.15 / 0.01, rel=1e-4)
    assert found.datasets["temperature_chance"]["nats"].tolist() == pytest.approx([math.log(10)] * len(curve["x"]))


def test_loss_over_the_negatives(figure: Figure) -> None:
    found = result(figure, temperature=0.2, positive=0.4, hard=0.3)
    similarities = [0.4, 0.3, *others().tolist()]
    curve = found.datasets["negatives_curves"]
    assert (curve["x"][0], curve["x"][-1]) == (1, 255)
    for count, nats in zip(curve["x"].tolist(), curve["nats"].tolist(), strict=True):
        expected = -math.log(shares(similarities[: 1 + int(count)], 0.2)[0])
        assert nats == pytest.approx(expected, rel=1e-11)
    chance = found.datasets["negatives_chance"]["nats"]
    assert chance.tolist() == pytest.approx([math.log(1 + count) for count in curve["x"].tolist()], rel=1e-14)
    assert all(later >= earlier for earlier, later in zip(curve["nats"], curve["nats"][1:], strict=False))


def test_the_sentence_changes_with_the_line_up(figure: Figure) -> None:
    assert "worse than chance" in result(figure, positive=0.5, hard=0.8).reading
    assert "where chance is 0.391 %" in result(figure, negatives=255).reading
    sure = result(figure, temperature=0.02, hard=0.3)
    left = math.fsum(math.exp((s - 0.6) / 0.02) for s in [0.3, *others().tolist()[:14]])
    assert left == pytest.approx(math.exp(-15) + math.exp((0.2733 - 0.6) / 0.02), rel=0.01)  # the hard one and the next
    assert f"all but {left * 1e7:.1f} × 10⁻⁷ of the probability" in sure.reading
    assert f"A pull of {left / 0.02 * 1e5:.1f} × 10⁻⁵ per unit of similarity is left" in sure.reading


def test_a_tie_is_a_coin(figure: Figure) -> None:
    found = result(figure, negatives=1, positive=-0.3, hard=-0.3)
    assert found.printed == pytest.approx((math.log(2), 0.5, 0.5, -5, 5), rel=1e-14)
