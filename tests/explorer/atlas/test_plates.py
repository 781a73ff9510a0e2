"""A plate's line has fewer points than it was drawn from, and lies where it lay."""

from __future__ import annotations

import math
import re

from slopes.catalog import CATALOG, find
from slopes.explorer.atlas import plates

ACROSS = [i * 1.1 for i in range(161)]


def drawn(heights: list[float], breaks: set[int] | None = None) -> list[list[tuple[float, float]]]:
    """Return the strokes of a path as points."""
    path = plates._path(ACROSS, heights, breaks or set())
    pairs = [re.findall(r"(-?[\d.]+) (-?[\d.]+)", stroke) for stroke in path.split("M")[1:]]
    return [[(float(x), float(y)) for x, y in stroke] for stroke in pairs]


def test_a_thinned_line_lies_within_what_one_sees_of_the_whole() -> None:
    whole = [(x, 20 * math.sin(x / 25) + 2 * math.sin(x / 12)) for x in ACROSS]
    few = plates._thinned(whole)
    assert 20 < len(few) < 140
    assert set(few) <= set(whole)
    for x, y in whole:
        right = next(i for i, (at, _) in enumerate(few) if at >= x)
        (a, top), (b, bottom) = few[max(right - 1, 0)], few[right]
        on = bottom if a == b else top + (bottom - top) * (x - a) / (b - a)
        assert abs(on - y) <= plates._SEEN


def test_a_straight_line_is_two_points_and_a_kink_three() -> None:
    assert [len(stroke) for stroke in drawn([0.01 * x for x in ACROSS])] == [2]
    assert [len(stroke) for stroke in drawn([0.01 * max(x - 88, 0.0) for x in ACROSS])] == [3]


def test_the_pen_lifts_at_a_jump_and_outside_of_the_tile() -> None:
    step = [0.0 if x < 88 else 1.0 for x in ACROSS]
    at = next(i for i, height in enumerate(step) if height)
    assert len(drawn(step, {at})) == 2
    assert len(drawn(step)) == 1
    assert len(drawn([0.0] * 60 + [99.0] * 41 + [0.0] * 60)) == 2


def test_all_plates_together_are_light() -> None:
    assert len(plates.plates([find("gelu"), find("huber")])) < 8_000


def test_lines_of_a_loss_are_told_apart_by_labels_that_fit_and_by_their_hue() -> None:
    for spec in CATALOG:
        found = plates._lines(spec)
        lines = found.lines if found else ()
        assert len(lines) <= plates.MOST, spec.name
        assert len({line.hue for line in lines}) == len(lines), spec.name
        assert all(0 < len(line.label) <= plates.LONG for line in lines if len(lines) > 1), spec.name


def test_numbers_below_zero_have_a_minus_and_no_hyphen() -> None:
    over = {spec.name: found.over for spec in CATALOG if (found := plates._lines(spec))}
    assert {name: text for name, text in over.items() if re.search(r"-\d", text)} == {}
