"""The forces on embeddings against hand-computed and mpmath's numbers, never through the library."""

from __future__ import annotations

import math

import mpmath
import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.state import State
from slopes.explorer.site.loading import Loaded

NAMES = ("cat 1", "cat 2", "dog 1", "dog 2", "fox 1", "fox 2")
Place = tuple[float, float]
FAR: tuple[Place, ...] = ((-4.0, 2.5), (-4.0, 2.5), (4.0, 2.5), (4.0, 2.5), (-4.0, -2.5), (-4.0, -2.5))


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["contrastive-forces"]


def state(figure: Figure, places: tuple[Place, ...] | None = None, **changes: object) -> State:
    keys = [name.replace(" ", "") + axis for name in NAMES for axis in "xy"]
    given = dict(zip(keys, [value for place in places for value in place], strict=True)) if places else {}
    return figure.parse([(name, str(value)) for name, value in {**given, **changes}.items()])


def forces(result: Result) -> list[Place]:
    flat = result.printed[1:]
    return list(zip(flat[0::2], flat[1::2], strict=True))


def partner(result: Result, name: str) -> tuple[str, ...]:
    return next(row for row in result.tables[0].rows if row[0] == name)


def test_the_three_worked_pairs_cost_what_the_notes_say(figure: Figure) -> None:
    places = ((-1.5, -1.0), (-1.2, -0.8), (-1.0, -0.7), (1.5, 2.0), (-3.9, 1.5), (-3.9, 2.1))
    result = figure.compute(state(figure, places, margin=2))
    pairs = result.datasets["pairs"]
    assert pairs["d"][:3] == pytest.approx([math.sqrt(0.13), math.sqrt(0.34), math.sqrt(18)], rel=1e-12)
    assert pairs["value"][:3] == pytest.approx([0.13, 2.00761924206, 0.0], rel=1e-11)


def test_a_pair_of_one_kind_pulls_by_twice_its_distance(figure: Figure) -> None:
    places = ((0.0, 0.0), (0.3, 0.4), *FAR[2:])
    result = figure.compute(state(figure, places, margin=1))
    assert result.printed[0] == pytest.approx(0.25, rel=1e-14)
    assert forces(result) == [pytest.approx(way) for way in ((0.6, 0.8), (-0.6, -0.8), *[(0.0, 0.0)] * 4)]
    assert partner(result, "cat 2")[1] == "one kind"
    assert "Cat 1 and cat 2 are 0.5 apart and pull each other with 1," in result.reading
    assert "nobody pushes" in result.reading


def test_two_kinds_push_by_twice_what_they_lack_of_the_margin(figure: Figure) -> None:
    places = ((-2.0, 1.0), (-2.0, 1.0), (1.0, -1.0), (1.0, -1.0), (1.0, 0.0), (1.0, 0.0))
    result = figure.compute(state(figure, places, margin=1.5))
    # four pairs of a dog and a fox, 1 apart: 0.25 each; each point is pushed by two of them, 2 * 0.5 each
    assert result.printed[0] == pytest.approx(1.0, rel=1e-14)
    assert forces(result)[2:] == [pytest.approx((0.0, y)) for y in (-2.0, -2.0, 2.0, 2.0)]
    assert "8 of 12 pairs of different kinds are past it and feel nothing" in result.reading


def test_at_rest_nothing_moves_and_the_reading_says_so(figure: Figure) -> None:
    preset = next(preset for preset in figure.presets if preset.label == "At rest")
    result = figure.compute({**figure.default(), **preset.state})
    assert result.printed[0] == 0
    assert set(result.printed[1:]) == {0.0}
    assert result.after is None
    assert result.reading.startswith("All forces are zero")
    assert not result.datasets["arrows"]["x"]


def test_a_triplet_pulls_and_pushes_with_one_near_or_far(figure: Figure) -> None:
    places = ((0.0, 0.0), (3.0, 0.0), (0.0, 1.0), (-4.0, -2.9), (0.0, -2.0), (-4.5, 2.9))
    result = figure.compute(state(figure, places, loss="triplet", margin=0.5))
    # distances: mate 3; strangers 1, 4.94, 2, 5.36; two triplets fall short of 3.5
    assert result.printed[0] == pytest.approx(2.5 + 1.5, rel=1e-14)
    expected = [(2.0, 0.0), (-2.0, 0.0), (0.0, 1.0), (0.0, 0.0), (0.0, -1.0), (0.0, 0.0)]
    assert forces(result) == [pytest.approx(way) for way in expected]
    assert "2 of 4 triplets fall short: cat 2 is 3 away, dog 1 1" in result.reading


def test_a_triplet_rests_while_its_mates_are_apart(figure: Figure) -> None:
    places = ((0.0, 0.0), (1.0, 0.0), (0.0, 2.5), (-4.0, -2.9), (0.0, -2.5), (-4.5, 2.9))
    at_rest = figure.compute(state(figure, places, loss="triplet", margin=1.5))
    assert at_rest.printed[0] == 0
    assert at_rest.after is None
    assert "cat 1 is 1 from cat 2 and 2.5 from its nearest stranger, dog 1" in at_rest.reading
    assert figure.compute(state(figure, places, loss="triplet", margin=1.6)).printed[0] == pytest.approx(0.2, rel=1e-12)


