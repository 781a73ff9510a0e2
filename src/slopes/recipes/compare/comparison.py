"""A comparison: the trials of a plan, and what they say of each candidate."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor

from slopes._core.errors import OptionError, SlopesError, ValuesError
from slopes.recipes.compare import candidates
from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.compare.harm import can_be_thinned
from slopes.recipes.compare.measures import DECIDES, MEASURES, Measure, ends
from slopes.recipes.compare.model import STEPS
from slopes.recipes.compare.splitting import TEST_SHARE
from slopes.recipes.compare.statistics import Interval, difference, interval, within
from slopes.recipes.compare.trials import Backend, Outcome, Trial, run_all
from slopes.recipes.data.dataset import Dataset

CORRUPTED: Final = (0.05, 0.1, 0.2)
RATIOS: Final = (10.0, 50.0)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is tried.

    Attributes:
        seeds: Repetitions, each with its own split and first weights, at least 1.
        steps: Batches of each training.
        corrupted: Shares of labels that are corrupted, each in (0, 1); empty for none.
        ratios: How rare one class is made, as rows of the commonest to one of it; those that the data allow are tried.
        wrong: Whether the pairs that do not belong together are tried as well.
        only: Names of candidates; empty for all.
        decides: Name of the measure that decides; None takes the task's.
    """

    seeds: int = 5
    steps: int = STEPS
    corrupted: tuple[float, ...] = CORRUPTED
    ratios: tuple[float, ...] = RATIOS
    wrong: bool = False
    only: tuple[str, ...] = ()
    decides: str | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """What came out.

    Attributes:
        data: What was learned from.
        plan: What was tried.
        tried: The candidates, the wrong pairs last.
        outcomes: One for each trial.
        decides: The measure that decides.
        rules: Name of the candidate that the rules choose from the targets alone.
        why: The rules' reasons, in sentences.
        refused: Candidates that refuse these targets, or predict NaN, and what they say.
        seconds: How long it took.
    """

    data: Dataset
    plan: Plan
    tried: tuple[Candidate, ...]
    outcomes: tuple[Outcome, ...]
    decides: Measure
    rules: str
    why: tuple[str, ...]
    refused: tuple[str, ...] = ()
    seconds: float = 0.0

    def of(self, candidate: str, *, corrupted: float = 0.0, ratio: float = 0.0) -> list[Outcome]:
        """Return a candidate's outcomes over the seeds."""
        return [
            o
            for o in self.outcomes
            if (o.trial.candidate, o.trial.corrupted, o.trial.ratio) == (candidate, corrupted, ratio)
        ]

    def values(self, candidate: str, measure: str, *, corrupted: float = 0.0, ratio: float = 0.0) -> list[float]:
        """Return a measure over the seeds; empty where the candidate does not have it."""
        found = [o.scores.get(measure, math.nan) for o in self.of(candidate, corrupted=corrupted, ratio=ratio)]
        return [] if any(math.isnan(value) for value in found) else found

    def interval(self, candidate: str, measure: str, *, corrupted: float = 0.0, ratio: float = 0.0) -> Interval | None:
        """Return the mean of a measure over the seeds, and its interval; None where the candidate does not have it."""
        values = self.values(candidate, measure, corrupted=corrupted, ratio=ratio)
        if not values:
            return None
        return within(interval(values, self.test_to_train), *ends(measure))

    def better_by(
        self, candidate: str, reference: str, *, corrupted: float = 0.0, ratio: float = 0.0
    ) -> Interval | None:
        """Return by how much a candidate is better than another on the measure that decides, below 0 if worse."""
        name, sign = self.decides.name, self.decides.better
        values, others = (
            [sign * value for value in self.values(each, name, corrupted=corrupted, ratio=ratio)]
            for each in (candidate, reference)
        )
        if not values or not others:
            return None
        gain = difference(values, others, self.test_to_train, comparisons=len(self.tried) - 1)
        width = self.decides.most - self.decides.least
        return within(gain, -width, width)

    @property
    def test_to_train(self) -> float:
        """Rows that test over rows that train, the mean of the repetitions."""
        return float(np.mean([o.rows[1] / o.rows[0] for o in self.outcomes if o.trial.plain]))

    @property
    def recommended(self) -> Candidate:
        """The rules' choice, unless another that belongs together is surely better: then the best of these."""
        by_name = {candidate.name: candidate for candidate in self.tried}
        surely = {}
        for name, candidate in by_name.items():
            gain = None if name == self.rules or candidate.wrong else self.better_by(name, self.rules)
            if gain is not None and gain.low is not None and gain.low > 0:
                surely[name] = gain.mean
        return by_name[max(surely, key=surely.__getitem__) if surely else self.rules]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """The measures that a candidate has, the one that decides first."""
        known = {name for o in self.outcomes for name in o.scores}
        return (self.decides, *(m for m in MEASURES.values() if m.name in known and m != self.decides))


