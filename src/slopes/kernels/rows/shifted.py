"""Rows of logits: what softmax, cross-entropy and their relatives share.

A row is shifted so that its largest entry is exactly 0, which makes every exponential finite, and the sum of the
exponentials is taken without that entry: log(1 + rest) then keeps its digits when the largest logit leads by far,
and the probability that is left over is `rest / (1 + rest)`, never 1 - p.
"""

from __future__ import annotations

import torch
from torch import Tensor


def shift(logits: Tensor, dim: int = -1) -> tuple[Tensor, Tensor]:
    """Return (logits - largest, index of the largest); entries equal to it are exactly 0, an infinite one too.

    The largest entry itself is a constant, the first of several; the others that equal it keep their gradient. A row
    of which every entry is -inf stays so, without gradient: nothing in it is larger than the rest.
    """
    largest, index = logits.max(dim, keepdim=True)
    first = torch.zeros_like(logits, dtype=torch.bool).scatter(dim, index, 1)
    constant = first | ((logits == largest) & logits.isinf())
    top = torch.where(largest == -torch.inf, largest, torch.zeros_like(largest)).detach()
    return torch.where(constant, top, logits - largest), index


def softmax(logits: Tensor, dim: int = -1) -> Tensor:
    """Return the softmax; an infinite logit takes all, several share it; a row of -inf alone is all zeros."""
    if logits.shape[dim] == 0:
        return logits.clone()
    shifted, _ = shift(logits, dim)
    e = torch.exp(shifted)
    return e / e.sum(dim, keepdim=True).clamp(min=1)  # the largest entry adds 1, where there is one


def log_softmax(logits: Tensor, dim: int = -1) -> Tensor:
    """Return the log-softmax, of which the largest entry keeps its digits; a row of -inf alone stays so."""
    if logits.shape[dim] == 0:
        return logits.clone()
    shifted, index = shift(logits, dim)
    rest = torch.exp(shifted).scatter(dim, index, 0.0).sum(dim, keepdim=True)
    return shifted - torch.log1p(rest)
