"""Trials: one candidate on one split, with labels as they are, corrupted, or thinned; one process or many machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from slopes._core.errors import MissingDependencyError, SlopesError, ValuesError
from slopes.recipes.compare import candidates, model
from slopes.recipes.compare.harm import corrupted, thinned
from slopes.recipes.compare.model import Part
from slopes.recipes.compare.splitting import Rows, Split, split
from slopes.recipes.compare.watched import watched
from slopes.recipes.data.dataset import Dataset
from slopes.recipes.data.features import Encoder
from slopes.recipes.recipe import Recipe

Backend = Literal["loky", "dask"]

STOPPING: Final = 0.15
"""Share of the training rows that a training is stopped by."""

KEPT: Final = 4_000
"""The most predictions of a trial that go into the curves of calibration."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What is run.

    Attributes:
        candidate: Its name among the task's candidates.
        seed: The repetition: it says split, first weights and batches.
        corrupted: Share of the training and validation labels that are corrupted.
        ratio: How many rows of the commonest class one of the rarest is thinned to; 0 leaves the classes as they are.
    """

    candidate: str
    seed: int
    corrupted: float = 0.0
    ratio: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether the labels are as they are."""
        return self.corrupted == 0 and self.ratio == 0


class Outcome(NamedTuple):
    """What a trial gave.

    Attributes:
        trial: What was run.
        scores: The recipe's metrics on the test rows, calibrated on the validation rows; empty where one is NaN.
        uncalibrated: The same before calibration; empty unless the trial is a plain one.
        curve: Steps, and the error on the validation rows there.
        predicted: What was predicted for test rows: probabilities, or numbers; before and after calibration, `[2, n]`.
        observed: `[n]`: what came of them: 0 and 1, or numbers.
        rows: How many rows trained and tested.
        reasons: What calibration said.
        seconds: How long it took.
    """

    trial: Trial
    scores: dict[str, float]
    uncalibrated: dict[str, float]
    curve: list[tuple[int, float]]
    predicted: npt.NDArray[np.float32]
    observed: npt.NDArray[np.float32]
    rows: tuple[int, int]
    reasons: tuple[str, ...]
    seconds: float


def run(data: Dataset, trial: Trial, repetitions: int, steps: int) -> Outcome:
    """Run one trial; everything random follows from its seed.

    Raises:
        ValuesError: The split leaves a part without a class.
    """
    started = time.perf_counter()
    candidate = candidates.of(data.target.task)[trial.candidate]
    rows = _rows(data, trial, repetitions)
    with model.one_thread(trial.seed):
        encode = Encoder(data, rows.train)
        train, validation, test = (Part(encode(part), _targets(data, part)) for part in rows)
        noise = np.random.default_rng(trial.seed)
        train = train._replace(targets=corrupted(train.targets, data.target, trial.corrupted, noise))
        validation = validation._replace(targets=corrupted(validation.targets, data.target, trial.corrupted, noise))
        recipe = candidate.recipe(train.targets)
        watch = watched(data.target, recipe, validation)
        learn, stop = _parted(train, noise)
        fitted = model.fit(candidate, recipe, learn, stop, steps=steps, watch=watch)
        with torch.no_grad():
            held, raw = (candidate.raw(recipe, fitted.model(part.features)) for part in (validation, test))
            found, why = _calibrated(recipe, held, validation.targets)
            scores, why_not = _scores(found, raw, test.targets)
            uncalibrated, _ = _scores(recipe, raw, test.targets) if trial.plain else ({}, ())
            predicted, observed = _pairs(data, (recipe, found), raw, test.targets, kept=trial.plain and bool(scores))
            return Outcome(
                trial,
                scores,
                uncalibrated,
                fitted.curve,
                predicted,
                observed,
                (len(rows.train), len(rows.test)),
                (*why, *why_not),
                time.perf_counter() - started,
            )


