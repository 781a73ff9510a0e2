"""Frames of a plate that moves offline: they say what the chart says, and come back from what differs."""

from __future__ import annotations

import re
from typing import Any

import pytest
import vl_convert
from tests.each import each

from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.standalone import specification
from slopes.explorer.site.frames import along, drawn
from slopes.explorer.site.loading import Loaded

WORDS = re.compile(r"<text[^>]*>([^<]*)</text>")


@pytest.fixture(scope="module")
def kl(loaded: Loaded) -> Figure:
    return loaded.figures["kl"]


def opened(frames: list[dict[str, Any]], place: int, chart: int) -> str:
    """A frame's chart, made of the first one's as the page makes it."""
    tags = list(frames[0]["charts"][chart])
    for start, gone, came in frames[place]["charts"][chart] if place else []:
        tags[start : start + gone] = came
    return "".join(tags)


@each("chart", ["pulls", "outcomes"])
def test_shorter_coordinates_leave_the_words_of_a_chart_alone(kl: Figure, chart: str) -> None:
    page = BY_ID["kl"]
    moves = along(kl, kl.default(), ["q_sun"], frames=3)
    results = [kl.compute(state) for state in moves.states]
    frames = drawn(page, [chart], moves, results, "light")["frames"]
    for place, result in enumerate(results):
        whole = specification(page, result, "light", only=chart)
        title = whole["concat"][0]["title"]  # it is the caption, which stands above
        svg = vl_convert.vegalite_to_svg(whole)
        made = opened(frames, place, 0)
        assert WORDS.findall(made) == [word for word in WORDS.findall(svg) if word != title]
        assert len(made) < len(svg)
