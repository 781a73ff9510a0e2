"""The decision page: from a task to the pair of output and loss, and why."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What goes together for a task: the head's output, the loss on it, and the reason."""

    task: str
    example: str
    head: str
    losses: tuple[str, ...]
    why: str
    figure: str = ""


PAIRS: Final[tuple[Pair, ...]] = ()


def body() -> str:
    """Return the page's body."""
    items = "".join(f"<li>{escape(pair.task)}</li>" for pair in PAIRS)
    return f"<h1>Which loss?</h1><ul>{items}</ul>"
