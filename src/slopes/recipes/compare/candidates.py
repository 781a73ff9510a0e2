"""The candidates of each task, and the one that the rules choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import Tensor

from slopes.recipes.compare import (
    binary_candidates,
    multiclass_candidates,
    multilabel_candidates,
    regression_candidates,
)
from slopes.recipes.compare.candidate import Candidate
from slopes.recipes.data.tasks import Task

_ROOMS: Final[dict[Task, tuple[tuple[Candidate, ...], Callable[[Tensor], str]]]] = {
    "binary": (binary_candidates.CANDIDATES, binary_candidates.by_the_rules),
    "multiclass": (multiclass_candidates.CANDIDATES, multiclass_candidates.by_the_rules),
    "multilabel": (multilabel_candidates.CANDIDATES, multilabel_candidates.by_the_rules),
    "regression": (regression_candidates.CANDIDATES, regression_candidates.by_the_rules),
}


def of(task: Task) -> dict[str, Candidate]:
    """Return a task's candidates by name, the wrong pairs last."""
    return {candidate.name: candidate for candidate in _ROOMS[task][0]}


def by_the_rules(task: Task, targets: Tensor) -> str:
    """Return the name of the candidate that the recipe's rules choose from the targets alone."""
    return _ROOMS[task][1](targets)
