"""What a question to the reader is, and what is told of an answer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

LONGEST: Final = 200  # characters of an answer


class AnswerError(ValueError):
    """An answer that cannot be understood; its text is one sentence for the person who gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is told of an answer.

    Attributes:
        right: Whether it is.
        said: One or two sentences, as Markdown.
        truth: What the page draws beside the answer.
    """

    right: bool
    said: str
    truth: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Exercise(ABC):
    """One question.

    Attributes:
        id: Its name in addresses.
        question: What is asked, as Markdown.
        told: What is said once it is answered rightly, as Markdown.
        hint: What helps without telling.
    """

    kind: ClassVar[str]
    id: str
    question: str
    told: str
    hint: str = ""

    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """Return what the page needs to take an answer."""

    @abstractmethod
    def judge(self, answer: str) -> Verdict:
        """Return what is told of an answer.

        Raises:
            AnswerError: It cannot be understood.
        """

    @abstractmethod
    def solution(self) -> str:
        """Return the right answer in words, for print."""

    @abstractmethod
    def tries(self) -> Sequence[tuple[str, bool, str]]:
        """Return answers to try, whether each is right, and what it must be told; empty where anything will do."""


def parsed(text: str) -> float:
    """Return the number that somebody typed, whichever minus and comma they use."""
    plain = text.strip().replace("−", "-").replace("\u2009", "").replace(" ", "").rstrip("%")
    plain = plain.replace(",", "." if plain.count(",") == 1 and "." not in plain else "")
    try:
        value = float(plain) if len(plain) <= LONGEST else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        text = "That is no number; give one, such as 0.25, 1e-9 or 40."
        raise AnswerError(text)
    return value


def numbers(text: str, count: int) -> list[float]:
    """Return so many numbers with commas between them."""
    parts = text.split(",") if len(text) <= LONGEST else []
    if len(parts) != count:
        said = f"An answer has {count} numbers, with commas between them; give all of them."
        raise AnswerError(said)
    return [parsed(part) for part in parts]
