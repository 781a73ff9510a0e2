"""From targets to a recipe: what is clear, what is asked, what is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from tests.each import each
from tests.later import Later

from slopes import OptionError, ShapeError, SlopesError, ValuesError
from slopes.recipes.choosing.choose import choose
from slopes.recipes.choosing.verdict import TASKS
from slopes.recipes.recipe import Recipe

datasets = Later("sklearn.datasets")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


NORMAL = torch.randn(500, generator=generator())
WILD = torch.cat([NORMAL[:475], 1000 * NORMAL[475:]])
LOGNORMAL = (1.2 * NORMAL).exp()
LABELS = (torch.rand(50, 4, generator=generator()) > 0.5).long()


@each(
    ("targets", "task", "said"),
    [
        ("load_breast_cancer", "binary", "0 212 times, 1 357 times"),
        (torch.tensor([-1.0, 1.0, 1.0]), "binary", "1 counts as 1 and -1 as 0"),
        (torch.tensor([True, False, False]), "binary", "False 2 times, True once"),
        (["no"] * 9 + ["yes"] * 3, "binary", "yes counts as 1 and no as 0: the rarer one"),
        ("load_digits", "multiclass", "about equally frequent (1.05 to 1 at most)"),
        ("load_wine", "multiclass", "0 59 times, 1 71 times, 2 48 times"),
        (
            pl.Series(["a", "b", "c"] * 5, dtype=pl.Categorical),
            "multiclass",
            "Classes are numbered in alphabetical order",
        ),
        (LABELS, "multilabel", "labels that do not exclude each other"),
        (LABELS.float(), "multilabel", "ones a row"),
        (2 * LABELS - 1, "multilabel", "Columns of -1 and 1 are labels"),
        ("load_diabetes", "regression", "442 numbers from 25 to 346"),
        ("load_linnerud", "regression", "20 rows of 3 numbers each"),
        (NORMAL, "regression", "No heavy tails"),
        (
            torch.poisson(torch.full((500,), 30.0), generator=generator()).long(),
            "regression",
            "Integers go to the loss",
        ),
        (WILD, "robust", "Heavy tails: under the MSE these would rule"),
        (torch.stack([NORMAL, WILD], 1), "robust", "Column 1: "),
        (LOGNORMAL, "transformed", "under a log transform"),
        (torch.cat([LOGNORMAL, torch.zeros(5)]), "transformed", "under a yeo-johnson transform"),
        (torch.cat([torch.zeros(60), 10 * LOGNORMAL[:40]]), "positive", "60 of them are exactly 0: more than half"),
        (torch.tensor([0.5, 7.25, 3.0]), "regression", "Fewer than 20 rows say nothing of tails"),
    ],
)
def test_what_is_clear_is_chosen_with_evidence(targets: Any, task: str, said: str) -> None:  # noqa: ANN401
    if isinstance(targets, str):
        targets = getattr(datasets, targets)().target
    choice = choose(targets)
    assert choice.task == task
    assert isinstance(choice.recipe, Recipe)
    assert choice.questions == ()
    assert said in " ".join(choice.evidence)
    assert choice.targets is not None
    assert len(choice.targets) == len(targets)
    assert task not in {answer.task for answer in choice.alternatives}
    raw = choice.recipe.head(3)(torch.zeros(len(targets), 3)).to(choice.targets.dtype if task not in CLASSES else None)
    assert choice.recipe.loss(raw, choice.targets).isfinite()


CLASSES = {"binary", "multiclass", "multilabel"}
SOFT = torch.softmax(torch.randn(50, 3, generator=generator()), 1)


@each(
    ("targets", "answers"),
    [
        ([1, 2, 3, 4, 5] * 10, ["multiclass", "regression", "positive"]),
        ([-2, -1, 0, 1, 2] * 10, ["multiclass", "regression"]),
        (torch.tensor([0, 1, 2] * 3), ["multiclass", "regression", "positive"]),
        (torch.tensor([0.0, 1.0, 2.0] * 30), ["multiclass", "regression", "positive"]),
        (
            torch.poisson(torch.full((500,), 2.0), generator=generator()).long(),
            ["multiclass", "regression", "positive"],
        ),
        (torch.tensor([0] * 100 + [1] * 60 + [2] * 20), ["multiclass", "regression", "positive"]),
        (torch.arange(50).repeat(4), ["multiclass", "positive", "regression"]),
        (torch.arange(100, 200), ["regression"]),
        ([3, 7, 7, 3], ["binary", "regression"]),
        (torch.rand(100, generator=generator()), ["bounded", "regression"]),
        (torch.rand(100, 3, generator=generator()), ["bounded", "regression"]),
        (torch.eye(3).repeat(5, 1), ["multiclass", "multilabel"]),
        (torch.eye(3).repeat(5, 1) - torch.eye(3).repeat(5, 1).roll(1, 1), ["multilabel", "regression"]),
        (LABELS * (2 * LABELS.roll(1, 0) - 1), ["multilabel", "regression"]),
        (torch.eye(2).long().repeat(5, 1), ["binary", "multilabel"]),
        (SOFT, ["multiclass", "bounded"]),
        (torch.stack([SOFT[:, 0], 1 - SOFT[:, 0]], 1), ["bounded", "binary"]),
        (torch.randint(0, 1000, (4, 32), generator=generator()), ["next_token", "masked_token", "regression"]),
        (torch.randn(40, 64, generator=generator()), ["regression", "embedding"]),
        (["12", "13", "12", "13"], ["regression", "binary"]),
        (["1", "2", "3.5"] * 3, ["regression", "multiclass"]),
    ],
)
def test_what_is_not_clear_is_asked(targets: Any, answers: list[str]) -> None:  # noqa: ANN401
    choice = choose(targets)
    assert (choice.recipe, choice.task, choice.targets) == (None, None, None)
    assert [answer.task for answer in choice.questions[0].answers] == answers
    assert choice.evidence
    assert all(f'task="{task}": ' in str(choice) for task in answers)
    for task in answers:
        if (
            task == "binary"
            and targets is not None
            and isinstance(targets, torch.Tensor)
            and targets.is_floating_point()
        ):
            continue  # shares of two classes: to be rounded by whoever knows how
        answered = choose(targets, task=task)  # type: ignore[arg-type]
        assert answered.task == task
        assert isinstance(answered.recipe, Recipe)
        assert {answer.task for answer in answered.alternatives} == set(answers) - {task}
        assert f"task={task!r} was given." in answered.evidence


@each(
    ("task", "targets", "encoded", "labels"),
    [
        ("multiclass", [5, 1, 5, 3, 1, 3], [2, 0, 2, 1, 0, 1], ("1", "3", "5")),
        ("binary", [3, 7, 7], [1, 0, 0], ("7", "3")),
        ("binary", torch.eye(2)[[1, 0, 1]], [1.0, 0.0, 1.0], ()),
        ("multiclass", torch.eye(3)[[2, 0, 1]], [2, 0, 1], ()),
        ("regression", ["1.5", "2", "1.5"], [1.5, 2.0, 1.5], ()),
        ("bounded", torch.tensor([[0.25, 0.75], [0.5, 0.5]]), [0.75, 0.5], ()),
        ("multilabel", [[1, -1], [-1, 1], [1, 1]], [[1, 0], [0, 1], [1, 1]], ()),
        ("multilabel", [[1, 0], [-1, 1], [1, 1]], [[1, 0], [0, 1], [1, 1]], ()),
        ("embedding", ["a", "b", "a", "b"], [0, 1, 0, 1], ("a", "b")),
    ],
)
def test_targets_come_encoded_as_the_recipe_takes_them(
    task: Any,  # noqa: ANN401
    targets: object,
    encoded: list[Any],
    labels: tuple[str, ...],
) -> None:
    choice = choose(targets, task=task)
    assert choice.targets is not None
    assert choice.targets.tolist() == encoded
    assert choice.labels == labels


@each("task", ["regression", "robust", "transformed", "positive", "heteroscedastic", "quantiles"])
def test_every_recipe_for_numbers_can_be_named(task: Any) -> None:  # noqa: ANN401
    choice = choose(datasets.load_diabetes().target, task=task)
    assert choice.task == task
    assert choice.recipe is not None
    assert choice.recipe.loss(choice.recipe.head(2)(torch.zeros(442, 2)).double(), choice.targets).isfinite()


def test_labels_that_occur_once_are_told() -> None:
    choice = choose(["a"] * 10 + ["b"] * 10 + ["c", "d"])
    assert choice.task == "multiclass"
    assert "c, d occur once: a row cannot be in the training and in the validation part" in " ".join(choice.evidence)


@each(
    ("targets", "error", "said"),
    [
        ([7, 7, 7], ValuesError, "all 3 `targets` are 7, expected values that differ"),
        (["x", "x"], ValuesError, "all 2 `targets` are 'x'"),
        (torch.zeros(5, 3), ValuesError, "all 5 `targets`"),
        ([f"id{k}" for k in range(10_000)], ValuesError, "10000 of 10000 `targets` are texts that occur once"),
        (torch.arange(3.0).unsqueeze(1), ShapeError, r"pass targets.squeeze\(-1\)"),
        ([3.0], ShapeError, "at least two rows"),
        ([1.0, None], ValuesError, "missing"),
        (np.array([1.0, np.inf]), ValuesError, "infinite"),
    ],
)
def test_what_teaches_nothing_is_refused_in_words(targets: Any, error: type[SlopesError], said: str) -> None:  # noqa: ANN401
    with pytest.raises(error, match=said):
        choose(targets)


@each(
    ("task", "targets", "said"),
    [
        ("guess", [1, 2], "`task` is 'guess', expected one of 'binary'"),
        ("binary", [1, 2, 3], "since they take 3 different values"),
        ("binary", LABELS, "since they have 4 values a row"),
        ("regression", ["a", "b", "a", "b"], "not every text is a number"),
        ("next_token", [0.5, 1.5], "they are floating"),
        ("multiclass", ["a", "b", "a", "b"], "Binary"),
    ],
)
def test_answers_that_cannot_be_are_refused(task: Any, targets: object, said: str) -> None:  # noqa: ANN401
    with pytest.raises(OptionError, match=said):
        choose(targets, task=task)


def test_the_whole_choice_can_be_read() -> None:
    said = str(choose(LOGNORMAL))
    assert "Recipe: regression on transformed targets." in said
    assert "It could also be" in said
    assert 'task="robust", if the far ones are errors in the data' in said


def test_the_tasks_are_told_by_name() -> None:
    assert all(f'`"{task}"`' in (choose.__doc__ or "") for task in TASKS)


def test_choosing_loads_no_metrics_and_no_reader() -> None:
    code = (
        "import sys, slopes.recipes.choosing.choose as c\n"
        "import slopes.recipes.regression.quantiles, slopes.recipes.regression.robust\n"
        "c.choose([0.5, 7.25, 3.0])\n"
        "print([name for name in ('torchmetrics', 'sklearn', 'polars', 'altair') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"


def test_the_callers_targets_are_left_alone() -> None:
    targets = WILD.clone()
    choose(targets)
    assert torch.equal(targets, WILD)


def test_many_rows_take_little_time() -> None:
    choice = choose(torch.randn(300_000, generator=generator()))
    assert choice.task == "regression"
