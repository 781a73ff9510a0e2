"""What cases are made of: seeded inputs, and a step, which is forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from bench.memory import Step
from bench.timing import Prepared


def normal(*shape: int, scale: float = 1.0, seed: int = 0) -> Tensor:
    """Return normally distributed numbers; tensors that must not resemble each other want different seeds."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) * scale


def step(of: Callable[..., Tensor], *inputs: Tensor, upstream: Tensor | None = None) -> Step:
    """Return forward and backward of a function of these inputs, by those that require a gradient."""
    wanted = [t for t in inputs if t.requires_grad]

    def both() -> tuple[Tensor, ...]:
        value = of(*inputs)
        return value, *torch.autograd.grad(value, wanted, upstream)

    return both


def of(make: Callable[..., Prepared], *given: Any, **options: Any) -> Callable[[bool], Prepared]:  # noqa: ANN401
    """Return `make(*given, quick, **options)` as a function of `quick`."""
    return lambda quick: make(*given, quick, **options)


def numbers(count: int) -> Sequence[Tensor]:
    """Return predictions and targets."""
    return normal(count).requires_grad_(), normal(count, seed=1)


def labels(count: int) -> Sequence[Tensor]:
    """Return logits and labels, one in ten of them 1."""
    return normal(count, scale=3.0).requires_grad_(), (normal(count, seed=1) < -1.3).float()


def signs(count: int) -> Sequence[Tensor]:
    """Return scores and labels of -1 and +1."""
    logits, targets = labels(count)
    return logits, 2 * targets - 1


def gates(count: int) -> Sequence[Tensor]:
    """Return the halves of a gated unit."""
    return normal(count).requires_grad_(), normal(count, scale=3.0, seed=1).requires_grad_()


def rows(classes: int, count: int) -> Sequence[Tensor]:
    """Return `count` logits in rows of `classes`, and a class for each row."""
    height = max(count // classes, 2)
    targets = torch.randint(classes, (height,), generator=torch.Generator().manual_seed(1))
    return normal(height, classes, scale=2.0).requires_grad_(), targets


def widened(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return the inputs in float64, those that are learned as leaves; indices as they are."""
    return [t.detach().double().requires_grad_(t.requires_grad) if t.is_floating_point() else t for t in inputs]
