"""What a function costs beside ReLU: forward and backward, timed here and now, in turns so that both feel the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

_ELEMENTS: Final = 1 << 18  # 1 MB of float32: beyond the first caches, quick enough to wait for
_ROUNDS: Final = 9

Step = Callable[[Tensor], object]


def forward_and_backward(function: Callable[[Tensor], Tensor]) -> Step:
    """Return a step that evaluates a function and its slope as training does, in whichever precision is set."""

    def step(x: Tensor) -> object:
        return torch.autograd.grad(function(x).sum(), x)

    return step


class Costs:
    """Times of one forward and backward pass relative to a reference, taken one function at a time.

    Args:
        reference: The step whose cost is 1.
        steps: The steps to time, by name.
    """

    def __init__(self, reference: Step, steps: dict[str, Step]) -> None:
        self._reference = reference
        self._steps = dict(steps)
        self._found: dict[str, str] = {}

    def text(self, name: str) -> str | None:
        """Return the cost of a function in words; None while it has not been timed."""
        return self._found.get(name)

    @property
    def waiting(self) -> list[str]:
        """Names that have not been timed."""
        return [name for name in self._steps if name not in self._found]

    def time(self, name: str) -> None:
        """Time one function, in turns with the reference."""
        x = torch.linspace(-6.0, 6.0, _ELEMENTS).requires_grad_()
        try:
            pairs = [(_seconds(self._steps[name], x), _seconds(self._reference, x)) for _ in range(_ROUNDS)]
            taken, base = (min(times) for times in zip(*pairs, strict=True))  # the least disturbed of each
            self._found[name] = f"{taken / base:.1f}"
        except Exception as error:  # noqa: BLE001  the visitor's own function may raise anything
            self._found[name] = f"could not be timed ({type(error).__name__})"


def _seconds(step: Step, x: Tensor) -> float:
    start = time.perf_counter()
    step(x)
    return time.perf_counter() - start
