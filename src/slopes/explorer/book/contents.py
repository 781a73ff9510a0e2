"""The chapters of the book, in their order: what is known of one before torch is."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "chapters"
_WORDS_A_MINUTE: Final = 180  # of a text that one stops at
_A_QUESTION: Final = 0.75  # minutes
_WORD: Final = re.compile(r"[A-Za-zÀ-ž]{2,}")
_EXERCISE: Final = re.compile(r"^:::+ (?:predict|derive) ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """One chapter.

    Attributes:
        id: Its name in addresses; its folder has underscores for the hyphens.
        number: What stands before its title.
        title: Its name.
        question: What it answers.
        figures: The figures that it takes apart.
        functions: The functions that it explains, by their names in the catalogue.
    """

    id: str
    number: str
    title: str
    question: str
    figures: tuple[str, ...]
    functions: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Where it is on the site."""
        return f"/book/{self.id}"

    @property
    def package(self) -> str:
        """The package of what it computes."""
        return f"slopes.explorer.book.chapters.{self.id.replace('-', '_')}"

    @cached_property
    def text(self) -> str:
        """Its Markdown."""
        return (_FOLDER / self.id.replace("-", "_") / "text.md").read_text("utf-8")

    @property
    def minutes(self) -> int:
        """How long it takes to read and to answer."""
        words = len(_WORD.findall(self.text)) / _WORDS_A_MINUTE
        return math.ceil(words + _A_QUESTION * len(_EXERCISE.findall(self.text)))


CHAPTERS: Final[tuple[Chapter, ...]] = (
    Chapter(
        id="distances",
        number="5",
        title="Distances",
        question="How dear is a miss, and who decides it?",
        figures=("regression-losses",),
        functions=("mse", "mae", "huber", "smooth_l1", "quantile"),
    ),
    Chapter(
        id="one-point",
        number="6",
        title="What one point does to a line",
        question="How far can one wrong measurement turn a model, and when should it?",
        figures=("line-fit",),
        functions=("mse", "mae", "huber", "quantile", "gaussian_nll"),
    ),
    Chapter(
        id="surprise",
        number="8",
        title="Surprise",
        question="What should a probability cost, once the truth is known?",
        figures=("cross-entropy", "kl"),
        functions=("binary_cross_entropy", "cross_entropy", "entropy", "kl_divergence"),
    ),
    Chapter(
        id="why-not-squares",
        number="9",
        title="Why not squares",
        question="Squares measure distances well. Why do they fail at probabilities?",
        figures=("binary-losses", "confidence", "landscape"),
        functions=("mse", "sigmoid", "softmax"),
    ),
    Chapter(
        id="choosing",
        number="17",
        title="Choosing",
        question="Which loss, and what else has to fit it?",
        figures=("pairing", "binary-losses"),
        functions=("binary_cross_entropy", "hinge", "focal"),
    ),
    Chapter(
        id="spot-the-slip",
        number="A",
        title="Spot the slip",
        question="Which of sixty-three worked figures can you trust?",
        figures=("worked-examples",),
        functions=("focal", "info_nce"),
    ),
)
BY_ID: Final = {chapter.id: chapter for chapter in CHAPTERS}


def of_figure(figure: str) -> tuple[Chapter, ...]:
    """Return the chapters that take a figure apart."""
    return tuple(chapter for chapter in CHAPTERS if figure in chapter.figures)


def of_function(name: str) -> tuple[Chapter, ...]:
    """Return the chapters that explain a function."""
    return tuple(chapter for chapter in CHAPTERS if name in chapter.functions)
