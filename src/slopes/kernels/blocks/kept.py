"""What an autograd function keeps of its arguments for the backward pass.

Every tensor among them is saved the way autograd saves its own: one that is changed in place after the forward pass is
told in the backward pass, and never read as if it were the one that the value was made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from torch import Tensor


class _Saved:
    """Stands where a tensor was."""


_SAVED: Final = _Saved()


class Kept:
    """The arguments of a call: numbers and words as they are, and the places of the tensors, which autograd saves.

    Args:
        arguments: What it was called with; `Kept.tensors` of them goes to `ctx.save_for_backward`.
    """

    def __init__(self, arguments: Sequence[Any]) -> None:
        self._rest = [_SAVED if isinstance(x, Tensor) else x for x in arguments]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._rest)

    @staticmethod
    def tensors(arguments: Sequence[Any]) -> list[Tensor]:
        """Return the tensors among the arguments."""
        return [x for x in arguments if isinstance(x, Tensor)]

    def all(self, saved: Sequence[Tensor]) -> list[Any]:
        """Return the arguments, with the saved tensors in their places."""
        left = iter(saved)
        return [next(left) if x is _SAVED else x for x in self._rest]
