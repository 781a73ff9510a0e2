"""A table with its columns' parts given out: features, target, groups, time. Whatever is left out is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from slopes._core.errors import OptionError, ValuesError
from slopes.recipes.data import bundled, files
from slopes.recipes.data.table import ROWS, Table
from slopes.recipes.data.target import Target, find
from slopes.recipes.data.tasks import Task

Missing = Literal["drop", "median"]

LEAST_ROWS: Final = 20
_SHOWN: Final = 5
_NAMES: Final = 0.5  # a column of texts with more distinct ones than this share of the rows holds names


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which column is what; the columns that are not named here are features.

    Attributes:
        target: What is predicted; none takes the target of a bundled set.
        groups: Rows with the same value stay together in a split.
        time: Training comes before testing in this order.
        ignored: Columns to be left out.
        categorical: Columns whose numbers are names of categories.
    """

    target: tuple[str, ...] = ()
    groups: str | None = None
    time: str | None = None
    ignored: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features as they were read, and the target.

    Attributes:
        name: What a report calls it.
        about: What the data are, where it is known.
        numbers: `[N, F]` float64, a missing value is NaN.
        categories: `[N, G]` texts; a missing one is the empty text.
        number_names: What the columns of `numbers` are called.
        category_names: What the columns of `categories` are called.
        target: What is predicted.
        groups: `[N]`, the group of each row, or None.
        time: `[N]`, the place of each row in the order of time, or None.
        total: Rows that the source has.
        notes: What a reader has to know, in sentences.
    """

    name: str
    about: str
    numbers: npt.NDArray[np.float64]
    categories: npt.NDArray[np.str_]
    number_names: tuple[str, ...]
    category_names: tuple[str, ...]
    target: Target
    groups: npt.NDArray[Any] | None
    time: npt.NDArray[np.int64] | None
    total: int
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.target.values)


def load(
    data: str,
    columns: Columns,
    *,
    task: Task | None = None,
    positive: str | None = None,
    missing: Missing | None = None,
    rows: int = ROWS,
    seed: int = 0,
) -> Dataset:
    """Return the data behind a name or a path, ready to be split.

    Args:
        data: The name of a bundled set, or the path of a CSV, TSV or Parquet file.
        columns: Which column is what.
        task: What the target is; None finds out, and asks where the values do not say.
        positive: The positive one of two classes; None follows `choosing.positive.sides`.
        missing: `"drop"` leaves out rows with a missing value; `"median"` fills numbers with their median in training
            and texts with a category of their own, and leaves out rows without a target. None is an error.
        rows: The most rows to keep.
        seed: Seed of what is drawn.

    Raises:
        OptionError: A column or a file that is not there, or an option that does not suit the data.
        ValuesError: The data cannot be used as they are; the message says where and why.
    """
    table = bundled.read(data) if data in bundled.SETS else files.read(_path(data), rows=rows, seed=seed)
    return assign(table, columns, task=task, positive=positive, missing=missing)


def _path(data: str) -> Path:
    path = Path(data)
    if not path.suffix and not path.exists():
        text = (
            f"compare: {data!r} is neither a file nor a bundled set; give a path, or a set: {', '.join(bundled.SETS)}."
        )
        raise OptionError(text)
    return path


def assign(
    table: Table,
    columns: Columns,
    *,
    task: Task | None = None,
    positive: str | None = None,
    missing: Missing | None = None,
) -> Dataset:
    """Return a table with its columns' parts given out; see `load`."""
    targets = columns.target or table.targets
    _check_columns(table, columns, targets)
    frame, notes = _without_empty(table.frame, targets)
    others = [name for name in (columns.groups, columns.time) if name is not None]
    apart = {*targets, *others, *columns.ignored}
    names = [name for name in frame.columns if name not in apart]
    _check_mixed(table, (*names, *targets), columns.categorical)
    frame, dropped = _present(frame, (*names, *targets, *others), targets, missing)
    if len(frame) < LEAST_ROWS:
        text = f"compare: {table.name} has {len(frame)} usable rows, expected at least {LEAST_ROWS}; give more data."
        raise ValuesError(text)
    target = find(frame, targets, task or (None if columns.target else table.task), positive)
    numbers, categories, left = _features(frame, names, columns.categorical)
    leaks = _leaks(frame, (*numbers, *categories), targets)
    said = (*target.notes, *table.notes, *notes, *dropped, *left, *_twins(frame, numbers), *leaks)
    return Dataset(
        table.name,
        table.about,
        frame.select(numbers).fill_null(np.nan).to_numpy().reshape(len(frame), -1).astype(np.float64),
        frame.select(pl.col(categories).cast(pl.String).fill_null("")).to_numpy().reshape(len(frame), -1).astype(str),
        tuple(numbers),
        tuple(categories),
        target,
        None if columns.groups is None else frame[columns.groups].rank("dense").to_numpy().astype(np.int64),
        None if columns.time is None else frame[columns.time].rank("dense").to_numpy().astype(np.int64),
        table.total,
        said,
    )


