"""What a look at targets says: which task they are, or what has to be asked first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

Task = Literal[
    "binary",
    "multiclass",
    "multilabel",
    "regression",
    "robust",
    "transformed",
    "bounded",
    "positive",
    "heteroscedastic",
    "quantiles",
    "next_token",
    "masked_token",
    "embedding",
]
TASKS: Final[tuple[Task, ...]] = get_args(Task)


class Answer(NamedTuple):
    """A task that the targets may be, and when they are.

    Attributes:
        task: What to pass as `task=`.
        when: The case in which it is right.
    """

    task: Task
    when: str


class Question(NamedTuple):
    """What the targets alone do not tell.

    Attributes:
        text: The question, with the numbers that gave rise to it.
        answers: The tasks that it may be.
    """

    text: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look at targets says.

    Attributes:
        task: The task; None where a question is open.
        evidence: What was seen, in sentences with numbers.
        question: What has to be known first; None where the task is clear.
        alternatives: Other tasks that would fit, and when.
    """

    task: Task | None = None
    evidence: tuple[str, ...] = ()
    question: Question | None = None
    alternatives: tuple[Answer, ...] = ()


def clear(task: Task, *evidence: str, alternatives: tuple[Answer, ...] = ()) -> Verdict:
    """Return the verdict that it is this task."""
    return Verdict(task=task, evidence=evidence, alternatives=alternatives)


def asked(text: str, *answers: Answer, evidence: tuple[str, ...] = ()) -> Verdict:
    """Return the verdict that a question is open."""
    return Verdict(evidence=evidence, question=Question(text, answers))
