"""The decision page without a server: every snippet runs, every word of a recipe is its own, commands say what runs."""

from __future__ import annotations

import argparse
import ast
import inspect
import io
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.each import each

from slopes import losses, recipes
from slopes._core.errors import SlopesError
from slopes.catalog import CATALOG
from slopes.explorer.choose import page, pairs, run, snippets
from slopes.explorer.choose.listings import shown
from slopes.explorer.choose.orders import Order, order
from slopes.explorer.choose.reasons import reasons
from slopes.explorer.choose.refusal import Refusal
from slopes.explorer.figures.described import described
from slopes.explorer.figures.wording import capital
from slopes.recipes.compare import command, comparison

PAIRS = [pair for _, group in pairs.GROUPS for pair in group]


@each("pair", PAIRS, ids=lambda pair: pair.snippet)
def test_every_task_has_python_that_runs_as_it_is_shown(pair: pairs.Pair) -> None:
    torch.manual_seed(0)
    names: dict[str, Any] = {}
    text = shown()[pair.snippet]
    exec(compile(text, pair.snippet, "exec"), names)  # noqa: S102  our own text, as a reader would run it
    statements = [node for node in ast.parse(text).body if not isinstance(node, ast.Import | ast.ImportFrom)]
    assert 3 <= len(statements) <= 5
    assert names["loss"].shape == ()
    assert names["loss"].isfinite()
    names["loss"].backward()
    assert ("recipe" in names) == bool(pair.recipe)
    if pair.recipe:
        assert f"recipes.{pair.recipe}" in text
        assert isinstance(names["recipe"], recipes.Recipe)
    else:
        assert f"L.{pair.losses[0]}(" in text
    assert {name for name in ("torch", "recipes", "L") if f"{name}." in text} == {
        (alias.asname or alias.name)
        for node in ast.parse(text).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def test_every_snippet_belongs_to_one_task() -> None:
    assert sorted(pair.snippet for pair in PAIRS) == sorted(shown())


def test_every_recipe_of_a_task_is_on_the_page() -> None:
    made = {reasons(pair.snippet)["recipe"] for pair in PAIRS if pair.recipe}  # type: ignore[index]
    fitting = {
        name
        for name in recipes.__all__
        if isinstance(getattr(recipes, name), type)
        and hasattr(getattr(recipes, name), "from_targets")
        and hasattr(getattr(recipes, name), "calibrated")
    }
    assert made == fitting


@each("pair", [pair for pair in PAIRS if pair.recipe], ids=lambda pair: pair.snippet)
def test_a_recipe_speaks_for_itself(pair: pairs.Pair) -> None:
    told = reasons(pair.snippet)
    assert told is not None
    for part in ("name", "head", "loss", "prediction", "metrics", "calibration"):
        assert len(told[part]) > 3, part
        assert not told[part].startswith("Return")
        assert "`" not in told[part]
    assert told["reasons"]
    if told["function"]:
        assert told["function"] in {"focal", "softmax_focal", *pair.losses}


def test_reasons_carry_the_numbers_of_the_targets() -> None:
    told = described(recipes.Binary.from_targets(torch.tensor([1] * 10 + [0] * 90)))
    assert (told.recipe, told.name, told.function) == ("Binary", "binary classification", "binary_cross_entropy")
    assert "90 negatives to 10 positives" in told.reasons[0][1]
    assert told.calibration == "Temperature and threshold found on validation logits [N] and labels [N]."
    assert described(recipes.PositiveRegression.from_targets(torch.tensor([1.0, 2.0]))).metrics.startswith("MAE")


@each("name", ["torch", "margin", "Run", "NamedTuple", "__doc__", "", "yes_or_no()"])
def test_only_snippets_with_a_recipe_have_reasons(name: str) -> None:
    assert reasons(name) is None
    assert snippets.margin().recipe is None


class Watched:
    """The losses, of which each sees that what has to be a log-probability is one."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a function or a module of the library
        given, spec = getattr(losses, name), next((s for s in CATALOG if s.name == name), None)
        if spec is None:
            return given

        def checked(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401
            bound = inspect.signature(given).bind(*arguments, **options).arguments
            for entry in spec.inputs:
                if entry.holds == "log_probability":
                    assert bool((bound[entry.name] <= 0).all()), f"`{entry.name}` of {name} is above 0"
            return given(*arguments, **options)

        return checked


@each("pair", PAIRS, ids=lambda pair: pair.snippet)
def test_log_probabilities_are_at_most_0(pair: pairs.Pair) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snippets, "L", Watched())
        getattr(snippets, pair.snippet)()


def test_names_are_not_capitalised() -> None:
    told = reasons("next_token")
    assert told is not None
    assert told["loss"].startswith("slopes.losses.next_token of ")
    assert capital("slopes.losses.next_token of logits") == "slopes.losses.next_token of logits"
    assert capital("the mean.") == "The mean."


def test_the_page_stands_without_torch_and_names_each_task_once() -> None:
    text = page.body()
    for pair in PAIRS:
        assert text.count(f'"Python: {pair.task}"') == 1
    assert len({part.partition('"')[0] for part in text.split('id="')[1:]}) == text.count('id="')


@each(
    ("given", "words"),
    [
        ({}, "data is missing"),
        ({"data": 3}, "data is missing"),
        ({"data": "wine", "target": "hue"}, "target is no list"),
        ({"data": "wine", "target": [1]}, "target is no list"),
        ({"data": "wine", "task": "clustering"}, "task is 'clustering', expected one of binary"),
        ({"data": "wine", "task": ["binary"]}, "task is "),
        ({"data": "wine", "missing": "zero"}, "missing is 'zero', expected drop or median"),
        ({"data": "wine", "missing": []}, "missing is '[]'"),
        ({"data": "wine", "seeds": 0}, "seeds is 0, expected a whole number from 1 to 20."),
        ({"data": "wine", "seeds": True}, "seeds is True"),
        ({"data": "wine", "steps": 1e3}, "steps is 1000.0"),
        ({"data": "wine", "steps": 2001}, "from 1 to 2000"),
        ({"data": "wine", "wrong": 1}, "wrong is 1, expected true or false"),
        ({"data": "wine", "output": "/etc"}, "There is no field 'output'"),
    ],
)
def test_an_order_that_cannot_be(given: dict[str, object], words: str) -> None:
    with pytest.raises(Refusal, match=r"\.$") as refused:
        order(given)
    assert words in refused.value.sentence
    assert refused.value.status == 400


def test_what_is_no_table_is_not_compared() -> None:
    with pytest.raises(Refusal, match="next token"):
        _ = Order(data="x.csv", task="next_token").compared_as
    assert Order(data="x.csv", task="quantiles").compared_as == "regression"


class _StoppedError(SlopesError):
    """Training is not what is tested here."""


@each(
    ("said", "wanted"),
    [
        ("wine", Order(data="wine")),
        ("wine", Order(data="wine", target=("hue",), seeds=2, steps=7, wrong=True)),
        ("wine", Order(data="wine", target=("magnesium",), task="positive", harm=True)),
        ("digits_attributes", Order(data="digits_attributes", target=("loop", "even"), missing="drop")),
    ],
)
def test_the_command_that_is_shown_does_what_the_button_does(
    said: str, wanted: Order, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[tuple[Any, comparison.Plan]] = []

    def record(data: Any, plan: comparison.Plan, **_: object) -> None:  # noqa: ANN401  a Dataset
        seen.append((data, plan))
        raise _StoppedError

    monkeypatch.setattr(comparison, "compare", record)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    program, verb, *rest = shlex.split(wanted.command(said, ()))
    assert (program, verb) == ("slopes", "compare")
    given = {name: getattr(wanted, name) for name in ("target", "missing", "seeds", "steps", "harm", "wrong")}
    given |= {"where": said, "task": wanted.compared_as, "jobs": 1, "report": str(tmp_path / "report.html")}
    with pytest.raises(_StoppedError):
        command.run(parser.parse_args([*rest, "--output", str(tmp_path)]))
    with pytest.raises(_StoppedError):
        run._compare(given, io.StringIO())
    (data, plan), (other, same) = seen
    assert plan == same
    assert (data.target.names, data.target.task, data.notes) == (other.target.names, other.target.task, other.notes)


def test_names_of_columns_and_files_are_quoted() -> None:
    said = Order(data="x", target=("a b", "-c", "d'e")).command("my file.csv", ())
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    given = parser.parse_args(shlex.split(said)[2:])
    assert (given.data, given.target) == ("my file.csv", ["a b", "-c", "d'e"])
    assert Order(data="x").command("-v.csv", ()).split()[2] == "./-v.csv"
