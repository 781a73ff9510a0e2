from __future__ import annotations

import json
import math

import pytest
from tests.each import each

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.parameters import Number
from slopes.explorer.figures.result import Result, Table, encode
from slopes.explorer.figures.state import StateError, query, state_json


def test_nothing_said_is_the_default_state(figure: Figure) -> None:
    assert figure.parse([]) == figure.default()


@each("name", ["utm_source", "fbclid", "x" * 40])
def test_what_others_append_to_a_link_is_left_alone(figure: Figure, name: str) -> None:
    assert figure.parse([(name, "1"), ("at", "2")]) == {**figure.default(), "at": 2.0}


def test_a_state_survives_its_own_query(figure: Figure) -> None:
    for preset in figure.presets:
        state = {**figure.default(), **preset.state}
        assert figure.parse(query(state)) == state


@each(
    ("pairs", "sentence"),
    [
        ([("showw", "1")], "There is no parameter 'showw'; "),
        ([("at", "1"), ("at", "2")], "at is given more than once"),
        ([("at", "")], "at has no value"),
        ([("at", "nan")], "at must be a finite number"),
        ([("at", "-inf")], "at must be a finite number"),
        ([("at", "1e999")], "at must be a finite number"),
        ([("at", "two")], "at must be a number, and 'two' is none"),
        ([("at", "1" * 401)], "at is 401 characters long"),
        ([("at", "101")], "at must lie between -100 and 100; it was 101"),
        ([("swish.beta", "-1")], "swish.beta must lie between 0 and 10"),
        ([("functions", "relu,relu")], "functions names the same option twice"),
        ([("functions", "relu,exec")], "functions has no option 'exec'; there are celu, elu, "),
        ([("functions", "rellu")], "did you mean relu?"),
        ([("fron", "1")], "did you mean from?"),
        ([("functions", "relu,")], "functions has no option ''"),
        ([("functions", "yours")], "functions has no option 'yours'"),
        ([("functions", "relu,gelu,elu,selu,mish,swish,tanh,sigmoid,prelu")], "takes at most 8 options"),
        ([("show", "everything")], "show must be one of curves, difference"),
        ([("from", "2"), ("to", "2")], "from must be less than to"),
        ([("from", "99.95"), ("to", "100")], "from must be less than to by 0.1 at least"),
    ],
)
def test_what_is_no_state_is_refused_in_one_sentence(
    figure: Figure, pairs: list[tuple[str, str]], sentence: str
) -> None:
    with pytest.raises(StateError) as refused:
        figure.parse(pairs)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_refusal_never_repeats_what_cannot_be_printed(figure: Figure) -> None:
    with pytest.raises(StateError) as refused:
        figure.parse([("\x1b[31m" + "functions", "1")])
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 200


def test_a_number_may_lie_between_the_steps_of_its_slider() -> None:
    number = Number(name="t", label="t", low=0.0, high=1.0, step=0.25, default=0.5)
    assert number.parse("0.3333") == 0.3333


def test_what_is_not_finite_becomes_null_in_json() -> None:
    table = Table(title="", columns=(), rows=())
    result = Result(datasets={"d": {"x": [1.0, math.nan, math.inf]}}, reading="", readings=table)
    assert json.loads(encode(result.as_json()))["datasets"]["d"]["x"] == [1.0, None, None]


def test_the_schema_is_plain_data_with_a_control_for_each_parameter(figure: Figure) -> None:
    schema = json.loads(json.dumps(figure.schema(), allow_nan=False))
    assert [p["name"] for p in schema["parameters"]] == list(state_json(figure.default()))
    assert schema["cursor"] == "at"
    assert 2 <= len(schema["presets"]) <= 5
    for parameter in schema["parameters"]:
        if parameter["kind"] == "number":
            assert parameter["low"] <= parameter["default"] <= parameter["high"]
