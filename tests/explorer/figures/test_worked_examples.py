"""The worked examples on the page against the table of exact figures, which mpmath made."""

from __future__ import annotations

import contextlib
import io
import json
import math
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result, encode
from slopes.explorer.figures.state import State
from slopes.explorer.figures.worked_examples.page import PAGE
from slopes.explorer.figures.worked_examples.table import ALL, FAILING, TOPICS, Row, of_topic, rows
from slopes.explorer.figures.worked_examples.views import View
from slopes.explorer.site.loading import Loaded

TABLE: Final = Path(__file__).parents[2] / "worked_examples.toml"
TRUE: Final[dict[str, dict[str, Any]]] = {row["id"]: row for row in tomllib.loads(TABLE.read_text("utf-8"))["example"]}
IDS: Final = list(TRUE)
ROWS: Final = {row.id: row for row in rows()}


@pytest.fixture(scope="module")
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["worked-examples"]


def several(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def exact_figures(name: str) -> list[float]:
    return [float(text) for text in several(TRUE[name]["exact"])]


def state_of(figure: Figure, row: Row, topic: str = "") -> State:
    topic = topic or row.topic
    return {**figure.default(), "topic": topic, topic: row.id}


def shown(figure: Figure, name: str) -> Result:
    return figure.compute(state_of(figure, ROWS[name]))


def view_of(name: str) -> View:
    from slopes.explorer.figures.worked_examples.examples import EXAMPLES  # noqa: PLC0415  it imports torch

    return EXAMPLES[name].view


def test_package_has_every_figure_of_the_table_as_it_stands_there() -> None:
    assert sorted(ROWS) == sorted(IDS)
    for name, row in ROWS.items():
        assert list(row.stated) == several(TRUE[name]["stated"])
        assert (row.holds, row.note) == (TRUE[name]["holds"], TRUE[name]["note"])
        assert row.holds or row.why
        assert len(row.parts) == (len(row.stated) if len(row.stated) > 1 else 0)


def test_title_counts_them() -> None:
    assert (len(ROWS), sum(not row.holds for row in ROWS.values())) == (63, 8)
    assert PAGE.claim == "Eight of sixty-three worked figures do not hold"
    assert (len(of_topic(FAILING)), len(of_topic(ALL))) == (8, 63)


def test_each_figure_has_one_topic() -> None:
    topics = [topic for topic in TOPICS if topic not in {FAILING, ALL}]
    found = [row.id for topic in topics for row in of_topic(topic)]
    assert sorted(found) == sorted(IDS)


@each("name", IDS)
def test_figure_is_the_exact_one_and_its_python_prints_it(figure: Figure, name: str) -> None:
    result = shown(figure, name)
    assert result.printed == pytest.approx(exact_figures(name), rel=1e-11, abs=0)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(result.snippet, name, "exec"), {})  # noqa: S102  our own text, as a reader would run it
    assert [float(word) for word in out.getvalue().split()] == pytest.approx(exact_figures(name), rel=1e-11, abs=0)


@each("name", IDS)
def test_points_lie_on_the_lines_at_the_exact_figure(figure: Figure, name: str) -> None:
    view, data = view_of(name), shown(figure, name).datasets["points"]
    assert all(view.low <= x <= view.high for x in data["x"])
    if view.direct:
        drawn = [data["slope" if mark.slope else "value"][i] for i, mark in enumerate(view.marks)]
        assert drawn == pytest.approx(exact_figures(name), rel=1e-11, abs=1e-15)


@each("name", IDS)
def test_crosses_stand_at_what_is_stated(figure: Figure, name: str) -> None:
    result, view = shown(figure, name), view_of(name)
    crosses = [*result.datasets["value_stated"]["value"], *result.datasets["slope_stated"]["slope"]]
    assert sorted(crosses) == sorted(float(text) for text in ROWS[name].stated if view.direct)
    for quantity in ("value", "slope"):
        ends = result.signals[f"{quantity}_low"], result.signals[f"{quantity}_high"]
        assert all(ends[0] <= v <= ends[1] for v in result.datasets[f"{quantity}_stated"][quantity])


@each(
    ("name", "far", "room"),
    [
        ("bce-spam-gradient", (35 - 11.875) / 11.875, 0.5 / 11.875),
        ("softmax-3-cold", (0.018 - 0.00760251433594) / 0.00760251433594, 0.0005 / 0.00760251433594),
        ("focal-hard", (1.86509392533 - 1.863) / 1.86509392533, 0.0005 / 1.86509392533),
        ("lesson-smoothed", 0.5, 0.005 * 30),
        ("emails-ratio", (70 - 68.3628910794) / 68.3628910794, 5 / 68.3628910794),
        ("perplexity-uniform", 1e-6, 0.1),
        ("chance", (0.4 - 0.390625) / 0.390625, 0.05 / 0.390625),
    ],
)
def test_differences_by_hand(figure: Figure, name: str, far: float, room: float) -> None:
    data = shown(figure, name).datasets
    place = data["chosen"]["row"][0]
    kind = data["holding" if ROWS[name].holds else "failing"]
    assert kind["far"][kind["row"].index(place)] == pytest.approx(far, rel=1e-7)
    assert data["rooms"]["room"][data["rooms"]["row"].index(place)] == pytest.approx(room, rel=1e-9)


