"""What a visitor asks for: a target of some data, a task if it was asked, and how a comparison is to run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from slopes.explorer.choose.refusal import Refusal
from slopes.recipes.choosing.verdict import TASKS
from slopes.recipes.data.tasks import COMPARED_AS

if TYPE_CHECKING:
    from slopes.recipes.choosing.verdict import Task
    from slopes.recipes.data.tasks import Task as Compared

Missing = Literal["drop", "median"]

MOST_SEEDS: Final = 20
MOST_STEPS: Final = 2_000
SEEDS: Final = 3
STEPS: Final = 200
CORRUPTED: Final = ("5,10,20", "none")
"""What `slopes compare` takes for labels that are corrupted: its default, and none."""
IMBALANCE: Final = ("10,50", "none")
"""Likewise for classes that are made rare."""

_FIELDS: Final = {"data", "target", "task", "missing", "seeds", "steps", "harm", "wrong"}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked for.

    Attributes:
        data: What the page calls the data.
        target: The columns to predict; empty takes those of a bundled set.
        task: The answer to a question, as `recipes.choose` takes it; None where nobody asked.
        missing: What becomes of rows with gaps; None refuses them.
        seeds: Repetitions.
        steps: Batches of each training.
        harm: Whether labels are corrupted and classes made rare as well.
        wrong: Whether pairs that do not belong together are tried as well.
    """

    data: str
    target: tuple[str, ...] = ()
    task: Task | None = None
    missing: Missing | None = None
    seeds: int = SEEDS
    steps: int = STEPS
    harm: bool = False
    wrong: bool = False

    @property
    def compared_as(self) -> Compared | None:
        """The task as `slopes compare` takes it; None lets it find out.

        Raises:
            Refusal: It does not train for this task.
        """
        if self.task is None or self.task in COMPARED_AS:
            return COMPARED_AS.get(self.task)
        task = self.task.replace("_", " ")
        text = f"A comparison trains small models on tables, which {task} is not about; take the recipe as it is."
        raise Refusal(422, text)

    def command(self, said: str, targets: tuple[str, ...]) -> str:
        """Return the command line that does the same.

        Args:
            said: The name of the set or of the file.
            targets: The columns that are predicted where nobody says which.
        """
        parts = ["slopes", "compare", said if not said.startswith("-") else f"./{said}"]
        if self.target != targets:
            parts += [part for name in self.target for part in _option("--target", name)]
        for option, value in (("--task", self.compared_as), ("--missing", self.missing)):
            parts += [option, value] if value else []
        parts += ["--seeds", str(self.seeds), "--steps", str(self.steps)]
        parts += [] if self.harm else ["--corrupt", "none", "--imbalance", "none"]
        parts += ["--include-wrong"] if self.wrong else []
        return shlex.join(parts)


def _option(option: str, value: str) -> list[str]:
    return [f"{option}={value}"] if value.startswith("-") else [option, value]


def order(given: Mapping[str, Any]) -> Order:
    """Return what is asked for.

    Raises:
        Refusal: A field is unknown, or holds what it cannot.
    """
    unknown = sorted(set(given) - _FIELDS)
    if unknown:
        raise Refusal(400, f"There is no field {unknown[0]!r}; expected some of {', '.join(sorted(_FIELDS))}.")
    data, target = given.get("data"), given.get("target", [])
    if not isinstance(data, str) or not data:
        raise Refusal(400, "data is missing, expected the name of a bundled set, or what an upload was answered with.")
    if not isinstance(target, list) or not all(isinstance(name, str) for name in target):
        raise Refusal(400, "target is no list of names of columns; give one as ['price'].")
    return Order(
        data=data,
        target=tuple(target),
        task=_task(given.get("task")),
        missing=_missing(given.get("missing")),
        seeds=_whole(given, "seeds", SEEDS, MOST_SEEDS),
        steps=_whole(given, "steps", STEPS, MOST_STEPS),
        harm=_truth(given, "harm"),
        wrong=_truth(given, "wrong"),
    )


def _task(value: object) -> Task | None:
    if value is None or value in TASKS:
        return value
    raise Refusal(400, f"task is {str(value)[:40]!r}, expected one of {', '.join(TASKS)}; choose one, or leave it out.")


def _missing(value: object) -> Missing | None:
    match value:
        case None | "drop" | "median":
            return value
    raise Refusal(400, f"missing is {str(value)[:40]!r}, expected drop or median, or to be left out.")


def _whole(given: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = given.get(name, default)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most:
        return value
    raise Refusal(400, f"{name} is {str(value)[:40]}, expected a whole number from 1 to {most}.")


def _truth(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if isinstance(value, bool):
        return value
    raise Refusal(400, f"{name} is {str(value)[:40]}, expected true or false.")
