"""The tasks that a comparison trains for, and which of them each task of `choose` is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, get_args

from slopes.recipes.choosing.verdict import Task as Chosen

Task = Literal["binary", "multiclass", "multilabel", "regression"]

TASKS: Final[tuple[Task, ...]] = get_args(Task)

COMPARED_AS: Final[Mapping[Chosen | None, Task]] = {
    "binary": "binary",
    "multiclass": "multiclass",
    "multilabel": "multilabel",
    "regression": "regression",
    "robust": "regression",
    "transformed": "regression",
    "bounded": "regression",
    "positive": "regression",
    "heteroscedastic": "regression",
    "quantiles": "regression",
}
"""The others learn from sequences or pairs, and no table holds these."""
