"""Questions: a number, one of several, an order, a state; what is a typical wrong answer, and what it is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from slopes.explorer.book.exercise import LONGEST, AnswerError, Exercise, Verdict, parsed
from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.figures.state import State, StateError
from slopes.explorer.figures.wording import number


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


def state_of(figure: str, text: str) -> State:
    """Return the state of a figure that an address says."""
    if len(text) > LONGEST:
        said = f"A state has {LONGEST} characters at most; this has {len(text)}. Set it by the plate's controls."
        raise AnswerError(said)
    from slopes.explorer.figures.build import library_figure  # noqa: PLC0415  imports torch

    try:
        return library_figure(BY_ID[figure]).parse(parse_qsl(text, keep_blank_values=True))
    except StateError as error:
        raise AnswerError(str(error)) from None
