"""The same optimiser on both losses at once."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from slopes.explorer.figures.landscape.model import Task


@dataclass(frozen=True, kw_only=True)
class Path:
    """Where an optimiser went, and the loss and the gradient there; one entry more than there were steps."""

    places: Tensor
    losses: list[float]
    gradients: Tensor

    @property
    def norms(self) -> list[float]:
        """The size of the gradient at each place."""
        norms: list[float] = self.gradients.norm(dim=-1).tolist()
        return norms


def descend(task: Task, start: tuple[float, float], optimiser: str, rate: float, steps: int) -> list[Path]:
    """Return a path for each of a task's losses.

    The paths share one parameter, a row for each loss: an optimiser treats its entries one by one. Gradients by the
    predictions come from the loss, by autograd, in whichever precision is set; w x + b passes them on.

    Raises:
        UserFunctionError: A loss is the visitor's own, and raised.
    """
    here = torch.tensor([start] * len(task.losses), dtype=torch.float64)
    stepper = _optimiser(optimiser, here, rate)
    inputs = torch.stack([task.x, torch.ones_like(task.x)], dim=-1)
    places, losses, gradients = [], [], []
    for _ in range(steps + 1):
        found = [loss.mean(row, task.y) for loss, row in zip(task.losses, task.predictions(here), strict=True)]
        here.grad = torch.stack([slope for _, slope in found]) @ inputs
        places.append(here.clone())
        losses.append([value for value, _ in found])
        gradients.append(here.grad)
        stepper.step()
    walked, passed = torch.stack(places, dim=1), torch.stack(gradients, dim=1)
    return [
        Path(places=walked[row], losses=[values[row] for values in losses], gradients=passed[row])
        for row in range(len(task.losses))
    ]


def _optimiser(name: str, parameter: Tensor, rate: float) -> torch.optim.Optimizer:
    match name:
        case "sgd":
            return torch.optim.SGD([parameter], lr=rate, foreach=False)
        case "momentum":
            return torch.optim.SGD([parameter], lr=rate, momentum=0.9, foreach=False)
        case _:
            return torch.optim.Adam([parameter], lr=rate, foreach=False)
