"""Which of two classes is the positive one: one rule, and `choose` and `slopes compare` keep to it."""

from __future__ import annotations

import polars as pl
from tests.each import each

from slopes.recipes.choosing.choose import choose
from slopes.recipes.choosing.positive import sides
from slopes.recipes.data.target import find

CASES = [
    ((0, 1), (30, 10), 1),
    ((0, 1), (10, 30), 1),
    ((-1, 1), (10, 30), 1),
    ((-1, 1), (30, 10), 1),
    ((1, 2), (10, 30), 1),
    ((1, 2), (30, 10), 2),
    ((0, 5), (10, 30), 0),
    ((3, 20), (20, 20), 20),
    ((0.5, 1.5), (10, 30), 0.5),
    ((1_000_001, 1_000_002), (10, 30), 1_000_001),
    (("no", "yes"), (30, 10), "yes"),
    (("no", "yes"), (10, 30), "no"),
    (("ill", "well"), (20, 20), "well"),
    (("false", "true"), (10, 30), "true"),
    (("False", "True"), (10, 30), "True"),
    (("-1", "1"), (10, 30), "1"),
    (("9", "10"), (20, 20), "10"),
]


def said(label: float | str) -> str:
    return label if isinstance(label, str) else f"{label:.10g}"


@each(("labels", "counts", "positive"), CASES)
@each("step", [1, -1])  # the order of the rows does not matter
def test_choose_and_compare_agree(
    labels: tuple[float | str, float | str], counts: tuple[int, int], positive: float | str, step: int
) -> None:
    values = ([labels[0]] * counts[0] + [labels[1]] * counts[1])[::step]
    wanted = [float(value == positive) for value in values]
    choice = choose(values, task="binary")
    assert choice.targets is not None
    assert choice.targets.tolist() == wanted
    column = pl.Series("y", values) if isinstance(values[0], str) else pl.Series("y", values, dtype=pl.Float64)
    target = find(column.to_frame(), ("y",), "binary")
    assert target.values.tolist() == wanted
    assert target.classes[1] == said(positive)
    assert choice.labels in {(), target.classes}


def test_the_question_says_what_the_answer_will_do() -> None:
    answer = choose([1] * 10 + [2] * 30).questions[0].answers[0]
    assert answer.when == "they are two classes; 1, the rarer one, then counts as 1, 2 as 0"
    assert choose([1] * 10 + [2] * 30, task="binary").evidence[-1] == "1 counts as 1 and 2 as 0: the rarer one."


def test_what_decided_is_said() -> None:
    assert sides({0.0: 1, 1.0: 9}).why == "the 1"
    assert sides({"TRUE": 9, "FALSE": 1}) == ("FALSE", "TRUE", "the true one")
    assert sides({"a": 2, "b": 2}) == ("a", "b", "the later of two as frequent")
    assert sides({"nan": 3, "1": 2}) == ("nan", "1", "the rarer one")
