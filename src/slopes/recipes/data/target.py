"""The target of a table: which task it is, and its values as numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from slopes._core.errors import OptionError, SlopesError, ValuesError
from slopes.recipes.choosing.positive import in_order, sides
from slopes.recipes.choosing.verdict import Answer
from slopes.recipes.data.tasks import COMPARED_AS, Task

ROWS_PER_CLASS: Final = 5
"""Fewer than these, and training, validation and test cannot each have one and training two."""

_MOST_CLASSES: Final = 200
_FEW_VALUES: Final = 20
_NAMES: Final = 0.2  # more distinct texts than this share of the rows are names, no classes
_SHOWN: Final = 4


@dataclass(frozen=True, eq=False)
class Target:
    """What is predicted.

    Attributes:
        task: Which recipe it asks for.
        names: The column, or one for each label.
        values: `[N]` int64 class indices; `[N]` float64 labels 0 and 1 or numbers; or `[N, K]` float64 labels.
        classes: What the classes are called, in the order of their indices; for binary the negative comes first.
        notes: What was found and decided, in sentences.
    """

    task: Task
    names: tuple[str, ...]
    values: npt.NDArray[np.float64] | npt.NDArray[np.int64]
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def find(frame: pl.DataFrame, names: tuple[str, ...], task: Task | None = None, positive: str | None = None) -> Target:
    """Return the target in these columns, which hold no missing values.

    Args:
        frame: Columns of numbers or of strings.
        names: One column, or one for each label.
        task: What it is; None finds out, and asks where the values do not say.
        positive: Which of two classes is the positive one; None follows `choosing.positive.sides`.

    Raises:
        OptionError: `task` does not suit the columns, or there is no class `positive`.
        ValuesError: The values are constant, infinite, ambiguous, too rare or too many.
    """
    if len(names) > 1:
        return _labels(frame, names, task)
    column = frame[names[0]]
    _check_varies(column)
    if column.dtype != pl.String:
        _check_finite(column)
    chosen, evidence = (task, ()) if task else _task_of(column)
    if positive is not None and chosen != "binary":
        text = f"compare: --positive is {positive!r} and the task is {chosen}, expected binary; leave --positive out."
        raise OptionError(text)
    if chosen == "multilabel":
        text = f"compare: --task is multilabel and --target one column, {names[0]!r}; give each label's column."
        raise OptionError(text)
    if chosen == "regression":
        return _numbers(column, evidence)
    return _classes(column, chosen, positive)


def _check_varies(column: pl.Series) -> None:
    if column.n_unique() > 1:
        return
    held = _said(column[0])
    text = (
        f"compare: target {column.name!r} holds {held} in all {len(column):,} rows, expected at least two different "
        f"values; there is nothing to predict, so choose another column."
    )
    raise ValuesError(text)


def _check_finite(column: pl.Series) -> None:
    infinite = int(column.is_infinite().sum())
    if infinite:
        text = (
            f"compare: target {column.name!r} is infinite in {infinite:,} of {len(column):,} rows, expected finite "
            f"numbers; correct or remove these rows."
        )
        raise ValuesError(text)


def _task_of(column: pl.Series) -> tuple[Task, tuple[str, ...]]:
    """Return the task that the values ask for, and what was seen; or ask."""
    distinct = column.n_unique()
    if column.dtype == pl.String:
        return ("binary" if distinct == 2 else "multiclass"), ()  # noqa: PLR2004  two classes
    from slopes.recipes.choosing.choose import choose  # noqa: PLC0415  imports torch and every recipe

    try:
        choice = choose(torch.from_numpy(column.to_numpy().astype(np.float64)))
    except SlopesError as error:
        text = f"compare: target {column.name!r}: {str(error).partition(': ')[2]} Or say --task regression."
        raise ValuesError(text) from None
    if choice.task in COMPARED_AS:
        return COMPARED_AS[choice.task], choice.evidence
    answers = [a for question in choice.questions for a in question.answers if a.task in COMPARED_AS]
    tasks = dict.fromkeys(COMPARED_AS[answer.task] for answer in answers)
    if len(tasks) == 1:
        return next(iter(tasks)), choice.evidence
    said = ", or ".join(f"--task {task} if {_when(answers, task)}" for task in tasks)
    text = (
        f"compare: target {column.name!r} holds {distinct} whole numbers from {_said(column.min())} to "
        f"{_said(column.max())}, and does not tell what they are. Say {said}."
    )
    raise ValuesError(text)


def _when(answers: list[Answer], task: Task) -> str:
    return next(answer.when for answer in answers if COMPARED_AS.get(answer.task) == task)


def _numbers(column: pl.Series, evidence: tuple[str, ...]) -> Target:
    if column.dtype == pl.String:
        text = (
            f"compare: target {column.name!r} holds text ({_said(column[0])}, ...) and --task is regression, expected "
            f"numbers; correct the column or leave --task out."
        )
        raise OptionError(text)
    values = column.to_numpy().astype(np.float64)
    note = f"{column.name} holds numbers from {_said(values.min())} to {_said(values.max())}."
    return Target("regression", (column.name,), values, notes=evidence or (note,))


def _classes(column: pl.Series, task: Task, positive: str | None) -> Target:
    words = [_said(value) for value in column]
    counts = Counter(words)
    _check_classes(column.name, counts, len(words))
    if task == "multiclass" and len(counts) == 2:  # noqa: PLR2004  two classes
        text = (
            f"compare: --task is multiclass and target {column.name!r} has two classes; one logit says both, since "
            f"a softmax over two is a sigmoid of their difference. Use --task binary."
        )
        raise OptionError(text)
    if task == "binary":
        return _two(column.name, words, counts, positive)
    order = sorted(counts, key=in_order)
    index = {word: i for i, word in enumerate(order)}
    listed = ", ".join(f"{word} ({counts[word]:,})" for word in order[:_FEW_VALUES])
    note = f"{column.name} has {len(order)} classes: {listed}{', ...' if len(order) > _FEW_VALUES else ''}."
    values = np.array([index[word] for word in words], dtype=np.int64)
    return Target("multiclass", (column.name,), values, tuple(order), (note,))


def _two(name: str, words: list[str], counts: Counter[str], positive: str | None) -> Target:
    if len(counts) != 2:  # noqa: PLR2004  two classes
        text = f"compare: --task is binary and target {name!r} has {len(counts)} classes, expected two; leave it out."
        raise OptionError(text)
    if positive is not None and positive not in counts:
        text = (
            f"compare: --positive is {positive!r}, expected one of {', '.join(map(repr, counts))}; choose one of these."
        )
        raise OptionError(text)
    no, yes, why = sides(counts)
    if positive is not None:
        no, yes, why = next(word for word in counts if word != positive), positive, "as --positive says"
    note = f"{name} is {yes} in {counts[yes]:,} rows and {no} in {counts[no]:,}; {yes} is the positive class, {why}."
    return Target("binary", (name,), np.array([float(word == yes) for word in words]), (no, yes), (note,))


def _check_classes(name: str, counts: Counter[str], rows: int) -> None:
    if len(counts) > _MOST_CLASSES or (len(counts) > _FEW_VALUES and len(counts) > _NAMES * rows):
        some = ", ".join(repr(word) for word in list(counts)[:3])
        text = (
            f"compare: target {name!r} holds {len(counts):,} distinct values in {rows:,} rows ({some}, ...), which are "
            f"names and no classes to learn; choose another column, or merge the values into at most {_MOST_CLASSES}."
        )
        raise ValuesError(text)
    rare = [(word, count) for word, count in counts.items() if count < ROWS_PER_CLASS]
    if rare:
        listed = ", ".join(f"{word!r} ({count})" for word, count in rare[:_SHOWN])
        text = (
            f"compare: target {name!r} has classes in fewer than {ROWS_PER_CLASS} rows: {listed}"
            f"{', ...' if len(rare) > _SHOWN else ''}; training, validation and test each need some, so merge these "
            f"classes or remove their rows."
        )
        raise ValuesError(text)


def _labels(frame: pl.DataFrame, names: tuple[str, ...], task: Task | None) -> Target:
    if task not in {None, "multilabel"}:
        text = (
            f"compare: --target has {len(names)} columns and --task is {task}; expected multilabel; leave --task out."
        )
        raise OptionError(text)
    for name in names:
        found = set(frame[name].unique().to_list())
        if not found <= {0.0, 1.0}:
            odd = _said(next(iter(found - {0.0, 1.0})))
            text = (
                f"compare: label {name!r} holds {odd}, expected 0 and 1 in each of several target columns; "
                f"for one column of classes or of numbers give --target once."
            )
            raise ValuesError(text)
        _check_varies(frame[name])
        _check_classes(name, Counter(map(_said, frame[name])), len(frame))
    values = frame.select(names).to_numpy().astype(np.float64)
    shares = ", ".join(f"{name} {int(total):,}" for name, total in zip(names, values.sum(0), strict=True))
    note = f"{len(names)} labels; positives among {len(values):,} rows: {shares}."
    return Target("multilabel", names, values, names, (note,))


def _said(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
