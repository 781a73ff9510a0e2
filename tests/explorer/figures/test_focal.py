"""The focal figure against closed forms in mpmath and figures worked out by hand, never through the library."""

from __future__ import annotations

import mpmath
import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.state import State
from slopes.explorer.site.loading import Loaded


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["focal"]


def state(figure: Figure, **changes: object) -> State:
    return figure.parse([(name, str(value)) for name, value in changes.items()])


def value_and_size(p: float, gamma: float, weight: float = 1.0) -> tuple[float, float]:
    """Of the focal loss of a truth with probability p: its value, and the size of its slope by the logit."""

    def loss(z: mpmath.mpf) -> mpmath.mpf:
        truth = 1 / (1 + mpmath.exp(-z))
        return -weight * (1 - truth) ** gamma * mpmath.log(truth)

    with mpmath.workdps(40):
        z = mpmath.log(mpmath.mpf(p) / (1 - mpmath.mpf(p)))
        return float(loss(z)), float(abs(mpmath.diff(loss, z)))


def table(result: Result, title: str) -> dict[str, tuple[str, ...]]:
    found = next(t for t in (result.readings, *result.tables) if t.title.startswith(title))
    return {row[0]: row[1:] for row in found.rows}


@each("gamma", [0.0, 0.5, 2.0, 5.0])
@each("p", [0.001, 0.1, 0.6, 0.9, 0.999])
def test_what_the_crosshair_reads(figure: Figure, gamma: float, p: float) -> None:
    read = figure.compute(state(figure, gamma=gamma, p=p)).datasets["reading"]
    expected = [value_and_size(p, 0), value_and_size(p, gamma)]
    assert list(zip(read["value"], read["slope"], strict=True)) == [pytest.approx(pair, rel=1e-11) for pair in expected]


def test_lines_with_a_weight_for_positives(figure: Figure) -> None:
    result = figure.compute(state(figure, gamma=1.5, weights="alpha", alpha=0.3))
    curve = result.datasets["curves"]
    lighter = result.datasets["lighter"]
    for i in range(0, len(lighter["x"]), 20):
        x = float(lighter["x"][i])
        assert lighter["times"][i] == pytest.approx(1 / (0.7 * (1 - x) ** 1.5), rel=1e-9)
    weights = {"cross-entropy": (0.0, 1.0), "focal, y = 0": (1.5, 0.7), "focal, y = 1": (1.5, 0.3)}
    assert set(curve["series"]) == set(weights)
    for i in range(0, len(curve["x"]), 11):
        value, size = value_and_size(float(curve["x"][i]), *weights[curve["series"][i]])
        assert curve["value"][i] == pytest.approx(value, rel=1e-10)
        assert curve["slope"][i] == pytest.approx(size, rel=1e-10)


def test_an_easy_example_is_a_hundred_times_lighter(figure: Figure) -> None:
    result = figure.compute(figure.default())
    assert table(result, "A negative")["times less"][0] == "100"
    assert result.datasets["lighter_reading"]["times"][0] == pytest.approx(100, rel=1e-12)
    # CE has 0.1; focal 0.01 (0.1 - 2 * 0.9 * ln 0.9)
    assert result.datasets["lighter_reading"]["times"][1] == pytest.approx(34.5245, rel=1e-5)
    assert "100 times lighter, and its gradient 34.52 times weaker" in result.reading


@each(("gamma", "p", "times"), [(2, 0.95, 400), (1, 0.9, 10), (5, 0.6, 97.65625), (0, 0.7, 1)])
def test_the_ratio_is_a_power_of_what_is_missing(figure: Figure, gamma: float, p: float, times: float) -> None:
    ratio = figure.compute(state(figure, gamma=gamma, p=p)).datasets["lighter_reading"]["times"][0]
    assert ratio == pytest.approx(times, rel=1e-11)


