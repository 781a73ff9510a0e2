"""What the computations of the figures have in common; whoever copies one gets these with it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses


def real(*numbers: float) -> Tensor:
    """Return numbers as a float64 vector."""
    return torch.tensor(numbers, dtype=torch.float64)


def gradient(function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
    """Return the gradient of a function whose value is one number."""
    at = at.clone().requires_grad_()
    return torch.autograd.grad(function(at), at)[0]


def surprise(p: Tensor) -> Tensor:
    """Return -log p of each probability: the binary cross-entropy of a positive label at its logit."""
    return L.binary_cross_entropy(torch.logit(p), torch.ones_like(p), reduction="none")


def squares(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return the sum of the squared errors of each row."""
    return L.mse(predictions, targets.expand_as(predictions), reduction="none").sum(-1)
