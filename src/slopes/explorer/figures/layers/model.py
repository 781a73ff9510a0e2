"""Two layers over one number: hidden units, their sum, the line that they are without an activation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.layers.tasks import FROM, MOST, TASKS, TO, Task

POINTS: Final = 241
_FITTED_ON: Final = 121  # inputs of the least squares
_FLAT: Final = 1e-9  # a bend smaller than this is none

ACTIVATIONS: Final[dict[str, tuple[str, Callable[[Tensor], Tensor]]]] = {
    "identity": ("none (identity)", lambda z: z),
    "relu": ("ReLU", A.relu),
    "leaky_relu": ("Leaky ReLU", A.leaky_relu),
    "tanh": ("tanh", A.tanh),
    "sigmoid": ("sigmoid", A.sigmoid),
    "gelu": ("GELU", A.gelu),
    "swish": ("Swish", A.swish),
}
_BENT: Final = frozenset({"relu", "leaky_relu"})  # of straight pieces


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Two layers with their weights.

    Attributes:
        task: What they are to do.
        activation: The name of what stands between them.
        inner: Weights of the first layer, `[N]`.
        shift: Its biases, `[N]`.
        outer: Weights of the second, `[N]`.
        offset: Its bias.
    """

    task: Task
    activation: str
    inner: tuple[float, ...]
    shift: tuple[float, ...]
    outer: tuple[float, ...]
    offset: float

    @property
    def count(self) -> int:
        """How many hidden units there are."""
        return len(self.inner)

    @property
    def straight(self) -> bool:
        """Whether the output is made of straight pieces."""
        return self.activation == "identity" or self.activation in _BENT

    @property
    def composed(self) -> tuple[float, float]:
        """Slope and height of the line that the layers are without an activation: W₂W₁ and W₂b₁ + b₂."""
        outer = torch.tensor(self.outer, dtype=torch.float64)
        first = torch.tensor([self.inner, self.shift], dtype=torch.float64)
        slope, height = (first @ outer).tolist()
        return slope, height + self.offset

    @property
    def kinks(self) -> list[float]:
        """Where the output bends, of one that is made of straight pieces."""
        if self.activation not in _BENT:
            return []
        bends: dict[float, float] = {}
        for w, b, v in zip(self.inner, self.shift, self.outer, strict=True):
            place = round(-b / w, 9) + 0.0
            bends[place] = bends.get(place, 0.0) + v * abs(w)
        return sorted(place for place, bend in bends.items() if abs(bend) > _FLAT)

    def units(self, x: Tensor) -> Tensor:
        """Return what each hidden unit adds at each input, `[N, P]`."""
        return self.hidden(x) * torch.tensor(self.outer, dtype=torch.float64)[:, None]

    def hidden(self, x: Tensor) -> Tensor:
        """Return what each hidden unit is at each input, `[N, P]`."""
        with slopes.exact():
            return ACTIVATIONS[self.activation][1](self.before(x))

    def before(self, x: Tensor) -> Tensor:
        """Return the first layer alone, `[N, P]`."""
        inner, shift = (torch.tensor(v, dtype=torch.float64)[:, None] for v in (self.inner, self.shift))
        return inner * x + shift

    def output(self, x: Tensor) -> Tensor:
        """Return the sum, `[P]`."""
        return self.units(x).sum(0) + self.offset

    @property
    def worst(self) -> tuple[float, float]:
        """The greatest error over what counts, and where it is."""
        if self.task.points:
            x = torch.tensor([at for at, _ in self.task.points], dtype=torch.float64)
        else:
            x = fitted_on() if not self.task.inner else over(self.task)
        errors = (self.output(x) - self.task.target(x)).abs()
        place = int(errors.argmax())
        return errors[place].item(), x[place].item()


def over(task: Task) -> Tensor:
    """Return the inputs that are drawn."""
    return torch.linspace(task.low, task.high, POINTS, dtype=torch.float64)


def fitted_on() -> Tensor:
    """Return the inputs of the least squares."""
    return torch.linspace(FROM, TO, _FITTED_ON, dtype=torch.float64)


@lru_cache(maxsize=256)
def layers(name: str, activation: str, count: int) -> Layers:
    """Return the two layers of a task, by its own weights, or by the best output layer over evenly spread units."""
    task = TASKS[name]
    if task.inner:
        inner, shift = (tuple(part) for part in zip(*task.inner, strict=True))
        return Layers(task=task, activation=activation, inner=inner, shift=shift, outer=task.outer, offset=0.0)
    steep = count / (TO - FROM) * 2  # so that a smooth unit bends within about the stretch to the next
    places = [FROM + (TO - FROM) * i / count for i in range(count)]
    inner, shift = (steep,) * count, tuple(-steep * place for place in places)
    raw = Layers(task=task, activation=activation, inner=inner, shift=shift, outer=(1.0,) * count, offset=0.0)
    x = fitted_on()
    columns = torch.cat([raw.hidden(x), torch.ones(1, len(x), dtype=torch.float64)]).T
    *outer, offset = (torch.linalg.pinv(columns) @ task.target(x)).tolist()
    return Layers(task=task, activation=activation, inner=inner, shift=shift, outer=tuple(outer), offset=offset)


@lru_cache(maxsize=16)
def by_count(activation: str) -> tuple[Layers, ...]:
    """Return the fits of the wave, by the number of hidden units."""
    return tuple(layers("wave", activation, count) for count in range(1, MOST + 1))


@lru_cache(maxsize=1)
def folded() -> tuple[int, int]:
    """Return how many ReLUs four layers of two have, and how many straight pieces they make by folding."""
    x = torch.linspace(0.0, 1.0, (1 << 10) + 1, dtype=torch.float64)
    y, used = x, 0
    with slopes.exact():
        for _ in range(4):
            y, used = 2 * A.relu(y) - 4 * A.relu(y - 0.5), used + 2
    rises = (y[1:] - y[:-1]).sign()
    return used, 1 + int((rises[1:] != rises[:-1]).sum())
