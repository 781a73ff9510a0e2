"""What somebody meant who mistyped a name."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from typing import Final

_TOLD: Final = 8  # names, of those that there are
_READ: Final = 400  # characters of what came


def near(name: str, known: Collection[str], most: int = 1) -> list[str]:
    """Return the known names that somebody may have meant, the likeliest first."""
    return difflib.get_close_matches(name[:_READ], known, n=most)


def meant(name: str, known: Collection[str]) -> str:
    """Return which of the known names was meant, or some of them, as the end of a sentence."""
    if found := near(name, known):
        return f"did you mean {found[0]}?"
    some = list(known)[:_TOLD]
    return f"there are {', '.join(some)}{' and others' if len(some) < len(known) else ''}."
