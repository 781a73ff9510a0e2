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
_ROW: Final = re.compile(r"^\|.*$", re.MULTILINE)
_A_QUESTION: Final = 0.75  # minutes
_WORD: Final = re.compile(r"[A-Za-zÀ-ž]{2,}")
_TERM: Final = re.compile(r"\]\(term:([a-z0-9-]+)\)")
_HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)
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
        topics: What people call its subject who search for it.
        lists: Whether its tables are of functions, which are drawn beside their names.
    """

    id: str
    number: str
    title: str
    question: str
    figures: tuple[str, ...]
    functions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    lists: bool = False

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
    def words(self) -> str:
        """What it is about, in the words of the glossary and of its headings."""
        terms = [term.replace("-", " ") for term in _TERM.findall(self.text)]
        return " ".join(dict.fromkeys([*terms, *_HEADING.findall(self.text), *self.topics]))

    @property
    def minutes(self) -> int:
        """How long it takes to read and to answer."""
        read = _ROW.sub("", self.text) if self.lists else self.text  # of a list one looks a line up
        words = len(_WORD.findall(read)) / _WORDS_A_MINUTE
        return math.ceil(words + _A_QUESTION * len(_EXERCISE.findall(self.text)))


CHAPTERS: Final[tuple[Chapter, ...]] = (
    Chapter(
        id="one-number",
        number="0",
        title="One number that trains",
        question="What does it mean to train, when there is only one number to be found?",
        figures=("one-weight",),
        functions=("mse", "mae"),
    ),
    Chapter(
        id="why-a-bend",
        number="1",
        title="Why a bend",
        question="What can a network with activations do that one without them cannot, however large it is?",
        figures=("layers",),
        functions=("relu",),
    ),
    Chapter(
        id="flat-ends",
        number="2",
        title="Flat ends",
        question="Where does an activation let a correction through, and where does it stop it?",
        figures=("activations",),
        functions=("sigmoid", "tanh", "relu", "leaky_relu", "prelu", "elu", "selu", "gelu", "swish", "mish"),
    ),
    Chapter(
        id="depth-and-start",
        number="3",
        title="Depth, and how to start",
        question="Why does a stack of fifty layers stand still, and what wakes it?",
        figures=("depth",),
        functions=("relu", "selu"),
    ),
    Chapter(
        id="gates",
        number="4",
        title="Gates",
        question="What if one half of a layer decides how much of the other passes?",
        figures=("gates", "softmax-temperature"),
        functions=("glu", "swiglu", "geglu", "swish"),
    ),
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
        id="shares",
        number="7",
        title="Shares",
        question="How do scores that may be anything become shares of one?",
        figures=("softmax-temperature",),
        functions=("softmax", "log_softmax"),
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
        id="two-directions",
        number="10",
        title="Two directions",
        question="One curve has to stand for two crowds. Should it cover both, or choose?",
        figures=("kl",),
        functions=("kl_divergence", "js_divergence"),
    ),
    Chapter(
        id="rare-and-hard",
        number="11",
        title="The rare and the hard",
        question="Ten in ten thousand matter. Who gets heard?",
        figures=("binary-losses", "focal"),
        functions=("binary_cross_entropy", "focal", "asymmetric"),
    ),
    Chapter(
        id="softer-targets",
        number="12",
        title="Softer targets",
        question="The label says 1. Should the model?",
        figures=("calibration",),
        functions=("smooth_labels", "cross_entropy", "distillation"),
    ),
    Chapter(
        id="likeness",
        number="13",
        title="Likeness",
        question="How does one learn who is like whom, without names?",
        figures=("contrastive-forces", "info-nce", "line-up"),
        functions=("contrastive", "triplet", "batch_triplet", "info_nce", "clip", "nt_xent"),
    ),
    Chapter(
        id="next-words",
        number="14",
        title="Tokens",
        question="A text is its own label. What counts in a language model's loss, and what is its mean taken over?",
        figures=("tokens",),
        functions=("mask_tokens", "masked_lm", "next_token", "perplexity", "sft"),
    ),
    Chapter(
        id="preferring",
        number="15",
        title="Preference",
        question="This answer rather than that one. How does a verdict without a size become a loss?",
        figures=("preference", "ppo-clip"),
        functions=("bradley_terry", "dpo", "ipo", "kl_penalty", "kto", "orpo", "ppo"),
    ),
    Chapter(
        id="making-things",
        number="16",
        title="Making things",
        question="Any good picture will do. What can a loss hold against one that is merely not good enough?",
        figures=("two-players", "noise"),
        functions=("binary_cross_entropy", "gaussian_kl", "mse"),
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
    Chapter(
        id="short-version",
        number="B",
        title="Short version",
        question="A name, a formula, a use: which function is it?",
        figures=("activations",),
        lists=True,
    ),
)
BY_ID: Final = {chapter.id: chapter for chapter in CHAPTERS}


def of_figure(figure: str) -> tuple[Chapter, ...]:
    """Return the chapters that take a figure apart."""
    return tuple(chapter for chapter in CHAPTERS if figure in chapter.figures)


def of_function(name: str) -> tuple[Chapter, ...]:
    """Return the chapters that explain a function."""
    return tuple(chapter for chapter in CHAPTERS if name in chapter.functions)
