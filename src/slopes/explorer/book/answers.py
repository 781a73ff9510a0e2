"""Questions to the reader: what is asked, what the library answers, and what a typical wrong answer is told."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl

from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.figures.state import State, StateError
from slopes.explorer.figures.wording import number

_LONGEST: Final = 200  # characters of an answer


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A typical wrong answer, and what is said to whoever gives it."""

    answer: float
    said: str


@dataclass(frozen=True, kw_only=True)
class Guess(Exercise):
    """A number.

    Attributes:
        answer: What the library says.
        unit: What it counts.
        within: How far off is still right: a share of the answer, or of one where `absolute`.
        absolute: Whether `within` is a distance.
        slips: Typical wrong answers.
        power: Whether the power of ten is asked for, and not the number itself.
    """

    kind: ClassVar[str] = "guess"
    answer: float
    unit: str = ""
    within: float = 0.05
    absolute: bool = False
    slips: tuple[Slip, ...] = ()
    power: bool = False

    def asked(self) -> dict[str, Any]:
        """Return the unit, and whether the answer is an exponent."""
        return {"unit": self.unit, "power": self.power}

    def judge(self, answer: str) -> Verdict:
        """Say whether a number is near enough, and else what may have led to it, or how far off it is."""
        guess = parsed(answer)
        truth = {"guess": guess, "answer": self.answer, "shown": self.solution()}
        if self._near(guess, self.answer):
            return Verdict(right=True, said=self.told, truth=truth)
        slip = next((slip for slip in self.slips if self._near(guess, slip.answer)), None)
        return Verdict(right=False, said=slip.said if slip else self._off(guess), truth=truth)

    def _near(self, guess: float, answer: float) -> bool:
        allowed = self.within if self.absolute or self.power else self.within * abs(answer)
        return abs(guess - answer) <= allowed * (1 + 1e-9)

    def _off(self, guess: float) -> str:
        way = "more" if guess < self.answer else "less"
        if self.power:
            return f"It is {way}: ten to the power of {number(self.answer, 3)}. {self.told}"
        if guess * self.answer > 0 and not self.absolute:
            factor = max(guess / self.answer, self.answer / guess)
            return f"It is {number(factor, 3)} times {way}: {self.solution()}. {self.told}"
        return f"It is {way}: {self.solution()}. {self.told}"

    def solution(self) -> str:
        """Return the number with its unit."""
        if self.power:
            return f"10^{number(self.answer, 3)}"
        return f"{number(self.answer, 4)} {self.unit}".strip()

    def tries(self) -> list[tuple[str, bool, str]]:
        """Return the answer, and each of the slips."""
        return [(repr(self.answer), True, self.told), *((repr(s.answer), False, s.said) for s in self.slips)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One of several answers, and what is said to whoever takes it; empty for the right one."""

    label: str
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Pick(Exercise):
    """One of several, or the line of a calculation in which the slip is.

    Attributes:
        options: The answers, as Markdown.
        right: The place of the right one, as the library finds it.
        lines: Whether the options are the lines of a calculation, in their order.
    """

    kind: ClassVar[str] = "pick"
    options: tuple[Option, ...]
    right: int
    lines: bool = False

    def asked(self) -> dict[str, Any]:
        """Return the options."""
        return {"options": [option.label for option in self.options], "lines": self.lines}

    def judge(self, answer: str) -> Verdict:
        """Say whether the option is the right one, and else what speaks against it."""
        if answer not in {str(place) for place in range(len(self.options))}:
            text = f"An answer is the place of an option, from 0 to {len(self.options) - 1}; choose one of these."
            raise AnswerError(text)
        place = int(answer)
        said = self.told if place == self.right else self.options[place].said
        return Verdict(right=place == self.right, said=said, truth={"right": self.right})

    def solution(self) -> str:
        """Return the right option."""
        return self.options[self.right].label

    def tries(self) -> list[tuple[str, bool, str]]:
        """Return every option."""
        said = [self.told if i == self.right else option.said for i, option in enumerate(self.options)]
        return [(str(i), i == self.right, text) for i, text in enumerate(said)]


@dataclass(frozen=True, kw_only=True)
class Rank(Exercise):
    """Things to be put in order, the greatest first.

    Attributes:
        items: Each thing, as Markdown, and its number as the library has it.
        unit: What the numbers count.
        slips: Orders that people give, by places, and what is said to them.
    """

    kind: ClassVar[str] = "rank"
    items: tuple[tuple[str, float], ...]
    unit: str = ""
    slips: tuple[tuple[tuple[int, ...], str], ...] = ()

    @property
    def order(self) -> tuple[int, ...]:
        """The places, the greatest first."""
        return tuple(sorted(range(len(self.items)), key=lambda i: -self.items[i][1]))

    def asked(self) -> dict[str, Any]:
        """Return the things."""
        return {"items": [label for label, _ in self.items]}

    def judge(self, answer: str) -> Verdict:
        """Say whether the order is right; things of one number may stand either way."""
        places = answer.split(",")
        if sorted(places) != sorted(str(i) for i in range(len(self.items))):
            text = (
                f"An order names each of the places 0 to {len(self.items) - 1} once, such as 2,0,1; give all of them."
            )
            raise AnswerError(text)
        given = tuple(int(place) for place in places)
        values = [self.items[i][1] for i in given]
        right = values == sorted(values, reverse=True)
        shown = [f"{number(value, 3)} {self.unit}".strip() for _, value in self.items]
        slip = next((said for order, said in self.slips if order == given), "")
        said = self.told if right else slip or f"It is {self.solution()}. {self.told}"
        return Verdict(right=right, said=said, truth={"order": list(self.order), "values": shown})

    def solution(self) -> str:
        """Return the things in order, with their numbers."""
        return ", ".join(f"{self.items[i][0]} ({number(self.items[i][1], 3)})" for i in self.order)

    def tries(self) -> list[tuple[str, bool, str]]:
        """Return the right order, and each of the slips."""
        told = [(",".join(map(str, order)), False, said) for order, said in self.slips]
        return [(",".join(map(str, self.order)), True, self.told), *told]


@dataclass(frozen=True, kw_only=True)
class Reach(Exercise):
    """A state of a figure to be reached: the answer is what the plate beside the text shows.

    Attributes:
        figure: Which.
        start: The state before, as an address has it.
        goal: One that does it, likewise.
        met: Whether a state does, and what is said to one that does not.
    """

    kind: ClassVar[str] = "reach"
    figure: str
    start: str = ""
    goal: str
    met: Callable[[State], tuple[bool, str]]

    def asked(self) -> dict[str, Any]:
        """Return which figure is to be moved, and where it starts."""
        return {"figure": self.figure, "start": self.start}

    def judge(self, answer: str) -> Verdict:
        """Say whether the state does it."""
        right, said = self.met(state_of(self.figure, answer))
        return Verdict(right=right, said=f"{said} {self.told}" if right else said, truth={"goal": self.goal})

    def solution(self) -> str:
        """Return a state that does it, as text."""
        return self.goal.replace("&", ", ").replace("=", " = ")

    def tries(self) -> list[tuple[str, bool, str]]:
        """Return the goal, and the start."""
        return [(self.goal, True, ""), (self.start, False, "")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Where an answer is drawn."""

    x: tuple[float, float]
    y: tuple[float, float]
    x_title: str
    y_title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A curve on such axes."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    hue: int = 0


@dataclass(frozen=True, kw_only=True)
class Sketch(Exercise):
    """A curve, drawn by handles.

    Attributes:
        axes: Where.
        at: The places of the handles; the first line of `context` is what may be seen beforehand.
        truth: The curve as the library has it.
        within: How far a handle may be off, in units of the y axis.
        context: Curves that are there beforehand.
        slips: Typical wrong curves: the heights of the handles, and what is said to them.
    """

    kind: ClassVar[str] = "sketch"
    axes: Axes
    at: tuple[float, ...]
    truth: Callable[[Sequence[float]], list[float]]
    within: float
    context: tuple[Line, ...] = ()
    slips: tuple[tuple[tuple[float, ...], str], ...] = ()
    start: float = 0.0

    def asked(self) -> dict[str, Any]:
        """Return the axes, the handles, and what is drawn beforehand."""
        return {
            "axes": {"x": self.axes.x, "y": self.axes.y},
            "at": self.at,
            "start": [self.start] * len(self.at),
            "step": (self.axes.y[1] - self.axes.y[0]) / 100,
        }

    def judge(self, answer: str) -> Verdict:
        """Say whether the curve is near enough at each handle."""
        heights = _numbers(answer, len(self.at))
        right_heights = self.truth(self.at)
        off = [abs(h - r) for h, r in zip(heights, right_heights, strict=True)]
        low, high = self.axes.x
        xs = [low + (high - low) * i / 80 for i in range(81)]
        drawn = {"x": xs, "y": self.truth(xs)}
        if max(off) <= self.within:
            return Verdict(right=True, said=self.told, truth=drawn)
        for slip, said in self.slips:
            if max(abs(h - s) for h, s in zip(heights, slip, strict=True)) <= self.within:
                return Verdict(right=False, said=said, truth=drawn)
        worst = off.index(max(off))
        way = "higher" if heights[worst] < right_heights[worst] else "lower"
        said = (
            f"Farthest off at {number(self.at[worst], 3)}: there it is {number(right_heights[worst], 3)}, {way} than "
            f"your {number(heights[worst], 3)}. {self.told}"
        )
        return Verdict(right=False, said=said, truth=drawn)

    def solution(self) -> str:
        """Return the heights at the handles."""
        pairs = zip(self.at, self.truth(self.at), strict=True)
        return ", ".join(f"{number(y, 3)} at {number(x, 3)}" for x, y in pairs)

    def tries(self) -> list[tuple[str, bool, str]]:
        """Return the true curve, and each of the slips."""
        told = [(",".join(map(repr, slip)), False, said) for slip, said in self.slips]
        return [(",".join(map(repr, self.truth(self.at))), True, self.told), *told]


@dataclass(frozen=True, kw_only=True)
class Place(Exercise):
    """A point, put on a chart.

    Attributes:
        axes: Where.
        answer: Where it belongs.
        within: How far off, across and up, is still right.
        context: What is drawn beforehand.
        follows: The curve that a point stands for, where it stands for one.
        score: What an answer is worth, as a sentence.
        slips: Typical wrong places, and what is said to them.
    """

    kind: ClassVar[str] = "place"
    axes: Axes
    answer: tuple[float, float]
    within: tuple[float, float]
    context: tuple[Line, ...] = ()
    score: Callable[[float, float], str] = lambda _x, _y: ""
    slips: tuple[tuple[tuple[float, float], str], ...] = ()
    start: tuple[float, float] = (0.0, 0.0)

    def asked(self) -> dict[str, Any]:
        """Return the axes and where the point starts."""
        return {
            "axes": {"x": self.axes.x, "y": self.axes.y},
            "start": list(self.start),
            "steps": [(end - start) / 100 for start, end in (self.axes.x, self.axes.y)],
        }

    def judge(self, answer: str) -> Verdict:
        """Say whether the point is near enough, and what its place is worth."""
        x, y = _numbers(answer, 2)
        truth = {"x": [self.answer[0]], "y": [self.answer[1]]}
        worth = self.score(x, y)
        if self._near((x, y), self.answer):
            return Verdict(right=True, said=f"{worth} {self.told}".strip(), truth=truth)
        slip = next((said for place, said in self.slips if self._near((x, y), place)), "")
        return Verdict(right=False, said=f"{worth} {slip or self.told}".strip(), truth=truth)

    def _near(self, a: tuple[float, float], b: tuple[float, float]) -> bool:
        return all(abs(p - q) <= w * (1 + 1e-9) for p, q, w in zip(a, b, self.within, strict=True))

    def solution(self) -> str:
        """Return the place."""
        return f"{self.axes.x_title} {number(self.answer[0], 3)}, {self.axes.y_title} {number(self.answer[1], 3)}"

    def tries(self) -> list[tuple[str, bool, str]]:
        """Return the place, and each of the slips."""
        told = [(f"{x!r},{y!r}", False, said) for (x, y), said in self.slips]
        return [(f"{self.answer[0]!r},{self.answer[1]!r}", True, ""), *told]


def state_of(figure: str, text: str) -> State:
    """Return the state of a figure that an address says."""
    if len(text) > _LONGEST:
        said = f"A state has {_LONGEST} characters at most; this has {len(text)}. Set it by the plate's controls."
        raise AnswerError(said)
    from slopes.explorer.figures.build import library_figure  # noqa: PLC0415  imports torch

    try:
        return library_figure(BY_ID[figure]).parse(parse_qsl(text, keep_blank_values=True))
    except StateError as error:
        raise AnswerError(str(error)) from None


def parsed(text: str) -> float:
    """Return the number that somebody typed, whichever minus and comma they use."""
    plain = text.strip().replace("−", "-").replace("\u2009", "").replace(" ", "").rstrip("%")
    plain = plain.replace(",", "." if plain.count(",") == 1 and "." not in plain else "")
    try:
        value = float(plain) if len(plain) <= _LONGEST else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        text = "That is no number; give one, such as 0.25, 1e-9 or 40."
        raise AnswerError(text)
    return value


def _numbers(text: str, count: int) -> list[float]:
    parts = text.split(",") if len(text) <= _LONGEST else []
    if len(parts) != count:
        said = f"An answer has {count} numbers, with commas between them; give all of them."
        raise AnswerError(said)
    return [parsed(part) for part in parts]
