"""What is right for losses of linear logits, in float64 and in plain torch: a few rows at a time, to fit in memory."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

ROWS: Final = 256


def by_rows(hidden: Tensor, weight: Tensor, loss: Callable[[Tensor, slice], Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Return Σ loss(logits of some rows, which rows) in float64, and its gradients by `[N, D]` hidden and weight."""
    h, w = hidden.detach().double(), weight.detach().double()
    total, by_hidden, by_weight = h.new_zeros(()), torch.empty_like(h), torch.zeros_like(w)
    for start in range(0, len(h), ROWS):
        at = slice(start, min(start + ROWS, len(h)))
        logits = (h[at] @ w.T).requires_grad_()
        part = loss(logits, at)
        (slope,) = torch.autograd.grad(part, logits)
        total += part.detach()
        by_hidden[at] = slope @ w
        by_weight += slope.T @ h[at]
    return total, by_hidden, by_weight


def cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean cross-entropy of rows whose target is not -100, and its gradients."""
    count = int((targets != -100).sum())
    return by_rows(hidden, weight, lambda z, at: F.cross_entropy(z, targets[at], reduction="sum") / count)


def dpo(
    hidden: Tensor, weight: Tensor, tokens: Tensor, reference: Tensor, beta: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean DPO loss of `[2 P, T]` tokens, the chosen answers first, and its gradients.

    The gradient of each token's log-probability is a number for each answer, known from a first pass over the rows.
    """
    flat, (answers, length) = hidden.reshape(-1, hidden.shape[-1]), tokens.shape
    following = F.pad(tokens[:, 1:], (0, 1)).reshape(-1, 1)
    counts = (torch.arange(answers * length) % length < length - 1).double()
    with torch.no_grad():
        w = weight.double()
        chunks = [slice(start, start + ROWS) for start in range(0, len(flat), ROWS)]
        said = [F.log_softmax(flat[at].double() @ w.T, -1).gather(-1, following[at]).squeeze(-1) for at in chunks]
        sums = (torch.cat(said) * counts).view(answers, length).sum(-1)
    sums.requires_grad_()
    chosen, rejected = (sums - reference.double()).chunk(2)
    value = -F.logsigmoid(beta * (chosen - rejected)).mean()
    (share,) = torch.autograd.grad(value, sums)
    factors = share.repeat_interleave(length) * counts
    slopes = by_rows(
        flat,
        weight,
        lambda z, at: (factors[at] * F.log_softmax(z, -1).gather(-1, following[at]).squeeze(-1)).sum(),
    )
    return value.detach(), slopes[1].view(hidden.shape), slopes[2]


def distillation(
    student: tuple[Tensor, Tensor], teacher: tuple[Tensor, Tensor], targets: Tensor, alpha: float, temperature: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the mean of alpha · CE + (1 - alpha) · T² · KL(teacher‖student), and the student's gradients."""
    hidden, weight = (t.detach().double() for t in teacher)

    def loss(z: Tensor, at: slice) -> Tensor:
        soft = F.log_softmax(hidden[at] @ weight.T / temperature, -1)
        divergence = (soft.exp() * (soft - F.log_softmax(z / temperature, -1))).sum()
        hard = F.cross_entropy(z, targets[at], reduction="sum")
        return (alpha * hard + (1 - alpha) * temperature**2 * divergence) / len(targets)

    return by_rows(*student, loss)


@lru_cache(maxsize=1)  # a few cases in a row ask for the same, and it is large
def once(prepare: Callable[..., tuple[Tensor, ...]], *given: object) -> tuple[Tensor, ...]:
    """Return `prepare(*given)`, remembered until something else is asked for."""
    return prepare(*given)