def compare(
    data: Dataset,
    plan: Plan,
    *,
    jobs: int = -1,
    backend: Backend = "loky",
    scheduler: str | None = None,
    told: Callable[[Iterator[Outcome], int], Iterator[Outcome]] = lambda outcomes, _: outcomes,
) -> Comparison:
    """Return what the trials of a plan give on the data.

    Args:
        data: What is learned from.
        plan: What is tried.
        jobs: Processes on this machine; -1 takes one for each core.
        backend: `"loky"` for processes on this machine, `"dask"` for a cluster.
        scheduler: Address of the cluster's scheduler; None starts a cluster on this machine.
        told: Watches outcomes come in, for a progress bar.

    Raises:
        OptionError: The plan names a candidate or a measure that the task does not have.
        ValuesError: The data do not allow the splits, or what the rules choose predicts NaN.
    """
    started = time.perf_counter()
    task = data.target.task
    targets = torch.from_numpy(data.target.values)
    targets = targets if task == "multiclass" else targets.float()
    rules = candidates.by_the_rules(task, targets)
    tried, refused = _willing(_tried(candidates.of(task), plan, rules), targets)
    recipe = next(c for c in tried if c.name == rules).recipe(targets)
    why = tuple(f"{_opening(reason.choice)}: {reason.because}" for reason in recipe.reasons)
    trials = list(_trials(data, plan, [candidate.name for candidate in tried]))
    outcomes = run_all(
        data,
        trials,
        repetitions=plan.seeds,
        steps=plan.steps,
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        told=told,
    )
    tried, unscored = _scored(tried, rules, outcomes)
    outcomes = [outcome for outcome in outcomes if outcome.trial.candidate in {c.name for c in tried}]
    decides = _decides(plan.decides or DECIDES[task], outcomes)
    return Comparison(
        data=data,
        plan=plan,
        tried=tried,
        outcomes=tuple(outcomes),
        decides=decides,
        rules=rules,
        why=why,
        refused=(*refused, *unscored),
        seconds=time.perf_counter() - started,
    )


def _tried(every: dict[str, Candidate], plan: Plan, rules: str) -> tuple[Candidate, ...]:
    unknown = [name for name in plan.only if name not in every]
    if unknown:
        text = f"compare: --only is {unknown[0]!r}, expected some of {', '.join(every)}; choose from these."
        raise OptionError(text)
    usual = {name for name, c in every.items() if not c.optional and (plan.wrong or not c.wrong)}
    wanted = {*(plan.only or usual), rules}
    return tuple(candidate for name, candidate in every.items() if name in wanted)


def _willing(tried: tuple[Candidate, ...], targets: Tensor) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Return the candidates that take these targets, and what the others say."""
    willing, refused = [], []
    for candidate in tried:
        try:
            candidate.recipe(targets)
        except SlopesError as error:
            refused.append(f"{candidate.label} was not tried: {error}")
        else:
            willing.append(candidate)
    return tuple(willing), tuple(refused)


def _scored(
    tried: tuple[Candidate, ...], rules: str, outcomes: Sequence[Outcome]
) -> tuple[tuple[Candidate, ...], tuple[str, ...]]:
    """Return the candidates whose predictions are numbers, and what is said of the others."""
    why = {o.trial.candidate: o.reasons[-1] for o in outcomes if o.trial.plain and not o.scores}
    if rules in why:
        text = (
            f"compare: {rules}, which the rules choose, was {why[rules]} Look for infinite or very large features "
            f"first: nothing can be compared with it."
        )
        raise ValuesError(text)
    return (
        tuple(candidate for candidate in tried if candidate.name not in why),
        tuple(f"{candidate.label} was {why[candidate.name]}" for candidate in tried if candidate.name in why),
    )


def _opening(choice: str) -> str:
    """Return words with a capital, unless the first one is a name in code."""
    return choice if "_" in choice.split(maxsplit=1)[0] else choice[:1].upper() + choice[1:]


def _trials(data: Dataset, plan: Plan, names: Sequence[str]) -> Iterator[Trial]:
    ratios = [ratio for ratio in plan.ratios if can_be_thinned(data.target, ratio, TEST_SHARE)]
    for seed in range(plan.seeds):
        for name in names:
            yield Trial(candidate=name, seed=seed)
            yield from (Trial(candidate=name, seed=seed, corrupted=share) for share in plan.corrupted)
            yield from (Trial(candidate=name, seed=seed, ratio=ratio) for ratio in ratios)


def _decides(name: str, outcomes: Sequence[Outcome]) -> Measure:
    known = [m for m in MEASURES if all(m in o.scores for o in outcomes if o.scores) and MEASURES[m].better]
    if name not in known:
        text = f"compare: --metric is {name!r}, expected one that every candidate has; choose from {', '.join(known)}."
        raise OptionError(text)
    return MEASURES[name]
