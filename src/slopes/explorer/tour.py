"""The tour: the figures in an order that tells the story, each in the state that makes its point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One stop: a figure in a state, and why one stops there."""

    chapter: str
    page: str
    text: str
    state: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one stands, and the addresses before and after; empty at the ends."""

    chapter: str
    page: str
    text: str
    number: int
    count: int
    previous: str
    next: str


STOPS: Final[tuple[Stop, ...]] = (
    Stop(
        chapter="Why non-linearity",
        page="activations",
        text="Without a bend, a stack of layers is one layer. Each of these bends the line; the slope below is what a "
        "layer passes back when it learns.",
    ),
)


def address(number: int) -> str:
    """Return the address of a stop, counted from 1; empty where there is none."""
    if not 1 <= number <= len(STOPS):
        return ""
    stop = STOPS[number - 1]
    return f"/{stop.page}?{urlencode({**stop.state, 'tour': str(number)}, safe=',')}"


def place(page: str, text: str) -> Place | None:
    """Return where `text`, the number of a stop, stands, if it is a stop on this page."""
    if not text.isdecimal() or not 1 <= int(text[:4]) <= len(STOPS) or STOPS[int(text[:4]) - 1].page != page:
        return None
    number = int(text[:4])
    stop = STOPS[number - 1]
    return Place(
        chapter=stop.chapter,
        page=page,
        text=stop.text,
        number=number,
        count=len(STOPS),
        previous=address(number - 1),
        next=address(number + 1),
    )
