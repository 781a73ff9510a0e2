"""Questions that are answered on a chart: a curve by handles, a point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from slopes.explorer.book.exercise import Exercise, Verdict, numbers
from slopes.explorer.figures.wording import number


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
        at: The places of the handles.
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
        heights = numbers(answer, len(self.at))
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
        x, y = numbers(answer, 2)
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
