"""What the two layers are to do: XOR, |x| and a bump with weights set by hand, and a wave fitted by least squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

MOST: Final = 8  # hidden units of the fit
FROM, TO = -3.0, 3.0  # where the wave is fitted


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is wanted, and weights that give it with ReLUs.

    Attributes:
        name: Its name in URLs.
        label: What a picker calls it.
        low: Where the charts begin.
        high: Where they end.
        target: What is wanted, over the input.
        inner: Weight and bias of each hidden unit; empty where they are fitted.
        outer: The output's weight for each.
        points: Inputs that count, with what a chart calls them; empty where all between the ends do.
        over: What the input is.
    """

    name: str
    label: str
    low: float
    high: float
    target: Callable[[Tensor], Tensor]
    inner: tuple[tuple[float, float], ...] = ()
    outer: tuple[float, ...] = ()
    points: tuple[tuple[float, str], ...] = ()
    over: str = "x"


def _tent(s: Tensor) -> Tensor:
    return 1 - (s - 1).abs()


def _plateau(x: Tensor) -> Tensor:
    return (2 - x.abs()).clamp(0.0, 1.0)


def _wave(x: Tensor) -> Tensor:
    return (x + 1).sin()


_ALL: Final = (
    Task(
        name="xor",
        label="XOR of two inputs",
        low=-1.0,
        high=3.0,
        target=_tent,
        inner=((1.0, 0.0), (1.0, -1.0)),
        outer=(1.0, -2.0),
        points=((0.0, "0 0"), (1.0, "0 1, 1 0"), (2.0, "1 1")),
        over="x₁ + x₂",
    ),
    Task(
        name="abs",
        label="|x| from two units",
        low=-3.0,
        high=3.0,
        target=torch.abs,
        inner=((1.0, 0.0), (-1.0, 0.0)),
        outer=(1.0, 1.0),
    ),
    Task(
        name="bump",
        label="a bump from four units",
        low=-3.0,
        high=3.0,
        target=_plateau,
        inner=((1.0, 2.0), (1.0, 1.0), (1.0, -1.0), (1.0, -2.0)),
        outer=(1.0, -1.0, -1.0, 1.0),
    ),
    Task(name="wave", label="a wave, fitted", low=-3.6, high=3.6, target=_wave),
)
TASKS: Final = {task.name: task for task in _ALL}
