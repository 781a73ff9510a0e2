"""Splits keep classes, groups and the order of time."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.each import each

from slopes._core.errors import ValuesError
from slopes.recipes.compare.harm import can_be_thinned, corrupted, thinned
from slopes.recipes.compare.splitting import described, split
from slopes.recipes.compare.trials import _targets
from slopes.recipes.data.dataset import Columns, Dataset, load


@pytest.fixture(scope="module")
def wine() -> Dataset:
    return load("wine", Columns())


@each("name", ["wine", "diabetes", "digits_attributes"])
def test_parts_are_all_rows_once_and_the_seed_decides(name: str) -> None:
    data = load(name, Columns())
    parts, again, other = split(data, 0, 5), split(data, 0, 5), split(data, 1, 5)
    assert sorted(np.concatenate(parts)) == list(range(len(data)))
    assert len(parts.test) == len(parts.validation) == pytest.approx(0.2 * len(data), abs=1)
    assert all((a == b).all() for a, b in zip(parts, again, strict=True))
    assert set(parts.test) != set(other.test)


def test_classes_keep_their_shares(wine: Dataset) -> None:
    whole = np.bincount(wine.target.values) / len(wine)
    for part in split(wine, 3, 5):
        assert np.bincount(wine.target.values[part]) / len(part) == pytest.approx(whole, abs=0.02)


@each("name", ["wine", "diabetes"])
def test_groups_stay_together(name: str) -> None:
    data = load(name, Columns())
    grouped = dataclasses.replace(data, groups=np.arange(len(data)) // 4)
    parts = split(grouped, 0, 5)
    groups = [set((part // 4).tolist()) for part in parts]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]
    assert sorted(np.concatenate(parts)) == list(range(len(data)))
    assert "groups kept together" in described(grouped)


def test_too_few_groups_are_refused(wine: Dataset) -> None:
    with pytest.raises(ValuesError, match="has 3 different values, expected at least 5"):
        split(dataclasses.replace(wine, groups=wine.target.values), 0, 5)


@each("repetitions", [1, 2, 5, 10])
def test_time_runs_from_training_to_test(repetitions: int) -> None:
    data = load("diabetes", Columns())
    time = np.random.default_rng(0).permutation(len(data))
    timed = dataclasses.replace(data, time=time)
    tests = []
    for seed in range(repetitions):
        parts = split(timed, seed, repetitions)
        assert time[parts.train].max() < time[parts.validation].min()
        assert time[parts.validation].max() < time[parts.test].min()
        assert len(parts.train) >= 0.3 * len(data)
        tests.append(set(parts.test))
    assert sum(map(len, tests)) == len(set().union(*tests))
    assert "ordered in time" in described(timed)


def test_a_part_without_a_class_is_refused(wine: Dataset) -> None:
    in_order = dataclasses.replace(wine, time=np.arange(len(wine)))  # the growers come one after the other
    with pytest.raises(ValuesError, match="do not hold every value of target 'grower'"):
        split(in_order, 0, 3)


@each("name", ["breast_cancer", "digits", "digits_attributes", "diabetes"])
def test_the_share_of_labels_that_is_said_is_corrupted(name: str) -> None:
    data = load(name, Columns())
    targets = _targets(data, np.arange(len(data)))
    harmed = corrupted(targets, data.target, 0.2, np.random.default_rng(0))
    changed = (harmed != targets).reshape(len(data), -1).any(1)
    assert int(changed.sum()) == round(0.2 * len(data))
    assert harmed is not targets
    assert bool((corrupted(targets, data.target, 0.0, np.random.default_rng(0)) == targets).all())
    if data.target.task == "regression":
        moved = (harmed - targets)[changed].abs() / targets.std()
        assert moved.min() == pytest.approx(10, rel=1e-5)
    elif data.target.task == "multiclass":
        assert set(harmed.tolist()) == set(range(10))
    else:
        assert set(harmed.flatten().tolist()) == {0.0, 1.0}
        assert bool((harmed[changed] == 1 - targets[changed]).all())


def test_the_rarest_class_is_thinned_and_no_other() -> None:
    data = load("breast_cancer", Columns())
    rows = np.arange(len(data))
    kept = thinned(rows, data.target, 10, np.random.default_rng(0))
    values = data.target.values[kept]
    assert (values == 0).sum() == 357
    assert (values == 1).sum() == 36
    assert thinned(kept, data.target, 5, np.random.default_rng(0)) is kept
    assert can_be_thinned(data.target, 10, 0.2)
    assert not can_be_thinned(data.target, 50, 0.2)  # one row in validation would be left
    assert not can_be_thinned(load("diabetes", Columns()).target, 10, 0.2)