@each("topic", list(TOPICS))
def test_dot_is_beyond_its_bar_exactly_where_the_figure_does_not_hold(figure: Figure, topic: str) -> None:
    data = figure.compute(state_of(figure, of_topic(topic)[0], topic)).datasets
    room = dict(zip(data["rooms"]["row"], data["rooms"]["room"], strict=True))
    assert all(far <= room[row] for row, far in zip(data["holding"]["row"], data["holding"]["far"], strict=True))
    assert all(far > room[row] for row, far in zip(data["failing"]["row"], data["failing"]["far"], strict=True))
    assert sorted([*data["holding"]["row"], *data["failing"]["row"]]) == list(range(len(of_topic(topic))))
    assert len(data["failing"]["row"]) == sum(not row.holds for row in of_topic(topic))


def test_slopes_by_hand(figure: Figure) -> None:
    def slopes(name: str) -> list[float]:
        found: list[float] = shown(figure, name).datasets["points"]["slope"]
        return found

    assert slopes("bce-spam") == pytest.approx([-1 / 0.92, -1 / 0.05])
    assert slopes("bce-spam-gradient") == pytest.approx([-0.08, -0.95])
    assert slopes("mse-house") == pytest.approx([40.0, 80.0])
    assert slopes("houses-mae") == pytest.approx([1 / 3])
    assert slopes("smoothed-target") == pytest.approx([1 / 4, -3 / 4])
    assert slopes("gelu-minimum") == pytest.approx([0.0], abs=1e-12)
    assert slopes("perplexity-uniform") == pytest.approx([-49_999.0])  # 1 + 49999 exp(-lead)
    # the first share takes two thirds from the second and a third from the third
    by_first = math.log(0.7 / 0.5) - 2 / 3 * math.log(0.2 / 0.3) - 1 / 3 * math.log(0.1 / 0.2)
    assert slopes("kl-forward") == pytest.approx([by_first])


def test_all_rows_say_whether_they_hold_and_why(figure: Figure) -> None:
    topic, every, _ = (table.as_json() for table in figure.compute(figure.default()).tables)
    assert (len(topic["rows"]), len(every["rows"])) == (8, 63)
    verdicts = [row[-1] for row in every["rows"]]
    assert sum(verdict.startswith("does not hold: ") for verdict in verdicts) == 8
    assert sum(verdict.startswith("holds") for verdict in verdicts) == 55


def test_corrections_are_those_of_the_topic_the_chosen_one_first(figure: Figure) -> None:
    result = figure.compute({**figure.default(), FAILING: "info-nce"})
    assert len(result.corrections) == 8
    assert result.corrections[0].stated.endswith("0.639 and 0.448.")
    assert "0.639427 and 0.447183" in result.corrections[0].holds
    assert not shown(figure, "houses-mse").corrections


def test_reading_says_what_became_of_the_figure(figure: Figure) -> None:
    assert "stated as 35, exactly 11.875." in figure.compute(figure.default()).reading
    assert "exactly 0.802184, which rounds to the stated 0.80." in shown(figure, "sigmoid-1.4").reading
    assert "exactly 16200, as stated." in shown(figure, "houses-mse").reading
    assert shown(figure, "houses-mse").reading.endswith("All 12 figures of this topic hold.")
    assert shown(figure, "info-nce").reading.endswith("Of the 3 figures here one does not hold.")
    assert shown(figure, "focal-easy").reading.endswith("Of the 17 figures here three do not hold.")


@each("name", IDS)
def test_every_figure_is_small_and_readable(figure: Figure, name: str) -> None:
    result = shown(figure, name)
    assert len(result.reading) < 420
    assert len(encode(result.as_json([]))) < 60_000
    curves = json.loads(encode(result.datasets["curves"]))
    assert None not in curves["value"]
    assert len(curves["x"]) <= 3 * 240


def test_slope_has_a_gap_where_it_jumps(figure: Figure) -> None:
    curves = json.loads(encode(shown(figure, "houses-mae").datasets["curves"]))
    assert [x for x, slope in zip(curves["x"], curves["slope"], strict=True) if slope is None] == [180.0]
