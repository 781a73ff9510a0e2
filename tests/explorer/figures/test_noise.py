"""The noise figure's numbers against angles, sums and ratios in `math`, never through the library."""

from __future__ import annotations

import math

import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.site.loading import Loaded

TIMES = [0.02, 0.2, 0.5, 0.77, 0.98]


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["noise"]


def result(figure: Figure, **changes: float | str) -> Result:
    return figure.compute(figure.parse([(name, str(value)) for name, value in changes.items()]))


def by_beta(t: float) -> tuple[float, float]:
    """Return both factors of the linear schedule, its β added up over small steps."""
    steps = 20_000
    total = math.fsum(0.1 + 19.9 * (i + 0.5) * t / steps for i in range(steps)) * t / steps
    kept = math.exp(-total)
    return math.sqrt(kept), math.sqrt(1 - kept)


FACTORS = {
    "cosine": lambda t: (math.sin(math.pi / 2 * (1 - t)), math.cos(math.pi / 2 * (1 - t))),
    "linear": by_beta,
    "flow": lambda t: (1 - t, t),
}


@each(("schedule", "t"), [(name, t) for name in FACTORS for t in TIMES])
def test_sample_velocity_and_weights(figure: Figure, schedule: str, t: float) -> None:
    found = result(figure, schedule=schedule, t=t, x0=1.3, eps=-0.7)
    a, b = FACTORS[schedule](t)
    velocity = -0.7 - 1.3 if schedule == "flow" else a * -0.7 - b * 1.3
    charge = 1 / t**2 if schedule == "flow" else (a / b) ** 2 + 1
    assert found.printed == pytest.approx((a * 1.3 + b * -0.7, velocity, (a / b) ** 2, charge), rel=1e-8)


def test_the_cosine_velocity_is_the_speed_of_the_sample(figure: Figure) -> None:
    """dx/dt is v times π/2."""
    lines = result(figure, t=0.5).datasets
    t, x = lines["sample"]["x"], lines["sample"]["y"]
    v = [y for y, series in zip(lines["targets"]["y"], lines["targets"]["series"], strict=True) if series == "v"]
    for i in range(1, len(t) - 1, 9):
        speed = (x[i + 1] - x[i - 1]) / (t[i + 1] - t[i - 1])
        assert speed == pytest.approx(v[i] * math.pi / 2, abs=1e-3)


@each("schedule", list(FACTORS))
def test_the_lines_of_weights_and_ratios(figure: Figure, schedule: str) -> None:
    lines = result(figure, schedule=schedule).datasets
    weights = lines["weights"]
    for i in range(0, len(weights["x"]), 11):
        a, b = FACTORS[schedule](weights["x"][i])
        charge = 1 / weights["x"][i] ** 2 if schedule == "flow" else 1 / b**2
        expected = {"x₀": 1.0, "ε": (a / b) ** 2, "v": charge}[weights["series"][i]]
        assert weights["y"][i] == pytest.approx(expected, rel=1e-7)
    for name in ("schedules", "other_schedules"):
        columns = lines[name]
        for i in range(5, len(columns["x"]), 13):
            which = {"cosine": "cosine", "linear β": "linear", "rectified flow": "flow"}[columns["series"][i]]
            a, b = FACTORS[which](columns["x"][i])
            assert columns["y"][i] == pytest.approx((a / b) ** 2, rel=1e-7)
    assert set(lines["schedules"]["series"]) == {
        {"linear": "linear β", "flow": "rectified flow"}.get(schedule, "cosine")
    }


@each(("t", "held", "said"), [(0.25, 5.0, "held down from 5.83"), (0.5, 1.0, "which the cap does not touch")])
def test_min_snr(figure: Figure, t: float, held: float, said: str) -> None:
    """tan²(3π/8) is 5.83, and tan²(π/4) is 1."""
    found = result(figure, weighting="min-snr", t=t)
    assert found.printed[-1] == pytest.approx(held, rel=1e-12)
    assert said in found.reading
    (rows,) = [table.rows for table in found.tables if "another's weight" in table.title]
    ratio = math.tan(math.pi / 2 * (1 - t)) ** 2
    assert [float(row[2]) for row in rows] == pytest.approx([held, held / ratio, held / (ratio + 1)], rel=1e-4)
    assert [float(row[1]) for row in rows] == pytest.approx([1, 1 / ratio, 1 / (ratio + 1)], rel=1e-4)


def test_only_a_flow_has_a_velocity_that_stays(figure: Figure) -> None:
    def ends(schedule: str) -> tuple[float, float]:
        early, late = (result(figure, schedule=schedule, t=t) for t in (0.1, 0.9))
        assert ("the same at every t" in early.reading) == (schedule == "flow")
        return early.printed[1], late.printed[1]

    assert ends("flow") == pytest.approx((-1.6, -1.6))
    for schedule in ("cosine", "linear"):
        early, late = ends(schedule)
        assert abs(early - late) > 0.05


def test_half_and_half(figure: Figure) -> None:
    said = result(figure, t=0.5).reading
    assert "the signal has 1 times the power of the noise" in said
    assert "an MSE of v 2 times" in said
