"""The calibration figure's numbers against sums of exponentials in `math`, never through the library."""

from __future__ import annotations

import math

import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.site.loading import Loaded

TEACHER = (7.0, 4.5, 3.0, -1.0, -2.5)
STUDENTS = {"sure": (6.0, 0.0, 0.0, 0.0, 0.0), "new": (0.0,) * 5, "swapped": (7.0, -1.0, 3.0, 4.5, -2.5)}


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["calibration"]


def result(figure: Figure, **changes: float | str) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


def target(eps: float, k: int, over: str) -> list[float]:
    if over == "all":
        return [1 - eps + eps / k, *[eps / k] * (k - 1)]
    return [1 - eps, *[eps / (k - 1)] * (k - 1)]


def loss(lead: float, row: list[float]) -> float:
    whole = math.log(math.exp(lead) + len(row) - 1)
    return row[0] * (whole - lead) + math.fsum(row[1:]) * whole


def slope(lead: float, row: list[float]) -> float:
    return math.exp(lead) / (math.exp(lead) + len(row) - 1) - row[0]


def softmax(logits: tuple[float, ...], t: float) -> list[float]:
    powers = [math.exp(z / t) for z in logits]
    return [power / math.fsum(powers) for power in powers]


CASES = [
    (g, eps, k, over) for g in (-2.0, 1.0, 4.5, 14.0) for eps in (0.1, 0.5) for k, over in ((2, "all"), (10, "others"))
]


@each(("lead", "eps", "k", "over"), [*CASES, (8.0, 0.1, 1000, "all"), (8.0, 0.3, 1000, "others")])
def test_loss_slope_and_rest(figure: Figure, lead: float, eps: float, k: int, over: str) -> None:
    found = result(figure, lead=lead, smoothing=eps, classes=k, over=over)
    row = target(eps, k, over)
    assert found.printed[0] == pytest.approx(loss(lead, row), rel=1e-11)
    assert found.printed[1] == pytest.approx(slope(lead, row), rel=1e-9, abs=1e-15)
    # nothing pulls where it rests
    assert slope(found.printed[2], row) == pytest.approx(0, abs=1e-12)


@each(("k", "over"), [(2, "all"), (10, "all"), (10, "others"), (1000, "all"), (1000, "others")])
def test_the_lines(figure: Figure, k: int, over: str) -> None:
    found = result(figure, classes=k, over=over)
    names = {"hard": (0.0, "all"), "all": (0.1, "all"), "others": (0.1, "others")}
    for dataset in ("chosen", "others"):
        columns = found.datasets[dataset]
        assert (over in columns["series"]) == (dataset == "chosen")
        for i in range(0, len(columns["x"]), 13):
            eps, spread = names[columns["series"][i]]
            row = target(eps, k, spread)
            assert columns["value"][i] == pytest.approx(loss(columns["x"][i], row), rel=1e-9, abs=1e-12)
            assert columns["slope"][i] == pytest.approx(slope(columns["x"][i], row), rel=1e-9, abs=1e-12)


def test_the_lines_rest_at_the_entropy_of_the_target(figure: Figure) -> None:
    rests = result(figure, classes=10).datasets["rests"]
    assert rests["x"] == pytest.approx([math.log(0.91 / 0.01), math.log(0.9 * 9 / 0.1)], rel=1e-12)
    expected = [-0.91 * math.log(0.91) - 0.09 * math.log(0.01), -0.9 * math.log(0.9) - 0.1 * math.log(0.1 / 9)]
    assert rests["value"] == pytest.approx(expected, rel=1e-12)


@each(
    ("lead", "eps", "said"),
    [
        (8.0, 0.1, "rests at a lead of 4.51, 91 % sure; at 8, 99.7 %, it pulls back with 0.087"),
        (2.0, 0.1, "it pushes on with 0.46"),  # e²/(e² + 9) is 0.451, of 0.91
        (4.51, 0.1, "it is at rest"),
        (8.0, 0.0, "Hard labels rest nowhere: at a lead of 8, 99.7 % sure, they still push with 0.003"),
    ],
)
def test_the_sentence_on_smoothing(figure: Figure, lead: float, eps: float, said: str) -> None:
    assert said in result(figure, lead=lead, smoothing=eps).reading


@each(("who", "t"), [(who, t) for who in STUDENTS for t in (1.0, 4.0, 50.0)])
def test_shares_and_sizes_of_gradients(figure: Figure, who: str, t: float) -> None:
    found = result(figure, student=who, t=t)
    p, q = softmax(TEACHER, t), softmax(STUDENTS[who], t)
    assert found.datasets["shares"]["p"] == pytest.approx([*p, *q], rel=1e-12)
    away = math.dist(p, q)
    assert found.printed[3:] == pytest.approx((t * away, away / t), rel=1e-9)
    hard = math.dist(softmax(STUDENTS[who], 1), (1, 0, 0, 0, 0))
    assert found.datasets["sizes_reading"]["norm"] == pytest.approx([t * away, away / t, hard], rel=1e-9)
    assert f"gives {100 * math.fsum(p[1:]):.3g} % to other classes" in found.reading


@each("who", list(STUDENTS))
def test_sizes_over_the_temperature(figure: Figure, who: str) -> None:
    columns = result(figure, student=who).datasets["sizes"]
    for i in range(0, len(columns["t"]), 11):
        t = columns["t"][i]
        away = math.dist(softmax(TEACHER, t), softmax(STUDENTS[who], t))
        hard = math.dist(softmax(STUDENTS[who], 1), (1, 0, 0, 0, 0))
        expected = {"with T²": t * away, "without": away / t, "hard label": hard}[columns["series"][i]]
        assert columns["norm"][i] == pytest.approx(expected, rel=1e-9)
    # far out only the logits' differences are left: their deviations from the mean, over K
    last = [n for n, s in zip(columns["norm"], columns["series"], strict=True) if s == "with T²"][-1]
    gaps = [a - b for a, b in zip(TEACHER, STUDENTS[who], strict=True)]
    flat = [gap - math.fsum(gaps) / 5 for gap in gaps]
    assert last == pytest.approx(math.hypot(*flat) / 5, rel=0.05)
