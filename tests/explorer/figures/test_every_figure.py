"""What holds for every figure, in its default state and in each preset."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from typing import Any

import altair as alt
import pytest
from tests.each import each

from slopes.catalog import CATALOG
from slopes.explorer.figures.contents import PAGES
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.page import Page
from slopes.explorer.figures.parameters import Choice, Number, Several
from slopes.explorer.figures.result import Result, encode
from slopes.explorer.figures.state import State, query
from slopes.explorer.site import exports
from slopes.explorer.site.frames import along
from slopes.explorer.site.loading import Loaded

IDS = [page.id for page in PAGES]
FUNCTIONS = frozenset(spec.name for spec in CATALOG)
OWN_CODE = frozenset({"activations"})  # its snippet is run by tests of its own
NO_WORD = re.compile(r"\b(?:nan|NaN|inf|Infinity|None|undefined|not a number)\b")
FIGURE = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|nan|-?inf")


def states(figure: Figure) -> list[State]:
    return [figure.default(), *({**figure.default(), **preset.state} for preset in figure.presets)]


@pytest.fixture(params=PAGES, ids=IDS)
def page(request: pytest.FixtureRequest) -> Page:
    chosen: Page = request.param
    return chosen


@pytest.fixture
def one(page: Page, loaded: Loaded) -> Figure:
    return loaded.figures[page.id]


def test_it_teaches_in_two_to_five_presets_and_says_something_else_in_each(one: Figure) -> None:
    assert 2 <= len(one.presets) <= 6
    readings = [one.compute(state).reading for state in states(one)]
    assert len(set(readings[1:])) == len(readings[1:])
    for reading in readings:
        assert reading.endswith((".", "?"))
        assert 20 < len(reading) < 420


def test_few_controls_come_first(one: Figure) -> None:
    first = [
        p for p in one.parameters if not isinstance(p, Several) and not p.more and not getattr(p, "belongs_to", ())
    ]
    assert 1 <= len(first) <= 4


def test_every_state_is_whole(one: Figure) -> None:
    for state in states(one):
        result = one.compute(state)
        data = json.loads(encode(result.as_json()))
        assert data["formulas"]
        assert all("<math" in formula["mathml"] for formula in data["formulas"])
        assert data["tables"]
        assert not data["problems"]
        for table in (data["readings"], *data["tables"]):
            assert table["rows"], table["title"]
            assert all(len(row) == len(table["columns"]) for row in table["rows"]), table["title"]
        for name, columns in data["datasets"].items():
            assert len({len(column) for column in columns.values()}) == 1, name


def test_every_preset_is_said_in_words_and_numbers(one: Figure) -> None:
    for state in states(one):
        data = one.compute(state).as_json()
        words = [data["reading"], *(f["mathml"] for f in data["formulas"])]
        words += [text for c in data["corrections"] for text in c.values()]
        for table in (data["readings"], *data["tables"]):
            words += [
                table["title"],
                table["note"],
                *table["columns"],
                *(cell for row in table["rows"] for cell in row),
            ]
        words += [
            str(v) for columns in data["datasets"].values() for name, c in columns.items() if name == "label" for v in c
        ]
        assert [text for text in words if NO_WORD.search(text)] == []


def test_a_preset_that_names_a_function_reads_it_out(one: Figure) -> None:
    for preset in one.presets:
        state = {**one.default(), **preset.state}
        reading = one.compute(state).reading
        for parameter in one.parameters:
            if not isinstance(parameter, Several | Choice):
                continue
            chosen = state[parameter.name] if isinstance(parameter, Several) else (state[parameter.name],)
            names = [option.label for option in parameter.options if option.value in {*chosen} & FUNCTIONS]  # type: ignore[misc]
            for name in names:
                if re.search(rf"\b{re.escape(name)}\b", preset.label, re.IGNORECASE):
                    assert name.lower() in reading.lower(), (preset.label, reading)


def test_presets_are_states_that_the_address_can_say(one: Figure) -> None:
    for preset in one.presets:
        assert set(preset.state) <= {parameter.name for parameter in one.parameters}
        whole = {**one.default(), **preset.state}
        assert one.parse(query(whole)) == whole


def without_inks(chart: str) -> str:
    return re.sub(r'"#[0-9a-fA-F]{3,8}"', '"#"', chart)


@pytest.fixture(scope="module")
def valid() -> set[str]:
    """Return the charts that have been found valid, their colours aside."""
    return set()


@each("theme", ["light", "dark"])
def test_charts_are_valid_and_draw_what_there_is(page: Page, one: Figure, theme: str, valid: set[str]) -> None:
    declared = page.charts(theme)
    assert set(declared) == {name for name, _, _ in page.plates}
    result = one.compute(one.default())
    for chart in declared.values():
        text = json.dumps(chart)
        if without_inks(text) not in valid:  # what the themes have in common is looked at once, since it takes seconds
            alt.LayerChart.from_dict({k: v for k, v in chart.items() if k != "$schema"})
            valid.add(without_inks(text))
        assert set(re.findall(r'"data": \{"name": "(\w+)"\}', text)) <= set(result.datasets)
        ends = {param["name"] for param in chart.get("params", [])}
        assert ends <= set(result.signals)
        assert set(re.findall(r'\{"expr": "(\w+_(?:low|high))"\}', text)) <= ends


def test_its_python_prints_its_numbers(page: Page, one: Figure) -> None:
    if page.id in OWN_CODE:
        pytest.skip("it has a test of its own")
    for state in states(one):
        result = one.compute(state)
        assert result.printed
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(result.snippet, page.id, "exec"), {})  # noqa: S102  our own text, as a reader would run it
        said = [float(figure) for figure in FIGURE.findall(out.getvalue())]
        assert said == pytest.approx(result.printed, rel=1e-9, abs=1e-300, nan_ok=True)


def test_handles_are_numbers_on_a_plate_that_is_there(page: Page, one: Figure) -> None:
    numbers = {p.name for p in one.parameters if isinstance(p, Number)}
    for handle in one.handles:
        assert handle.chart in {name for name, _, _ in page.plates}
        assert {name for name in (handle.x, handle.y) if name} <= numbers


def test_a_step_leads_to_a_state(one: Figure) -> None:
    result = one.compute(one.default())
    assert bool(one.steps) == (result.after is not None)
    if result.after is not None:
        assert one.parse(query(result.after)) == result.after
        assert result.after != one.default()


def test_long_tables_are_left_out_unless_they_are_looked_at(one: Figure) -> None:
    result = one.compute(one.default())
    closed = result.as_json([])
    for table, given in zip(result.tables, closed["tables"], strict=True):
        assert bool(given["rows"]) == (table.fill is None)


def test_any_state_within_range_is_answered(one: Figure) -> None:
    """Each number at each of its ends, each choice in each of its options."""
    for parameter in one.parameters:
        ends: list[Any] = []
        if isinstance(parameter, Number):
            ends = [parameter.low, parameter.high]
        elif isinstance(parameter, Choice):
            ends = [option.value for option in parameter.options]
        for end in ends:
            state = {**one.default(), parameter.name: end}
            with contextlib.suppress(ValueError):
                one.check(state)
                result = one.compute(state)
                assert isinstance(result, Result)
                encode(result.as_json())


@each("kind", ["svg", "csv", "html"])
def test_it_is_exported(page: Page, one: Figure, kind: str) -> None:
    state = one.default()
    moves = along(one, state, frames=1)  # charts that move are drawn in Chromium
    results = [one.compute(each) for each in moves.states]
    result = results[moves.start]
    body = exports.export(page, moves, results, kind, "light").decode()
    if kind == "svg":
        assert body.startswith("<svg")
        assert "NaN" not in body
    elif kind == "csv":
        rows = list(csv.DictReader(io.StringIO(body)))
        drawn = {name for name, columns in result.datasets.items() if any(map(len, columns.values()))}
        assert {row["dataset"] for row in rows} == drawn
    else:
        assert result.reading.split("<")[0][:30] in body.replace("&#x27;", "'")
        assert not re.search(r"<(?:link|img|iframe)\b|url\((?!#)|@import|\bsrc=", body)