def test_who_has_the_total(figure: Figure) -> None:
    result = figure.compute(figure.default())
    easy, hard = 105.360515658, 2.30258509299  # 1000 times -ln 0.9; -ln 0.1
    shares = [easy / (easy + hard), easy / 100 / (easy / 100 + 1.86509392533)]
    # the gradients: 0.1 and 0.9 under cross-entropy; 0.01 (0.1 - 1.8 ln 0.9) and 0.81 (0.9 - 0.2 ln 0.1) under focal
    shares += [100 / 100.9, 2.896489281843 / (2.896489281843 + 1.102018785065)]
    assert result.datasets["shares"]["share"] == pytest.approx(shares, rel=1e-9)
    total = table(result, "Who has the total")
    assert total["1,000 negatives at 0.9"] == ("105.36", "1.0536", "100", "2.8965")
    assert total["their share"] == ("97.9 %", "36.1 %", "99.1 %", "72.4 %")
    said = "hold 97.9 % of the loss under cross-entropy and 36.1 % under focal; of the gradient 99.1 % and 72.4 %."
    assert said in result.reading
    loss, hushed, pull, weaker = (float(share.removesuffix(" %")) for share in total["their share"])
    assert 1 - hushed / loss > 2 * (1 - weaker / pull) > 0.2, "the claim: both fall, the gradient less"


def test_worked_figures_are_exact(figure: Figure) -> None:
    worked = {what: row[1] for what, row in table(figure.compute(figure.default()), "Worked").items()}
    assert worked["γ = 2, p = 0.9: times lighter"] == "100"
    assert worked["γ = 2, p = 0.95: times lighter"] == "400"
    assert worked["γ = 2, p = 0.95"] == "0.000128233"
    assert worked["γ = 2, p = 0.9"] == "0.00105361"
    assert worked["γ = 2, p = 0.5"] == "0.173287"
    assert worked["γ = 2, p = 0.1"] == "1.86509"


def test_corrections_hold(figure: Figure) -> None:
    rounded, counted, lifted, drowned = [c.holds for c in figure.compute(figure.default()).corrections]
    assert "0.000128233 and 1.865;" in rounded
    assert "100 times smaller" in counted
    assert "34.5 times smaller" in counted
    assert "from 0.9 to 1.1." in lifted
    # 9990 times -ln 0.999 and 0.001, 10 times -ln 0.1 and 0.9, 9990 times -ln 0.99 and 0.01
    assert "cost 9.99 nats together and pull the logits with 9.99;" in drowned
    assert "cost 23 and pull with 9." in drowned
    assert "cost 100.4, pull with 99.9 and do drown them" in drowned


@each(
    ("changes", "said"),
    [
        ({"gamma": 0}, "γ = 0 is cross-entropy itself: nothing is lighter"),
        ({"gamma": 0, "p": 0.1}, "leaves it as it is"),
        (
            {"p": 0.1},
            "the loss is 0.81 of cross-entropy's, the gradient 1.1 where cross-entropy has 0.9; it pulls harder",
        ),
        ({"p": 0.4}, "it pulls less than before"),
        ({"p": 0.999, "negatives": 999}, "1,000,000 times lighter"),
        ({"negatives": 1}, "One such negative beside one positive at 0.1 holds 4.38 %"),
        ({"weights": "alpha", "p": 0.95}, "with α = 0.25 makes a negative 533.3 times lighter"),
        ({"weights": "alpha", "alpha": 0.25, "gamma": 0.1, "p": 0.5}, "makes a negative 1.429 times lighter"),
        ({"weights": "alpha", "gamma": 0}, "1.333 times lighter"),
        ({"negatives": 100_000, "p": 0.5}, "hold all but 0.0033 % of the loss."),
    ],
)
def test_the_reading_follows(figure: Figure, changes: dict[str, object], said: str) -> None:
    assert said in figure.compute(state(figure, **changes)).reading


def test_what_the_crosshair_reads_is_in_the_plots(figure: Figure) -> None:
    for gamma in (0, 2, 5):
        for p in (0.001, 0.02, 0.3, 0.9, 0.999):
            for weights in ("none", "alpha"):
                result = figure.compute(state(figure, gamma=gamma, p=p, weights=weights, alpha=0.01))
                for dataset, quantity in (("reading", "value"), ("reading", "slope"), ("lighter_reading", "times")):
                    low, high = result.signals[f"{quantity}_low"], result.signals[f"{quantity}_high"]
                    assert all(low <= v <= high for v in result.datasets[dataset][quantity])
