"""A teacher, students, and the gradient that distillation gives at a temperature, by the library."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise

NAMES: Final = ("dog", "wolf", "cat", "van", "oak")
TEACHER: Final = (7.0, 4.5, 3.0, -1.0, -2.5)
STUDENTS: Final = {
    "sure": ("taught by hard labels", (6.0, 0.0, 0.0, 0.0, 0.0)),
    "new": ("just begun", (0.0, 0.0, 0.0, 0.0, 0.0)),
    "swapped": ("mixes up wolf and van", (7.0, -1.0, 3.0, 4.5, -2.5)),
}
COOLEST: Final = 1.0
HOTTEST: Final = 50.0
_POINTS: Final = 61


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """What both give each class at a temperature, and the gradients by the student's logits."""

    temperature: float
    teacher: Tensor
    student: Tensor
    gradient: Tensor
    bare: Tensor
    hard: Tensor

    @property
    def norms(self) -> tuple[float, float, float]:
        """Sizes of the gradients: with T², without it, and of the hard label's cross-entropy."""
        return self.gradient.norm().item(), self.bare.norm().item(), self.hard.norm().item()


def _gradient(logits: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    student = logits.clone().requires_grad_()
    loss = L.distillation(student, teacher, alpha=0.0, temperature=temperature)
    (gradient,) = torch.autograd.grad(loss, student)
    return gradient


@lru_cache(maxsize=64)
def lesson(who: str, temperature: float) -> Lesson:
    """Return what a student is told at a temperature."""
    teacher = torch.tensor(TEACHER, dtype=torch.float64)
    logits = torch.tensor(STUDENTS[who][1], dtype=torch.float64)
    with slopes.exact():
        gradient = _gradient(logits, teacher, temperature)
        student = logits.clone().requires_grad_()
        (hard,) = torch.autograd.grad(L.cross_entropy(student, torch.tensor(0)), student)
        return Lesson(
            temperature=temperature,
            teacher=A.softmax(teacher, dim=-1, temperature=temperature),
            student=A.softmax(logits, dim=-1, temperature=temperature),
            gradient=gradient,
            bare=gradient / temperature**2,
            hard=hard,
        )


@lru_cache(maxsize=len(STUDENTS))
def over_temperatures(who: str) -> tuple[Tensor, Tensor]:
    """Return temperatures, and at each the size of the gradient with T²."""
    temperatures = torch.logspace(0, torch.tensor(HOTTEST).log10().item(), _POINTS, dtype=torch.float64)
    teacher = torch.tensor(TEACHER, dtype=torch.float64)
    logits = torch.tensor(STUDENTS[who][1], dtype=torch.float64)
    with slopes.exact():
        sizes = [_gradient(logits, teacher, t).norm() for t in temperatures.tolist()]
    return temperatures, torch.stack(sizes)
