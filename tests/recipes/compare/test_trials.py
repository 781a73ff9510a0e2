"""Trials follow from their seeds, wherever they run; what they report is the recipe's."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
from html import escape

import numpy as np
import pytest
import torch
from tests.each import each
from tests.later import Later

from slopes import recipes
from slopes._core.errors import OptionError, ValuesError
from slopes.recipes.compare import candidates
from slopes.recipes.compare.as_data import as_data
from slopes.recipes.compare.comparison import Plan, compare
from slopes.recipes.compare.curves import corruption, learning
from slopes.recipes.compare.model import one_thread, parameters
from slopes.recipes.compare.page import page
from slopes.recipes.compare.trials import Trial, run, run_all
from slopes.recipes.data.dataset import Columns, Dataset, load
from slopes.recipes.data.tasks import TASKS
from slopes.recipes.recipe import Recipe

distributed = Later("distributed")

SHORT = {"repetitions": 2, "steps": 12}


@pytest.fixture(scope="module")
def wine() -> Dataset:
    return load("wine", Columns())


@each("task", TASKS)
def test_candidates_can_be_told_to_another_process(task: str) -> None:
    every = candidates.of(task)  # type: ignore[arg-type]
    assert list(every) == sorted(every, key=lambda name: bool(every[name].wrong)), "wrong pairs come last"
    assert len({c.label for c in every.values()}) == len(every)
    for candidate in every.values():
        assert pickle.loads(pickle.dumps(candidate)).said == candidate.said  # noqa: S301  our own
    tried = [c for c in every.values() if not c.optional]
    assert len({c.hue for c in tried}) == len(tried)


@each("task", TASKS)
def test_the_code_that_the_report_prints_makes_the_recipe(task: str) -> None:
    targets = {
        "binary": torch.tensor([0.0, 1.0] * 20),
        "multiclass": torch.tensor([0, 1, 2] * 14),
        "multilabel": torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]] * 10),
        "regression": torch.linspace(0.01, 0.99, 40),
    }[task]
    for candidate in candidates.of(task).values():  # type: ignore[arg-type]
        name = candidate.code.partition(".")[0]
        made = eval(candidate.code, {name: getattr(recipes, name), "targets": targets})  # noqa: S307  our own
        assert repr(made) == repr(candidate.recipe(targets))


@each("name", ["breast_cancer", "wine", "digits_attributes", "diabetes"])
def test_every_candidate_runs_and_scores(name: str) -> None:
    data = load(name, Columns())
    for candidate in candidates.of(data.target.task).values():
        if candidate.name == "bounded":  # these targets are not in [0, 1]
            continue
        out = run(data, Trial(candidate=candidate.name, seed=0), 2, 12)
        assert all(np.isfinite(value) for value in out.scores.values())
        assert out.uncalibrated.keys() == out.scores.keys()
        assert [step for step, _ in out.curve][-1] == 12
        assert out.predicted.shape == (2, len(out.observed))
        assert out.rows == (len(data) - 2 * out.rows[1], out.rows[1])


def test_a_trial_follows_from_its_seed_and_leaves_torch_as_it_was(wine: Dataset) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first = run(wine, Trial(candidate="focal", seed=0), **SHORT)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)  # whatever torch was seeded with before
        again = run(wine, Trial(candidate="focal", seed=0), **SHORT)
    other = run(wine, Trial(candidate="focal", seed=1), **SHORT)
    assert first.scores == again.scores
    assert first.curve == again.curve
    assert first.curve != other.curve
    assert bool((torch.get_rng_state() == state).all())
    assert torch.get_num_threads() == threads


def test_candidates_start_from_the_same_model_and_see_the_same_batches(wine: Dataset) -> None:
    """The weighted classes of wine weigh nearly the same, so that the first steps nearly agree."""
    plain, weighted = (run(wine, Trial(candidate=name, seed=0), **SHORT) for name in ("cross_entropy", "weighted"))
    assert plain.curve[0][1] == pytest.approx(weighted.curve[0][1], abs=0.1)


def test_test_rows_are_never_touched(wine: Dataset) -> None:
    """Garbage in the test rows changes nothing but the scores."""
    from slopes.recipes.compare.splitting import split  # noqa: PLC0415

    test = split(wine, 0, 2).test
    numbers = wine.numbers.copy()
    numbers[test] = 1e6
    spoiled = dataclasses.replace(wine, numbers=numbers)
    clean, dirty = (run(data, Trial(candidate="cross_entropy", seed=0), **SHORT) for data in (wine, spoiled))
    assert clean.curve == dirty.curve
    assert clean.reasons == dirty.reasons
    assert clean.scores != dirty.scores


def test_corrupted_labels_are_in_training_and_not_in_test(wine: Dataset) -> None:
    plain, harmed = (run(wine, Trial(candidate="hinge", seed=0, corrupted=share), **SHORT) for share in (0.0, 0.9))
    assert harmed.curve != plain.curve
    assert harmed.uncalibrated == {}
    assert len(harmed.observed) == 0


def test_a_dask_cluster_gives_what_this_process_gives(wine: Dataset) -> None:
    trials = [Trial(candidate=name, seed=seed) for name in ("cross_entropy", "focal") for seed in (0, 1)]
    here = run_all(wine, trials, **SHORT, jobs=1)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        there = run_all(wine, trials, **SHORT, backend="dask", scheduler=cluster.scheduler_address)
    assert [out.trial for out in there] == trials
    assert [out.scores for out in there] == [out.scores for out in here]


def test_the_model_has_as_many_parameters_as_it_says(wine: Dataset) -> None:
    recipe = candidates.of("multiclass")["cross_entropy"].recipe(torch.from_numpy(wine.target.values))
    with one_thread(0):
        head = recipe.head(32)
    assert sum(p.numel() for p in head.parameters()) + 14 * 32 == parameters(13, 3)


def test_unknown_candidates_and_measures_are_refused(wine: Dataset) -> None:
    with pytest.raises(OptionError, match="--only is 'mse', expected some of cross_entropy, smoothed"):
        compare(wine, Plan(only=("mse",)))
    with pytest.raises(OptionError, match=r"--metric is 'auroc', .* that every candidate has; choose from macro_f1"):
        compare(wine, Plan(seeds=1, steps=2, corrupted=(), ratios=(), only=("focal",), decides="auroc"), jobs=1)


def _lost(_: Recipe, raw: torch.Tensor) -> torch.Tensor:
    return torch.full_like(raw, torch.nan)


def _losing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let what a candidate predicts be NaN, as after a training that has gone astray."""
    given, rules = candidates._ROOMS["multiclass"]
    changed = tuple(dataclasses.replace(c, raw=_lost) if c.name == name else c for c in given)
    monkeypatch.setitem(candidates._ROOMS, "multiclass", (changed, rules))