def run_all(
    data: Dataset,
    trials: Sequence[Trial],
    *,
    repetitions: int,
    steps: int,
    jobs: int = -1,
    backend: Backend = "loky",
    scheduler: str | None = None,
    told: Callable[[Iterator[Outcome], int], Iterator[Outcome]] = lambda outcomes, _: outcomes,
) -> list[Outcome]:
    """Run trials with joblib, on this machine's cores or on a Dask cluster, and return them in their order.

    Args:
        data: What they train on.
        trials: What is run.
        repetitions: How many seeds there are.
        steps: Batches of each training.
        jobs: Processes on this machine; -1 takes one for each core.
        backend: `"loky"` for processes on this machine, `"dask"` for a cluster.
        scheduler: Address of the cluster's scheduler; None starts a cluster on this machine.
        told: Watches outcomes come in, for a progress bar.

    Raises:
        MissingDependencyError: `backend` is `"dask"` and distributed is not installed.
    """
    from joblib import Parallel, delayed  # noqa: PLC0415  the extra's packages come with their use

    with _workers(backend, jobs, scheduler) as options:
        parallel = Parallel(return_as="generator_unordered", **options)
        outcomes = parallel(delayed(run)(data, trial, repetitions, steps) for trial in trials)
        by_trial = {outcome.trial: outcome for outcome in told(outcomes, len(trials))}
    return [by_trial[trial] for trial in trials]


@contextmanager
def _workers(backend: Backend, jobs: int, scheduler: str | None) -> Iterator[dict[str, Any]]:
    """Yield joblib's options, with a Dask cluster behind them where one is asked for."""
    if backend == "loky":
        yield {"n_jobs": jobs}
        return
    try:
        import distributed  # noqa: PLC0415  an optional package
    except ImportError:
        text = "compare: --backend dask needs distributed, not installed; pip install 'slopes[dask]'"
        raise MissingDependencyError(text) from None
    from joblib import cpu_count, parallel_config  # noqa: PLC0415  likewise

    cluster: Any = distributed  # which has no types

    if scheduler is not None:
        with cluster.Client(scheduler), parallel_config("dask"):
            yield {"n_jobs": -1}
        return
    workers = cpu_count() if jobs < 0 else jobs
    with (
        cluster.LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as local,
        cluster.Client(local),
        parallel_config("dask"),
    ):
        yield {"n_jobs": -1}


def _rows(data: Dataset, trial: Trial, repetitions: int) -> Split:
    parts = split(data, trial.seed, repetitions)
    if not trial.ratio:
        return parts
    noise = np.random.default_rng(trial.seed)
    return parts._replace(
        train=thinned(parts.train, data.target, trial.ratio, noise),
        validation=thinned(parts.validation, data.target, trial.ratio, noise),
    )


def _calibrated(recipe: Recipe, raw: Tensor, targets: Tensor) -> tuple[Recipe, tuple[str, ...]]:
    """Return the calibrated recipe and what it says; the recipe as it was where there are too few rows for it."""
    try:
        found = recipe.calibrated(raw, targets)
    except SlopesError as error:
        return recipe, (f"not calibrated: {error}",)
    return found, tuple(f"{reason.choice}: {reason.because}" for reason in found.reasons)


def _scores(recipe: Recipe, raw: Tensor, targets: Tensor) -> tuple[dict[str, float], tuple[str, ...]]:
    """Return the metrics; none, and why, where a prediction is NaN: what became of one candidate ends no comparison."""
    try:
        return recipe.score(raw, targets), ()
    except ValuesError as error:
        return {}, (f"not scored: {error}",)


def _parted(train: Part, noise: np.random.Generator) -> tuple[Part, Part]:
    """Return training rows and those to stop by: not the validation rows, which calibration needs unseen."""
    rows = torch.from_numpy(noise.permutation(len(train.targets)))
    stop, learn = rows.tensor_split([max(1, round(STOPPING * len(rows)))])
    return Part(train.features[learn], train.targets[learn]), Part(train.features[stop], train.targets[stop])


def _targets(data: Dataset, rows: Rows) -> Tensor:
    values = torch.from_numpy(data.target.values[rows])
    return values if data.target.task == "multiclass" else values.float()


def _pairs(
    data: Dataset, recipes: tuple[Recipe, Recipe], raw: Tensor, targets: Tensor, *, kept: bool
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return what was predicted, before and after calibration, and what came of it; nothing where it is not kept."""
    if not kept:
        return np.zeros((2, 0), np.float32), np.zeros(0, np.float32)
    both = [recipe.predict(raw)[0].double() for recipe in recipes]
    if data.target.task == "multiclass":  # of the likeliest class: how sure, and whether rightly
        likeliest = both[1].argmax(-1)
        observed = (likeliest == targets).double()
        both = [probability.gather(-1, likeliest.unsqueeze(-1)) for probability in both]
    else:
        observed = targets.double()
    columns = torch.stack([value.reshape(-1) for value in (*both, observed)]).float().numpy()[:, :KEPT]
    return columns[:2], columns[2]
