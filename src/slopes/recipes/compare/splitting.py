"""Training, validation and test rows of each repetition, with scikit-learn's splitters."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from slopes._core.errors import ValuesError
from slopes.recipes.data.dataset import Dataset

Rows = npt.NDArray[np.int64]

TEST_SHARE: Final = 0.2
"""Share of the rows that test, and as many that validate; a repetition trains on the others."""

_FOLDS: Final = 5


class Split(NamedTuple):
    """Row numbers: to train on, to calibrate on, to judge on."""

    train: Rows
    validation: Rows
    test: Rows


def split(data: Dataset, seed: int, repetitions: int) -> Split:
    """Return one repetition's rows.

    Classes keep their shares in each part. With groups, a group is in one part only. With time, training comes before
    validation and validation before test: repetition `seed` is one of `repetitions` origins that move forward.

    Args:
        data: What is split.
        seed: Which repetition, from 0.
        repetitions: How many there are.

    Raises:
        ValuesError: There are too few groups or rows, or a part would miss a class.
    """
    if data.time is not None:
        parts = _in_time(data.time, seed, repetitions)
    elif data.groups is not None:
        parts = _by_group(data, data.groups, seed)
    else:
        parts = _at_random(data, seed)
    _check_parts(data, parts)
    return parts


def described(data: Dataset) -> str:
    """Return in words how rows are split."""
    if data.time is not None:
        return (
            "Rows are ordered in time: each repetition trains on the earliest, validates on later ones and tests on "
            "still later ones, with an origin that moves forward."
        )
    kept = ", the shares of classes kept" if data.target.task in {"binary", "multiclass"} else ""
    together = ", groups kept together" if data.groups is not None else ""
    return f"Each repetition trains on 60 % of the rows, validates on 20 % and tests on 20 %{kept}{together}."


def _strata(data: Dataset, rows: Rows) -> npt.NDArray[Any] | None:
    return data.target.values[rows] if data.target.task in {"binary", "multiclass"} else None


def _at_random(data: Dataset, seed: int) -> Split:
    from sklearn.model_selection import train_test_split  # noqa: PLC0415  the extra's packages come with their use

    rows = np.arange(len(data))
    share = {"test_size": TEST_SHARE, "random_state": seed}
    rest, test = train_test_split(rows, stratify=_strata(data, rows), **share)
    share["test_size"] = len(test)
    train, validation = train_test_split(rest, stratify=_strata(data, rest), **share)
    return Split(train, validation, test)


def _by_group(data: Dataset, groups: Rows, seed: int) -> Split:
    found = len(np.unique(groups))
    if found < _FOLDS:
        text = f"compare: --groups has {found} different values, expected at least {_FOLDS}; split without it."
        raise ValuesError(text)
    rows = np.arange(len(data))
    rest, test = _fold(data, groups, rows, _FOLDS, seed)
    train, validation = _fold(data, groups, rest, _FOLDS - 1, seed)
    return Split(train, validation, test)


def _fold(data: Dataset, groups: Rows, rows: Rows, folds: int, seed: int) -> tuple[Rows, Rows]:
    """Return the rows outside and inside of one fold."""
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold  # noqa: PLC0415  likewise

    strata = _strata(data, rows)
    splitter = (GroupKFold if strata is None else StratifiedGroupKFold)(folds, shuffle=True, random_state=seed)
    outside, inside = next(splitter.split(rows, strata, groups[rows]))
    return rows[outside], rows[inside]


def _in_time(time: Rows, seed: int, repetitions: int) -> Split:
    from sklearn.model_selection import TimeSeriesSplit  # noqa: PLC0415  likewise

    order = np.argsort(time, kind="stable")
    held = max(1, int(TEST_SHARE * len(order) / max(1, repetitions / 2)))
    origins = list(TimeSeriesSplit(repetitions + 1, test_size=held).split(order))[1:]
    before, test = origins[seed]
    return Split(order[before[:-held]], order[before[-held:]], order[test])


def _check_parts(data: Dataset, parts: Split) -> None:
    task, values = data.target.task, data.target.values
    if task == "regression":
        return
    for part, rows in zip(Split._fields, parts, strict=True):
        columns = values[rows].reshape(len(rows), -1).T if task == "multilabel" else [values[rows]]
        wanted = len(data.target.classes) if task == "multiclass" else 2
        for i, column in enumerate(columns):
            if len(np.unique(column)) < wanted:
                name = data.target.names[i]
                text = (
                    f"compare: the {part} rows of a split do not hold every value of target {name!r}, expected all of "
                    f"them in each part; give more rows, or merge rare values."
                )
                raise ValuesError(text)