LITTLE = {"seeds": 1, "steps": 3, "corrupted": (0.2,), "ratios": (), "only": ("focal", "smoothed")}


def test_a_candidate_that_predicts_nan_is_named_and_not_ranked(wine: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    _losing(monkeypatch, "focal")
    out = run(wine, Trial(candidate="focal", seed=0), **SHORT)
    assert (out.scores, out.uncalibrated, len(out.observed)) == ({}, {}, 0)
    assert all(np.isnan(error) for _, error in out.curve)
    assert out.reasons[-1].startswith("not scored: MultiClass.observe: ")
    found = compare(wine, Plan(**LITTLE), jobs=1)  # type: ignore[arg-type]
    assert "focal" not in {c.name for c in found.tried}
    assert found.of("focal") == []
    (said,) = found.refused
    assert said.startswith("focal was not scored: MultiClass.observe: ")
    assert said in json.loads(json.dumps(as_data(found), allow_nan=False))["recommendation"]["limits"]
    assert escape(said) in re.sub(r"</?code>", "`", page(found))


def test_nothing_is_compared_with_what_predicts_nan(wine: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    _losing(monkeypatch, "cross_entropy")
    with pytest.raises(
        ValuesError, match=r"compare: cross_entropy, which the rules choose, was not scored: .* features"
    ):
        compare(wine, Plan(**LITTLE), jobs=1)  # type: ignore[arg-type]


def test_a_step_or_a_stress_with_nan_is_a_gap_in_the_report(wine: Dataset) -> None:
    found = compare(wine, Plan(**LITTLE), jobs=1)  # type: ignore[arg-type]
    harmed = [
        o._replace(curve=[(o.curve[0][0], np.nan), *o.curve[1:]]) if o.trial.plain else o._replace(scores={})
        for o in found.outcomes
        if o.trial.candidate == "focal"
    ]
    others = [o for o in found.outcomes if o.trial.candidate != "focal"]
    spoiled = dataclasses.replace(found, outcomes=(*others, *harmed))
    assert len(learning(found)) - len(learning(spoiled)) == 1
    assert len(corruption(found)) - len(corruption(spoiled)) == 1
    json.dumps(as_data(spoiled), allow_nan=False)
    assert page(spoiled)
