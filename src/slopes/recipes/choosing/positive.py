"""Which of two classes is the positive one: the one rule that `choose` and `slopes compare` follow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Generic, NamedTuple, TypeVar

Label = TypeVar("Label", str, float)

_CONVENTIONS: Final = ((0.0, 1.0), (-1.0, 1.0))
_BOOLEANS: Final = ("false", "true")


class Sides(NamedTuple, Generic[Label]):
    """Two classes, and why they are on these sides.

    Attributes:
        no: The negative one, 0 in training.
        yes: The positive one, 1 in training.
        why: What decided, in few words.
    """

    no: Label
    yes: Label
    why: str


def sides(counts: Mapping[Label, int]) -> Sides[Label]:
    """Return which of two classes is the positive one.

    It is the 1 of 0 and 1 or of -1 and 1, and the true of false and true, as numbers or as texts. Of any other two it
    is the rarer one, which is what people look for; of two that are as frequent the later one, by number where both
    are numbers, else by alphabet.

    Args:
        counts: How often each of two classes occurs.

    Examples:
        >>> sides({1.0: 30, 2.0: 70})
        Sides(no=2.0, yes=1.0, why='the rarer one')
        >>> sides({"-1": 30, "1": 70}).yes, sides({"no": 5, "yes": 5}).yes
        ('1', 'yes')
    """
    low, high = sorted(counts, key=in_order)
    if (_number(low), _number(high)) in _CONVENTIONS:
        return Sides(low, high, "the 1")
    if (str(low).lower(), str(high).lower()) == _BOOLEANS:
        return Sides(low, high, "the true one")
    if counts[low] == counts[high]:
        return Sides(low, high, "the later of two as frequent")
    no, yes = (high, low) if counts[low] < counts[high] else (low, high)
    return Sides(no, yes, "the rarer one")


def in_order(label: str | float) -> tuple[int, float, str]:
    """Return a key that sorts numbers as numbers, before words."""
    number = _number(label)
    return (1, 0.0, str(label)) if number is None else (0, number, str(label))


def _number(label: str | float) -> float | None:
    try:
        number = float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