def _check_columns(table: Table, columns: Columns, targets: tuple[str, ...]) -> None:
    if not targets:
        there = _listed(table.frame.columns)
        text = f"compare: no --target, expected the column to predict; say --target and one of these: {there}."
        raise OptionError(text)
    named = {"target": targets, "ignore": columns.ignored, "categorical": columns.categorical}
    named |= {"groups": (columns.groups,) if columns.groups else (), "time": (columns.time,) if columns.time else ()}
    for option, names in named.items():
        for name in names:
            if name not in table.frame.columns:
                there = _listed(table.frame.columns)
                said = f"compare: --{option} is {name!r}, and {table.name} has no such column"
                text = f"{said}; name one that it has: {there}."
                raise OptionError(text)
    if columns.groups and columns.time:
        text = (
            "compare: --groups and --time came together, expected one, since a split keeps groups or follows time; "
            "leave one out."
        )
        raise OptionError(text)
    twice = [name for name in targets if targets.count(name) > 1 or name in {columns.groups, columns.time}]
    if twice:
        text = f"compare: {twice[0]!r} is named twice; name it once, as target, groups or time."
        raise OptionError(text)


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(repr, names[: 2 * _SHOWN]))
    return shown if len(names) <= 2 * _SHOWN else f"{shown} and {len(names) - 2 * _SHOWN} more"


def _without_empty(frame: pl.DataFrame, targets: tuple[str, ...]) -> tuple[pl.DataFrame, list[str]]:
    empty = [n for n in frame.columns if frame[n].null_count() == len(frame) and n not in targets]
    return frame.drop(empty), [f"Column {name!r} is empty and was left out." for name in empty]


def _check_mixed(table: Table, names: tuple[str, ...], categorical: tuple[str, ...]) -> None:
    found = [(name, texts) for name, texts in table.mixed if name in names and name not in categorical]
    if found:
        name, texts = found[0]
        text = (
            f"compare: column {name!r} holds numbers, and also text: {', '.join(texts)}; correct these values, "
            f"or say --categorical {name} if its numbers are names of categories."
        )
        raise ValuesError(text)


def _present(
    frame: pl.DataFrame, names: tuple[str, ...], targets: tuple[str, ...], missing: Missing | None
) -> tuple[pl.DataFrame, list[str]]:
    """Return the rows that are used, and a sentence on what became of missing values."""
    counts = {name: frame[name].null_count() for name in names if frame[name].null_count()}
    if not counts:
        return frame, []
    listed = ", ".join(f"{name!r} {count:,}" for name, count in list(counts.items())[:_SHOWN])
    listed += f" and {len(counts) - _SHOWN} more columns" if len(counts) > _SHOWN else ""
    if missing is None:
        text = (
            f"compare: values are missing among {len(frame):,} rows: {listed}; say --missing drop to leave these rows "
            f"out, or --missing median to fill features in."
        )
        raise ValuesError(text)
    needed = names if missing == "drop" else [name for name in names if name in targets]
    kept = frame.drop_nulls(needed)
    left = f"Values are missing: {listed}. {len(frame) - len(kept):,} of {len(frame):,} rows were left out"
    filled = "" if missing == "drop" else ", and the gaps in features filled: numbers with their median in training"
    return kept, [f"{left}{filled}."]


def _features(
    frame: pl.DataFrame, names: list[str], categorical: tuple[str, ...]
) -> tuple[list[str], list[str], list[str]]:
    """Return the columns of numbers, those of categories, and sentences on those that were left out."""
    numbers, categories, constant, notes = [], [], [], []
    for name in names:
        column = frame[name].drop_nulls()
        text = column.dtype == pl.String or name in categorical
        if column.n_unique() < 2:  # noqa: PLR2004  one value says nothing
            constant.append(name)
        elif text and column.n_unique() > max(_NAMES * len(column), LEAST_ROWS):
            notes.append(f"Column {name!r} has {column.n_unique():,} distinct texts and was left out as names.")
        elif text:
            categories.append(name)
        elif int(column.is_infinite().sum()):
            count = int(column.is_infinite().sum())
            said = f"compare: column {name!r} is infinite in {count:,} rows, expected finite numbers; correct these."
            raise ValuesError(said)
        else:
            numbers.append(name)
    if constant:
        notes.append(f"Left out as constant: {_listed(constant)}.")
    if not (numbers or categories):
        said = "compare: no column is left to predict from; give data with at least one feature that varies."
        raise ValuesError(said)
    return numbers, categories, notes


def _twins(frame: pl.DataFrame, numbers: list[str]) -> list[str]:
    """Return a sentence for each column of numbers that repeats another."""
    first: dict[bytes, str] = {}
    notes = []
    for name in numbers:
        values = frame[name].fill_null(np.nan).to_numpy().tobytes()
        if values in first:
            notes.append(f"Columns {first[values]!r} and {name!r} hold the same values; both were kept.")
        first.setdefault(values, name)
    return notes


def _leaks(frame: pl.DataFrame, names: tuple[str, ...], targets: tuple[str, ...]) -> list[str]:
    """Return a warning for each feature whose values and the target's are one to one, and not all different."""
    notes = []
    for target in targets:
        distinct = frame[target].n_unique()
        for name in names:
            if frame[name].n_unique() != distinct or distinct == len(frame):
                continue
            if frame.select(name, target).n_unique() == distinct:
                notes.append(f"Column {name!r} decides {target!r}, value by value; is it known beforehand?")
    return notes