def test_the_hardest_triplet_of_each_anchor_counts(figure: Figure) -> None:
    places = ((-1.0, 0.0), (1.0, 0.0), (2.0, 0.0), (2.0, 0.0), (-4.0, 0.0), (-4.0, 0.0))
    result = figure.compute(state(figure, places, loss="batch_triplet", margin=1))
    # cat 1: 2 - 3 + 1 = 0; cat 2: 2 - 1 + 1 = 2; dogs: 0 - 1 + 1 = 0; foxes: 0 - 3 + 1 < 0
    assert result.printed[0] == pytest.approx(2.0, rel=1e-14)
    assert result.reading.startswith("1 of 6 anchors")
    assert "The worst is that of cat 2: its mate is 2 away" in result.reading


def views(places: list[Place], temperature: float) -> mpmath.mpf:
    """NT-Xent of six views, summed, in thirty digits."""
    total = mpmath.mpf(0)
    for i, (x, y) in enumerate(places):
        similar = [
            (x * u + y * v) / mpmath.sqrt((x * x + y * y) * (u * u + v * v)) / temperature
            for j, (u, v) in enumerate(places)
            if j != i
        ]
        own = i - i % 2  # after one's own place has gone, the partner stands where the pair begins
        total -= similar[own] - mpmath.log(sum(mpmath.exp(s) for s in similar))
    return total


@each("temperature", [0.1, 0.5, 2.0])
def test_nt_xent_turns_the_points_and_never_stretches_them(figure: Figure, temperature: float) -> None:
    one = state(figure, loss="nt_xent", temperature=temperature)
    result = figure.compute(one)
    places = [(one[f"{n.replace(' ', '')}x"], one[f"{n.replace(' ', '')}y"]) for n in NAMES]
    with mpmath.workdps(30):
        exact = [(mpmath.mpf(x), mpmath.mpf(y)) for x, y in places]
        assert result.printed[0] == pytest.approx(float(views(exact, mpmath.mpf(temperature))), rel=1e-13)
        for i in range(6):

            def moved(t: mpmath.mpf, i: int = i) -> mpmath.mpf:
                return views([(x + t * (k == i), y) for k, (x, y) in enumerate(exact)], mpmath.mpf(temperature))

            assert forces(result)[i][0] == pytest.approx(-float(mpmath.diff(moved, 0)), rel=1e-9)
    for (x, y), (u, v) in zip(places, forces(result), strict=True):
        assert x * u + y * v == pytest.approx(0, abs=1e-12)


def test_the_second_plate_says_the_probability_that_the_reading_says(figure: Figure) -> None:
    places = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (-1.0, 0.0), (-1.0, 0.0), (0.0, -1.0))
    result = figure.compute(state(figure, places, loss="nt_xent", temperature=1))
    share = 1 / (2 + 3 * math.exp(-1))  # cosines 0 of the mate, -1 three times, 0 of the last
    assert f"with probability {share:.3f}" in result.reading
    assert result.datasets["pairs"]["value"][0] == pytest.approx(-math.log(share), rel=1e-14)
    assert result.datasets["pairs"]["d"] == pytest.approx([1.0, 1.0])
    other = figure.compute(state(figure, places, loss="nt_xent", temperature=1, anchor="dog2"))
    assert f"with probability {math.e / (2 * math.e + 2 + math.exp(-1)):.3f}" in other.reading
    # over 1 - cosine a mate's slope is 1 - p, a rival's -p
    assert [float(cell.replace("−", "-")) for cell in (partner(result, "cat 2")[4], partner(result, "fox 2")[4])] == [
        pytest.approx(1 - share, rel=1e-4),
        pytest.approx(-share, rel=1e-4),
    ]


def test_a_step_moves_each_point_by_the_rate_times_its_force(figure: Figure) -> None:
    places = ((0.0, 0.0), (0.3, 0.4), *FAR[2:])
    after = figure.compute(state(figure, places, margin=1, rate=0.1)).after
    assert after is not None
    assert (after["cat1x"], after["cat1y"], after["cat2x"], after["cat2y"]) == (0.06, 0.08, 0.24, 0.32)
    assert (after["dog1x"], after["dog1y"]) == (4.0, 2.5)


@each("loss", ["contrastive", "triplet", "batch_triplet"])
def test_steps_end_where_the_loss_is_next_to_nothing(figure: Figure, loss: str) -> None:
    now = state(figure, loss=loss, margin=1)
    for _ in range(100):
        result = figure.compute(now)
        if result.after is None:
            break
        now = result.after
    assert result.after is None
    assert result.printed[0] < 1e-3
    assert ("All forces are zero" in result.reading) == (result.printed[0] == 0)


def test_points_stay_in_the_plane(figure: Figure) -> None:
    now = state(figure, loss="nt_xent", temperature=0.05, rate=0.5)
    for _ in range(20):
        after = figure.compute(now).after
        if after is None:
            break
        now = after
        assert all(abs(float(str(now[f"{name.replace(' ', '')}x"]))) <= 4.5 for name in NAMES)
        assert all(abs(float(str(now[f"{name.replace(' ', '')}y"]))) <= 2.9 for name in NAMES)


def test_all_six_on_one_point_are_answered(figure: Figure) -> None:
    for loss in ("contrastive", "triplet", "batch_triplet", "nt_xent"):
        result = figure.compute(state(figure, ((0.0, 0.0),) * 6, loss=loss))
        assert all(math.isfinite(figure) for figure in result.printed)
