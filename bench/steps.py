"""What cases are made of: seeded inputs, and a step, which is forward and backward."""

from __future__ import annotations

from collections.abc import Callable
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
