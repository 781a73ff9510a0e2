"""Probabilities beside what is left of 1, each with its digits: what losses of overlap add up.

p near 1 has lost the digits of 1 - p. Here both come from the exponentials, and so do their slopes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from slopes.kernels.rows.shifted import shift


def of_logit(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return (σ(z), σ(-z)) of each logit, in differentiable operations; slopes are right at 0 too."""
    up = logits >= 0
    e = torch.exp(torch.where(up, -logits, logits))
    most, least = 1 / (1 + e), e / (1 + e)
    return torch.where(up, most, least), torch.where(up, least, most)


def of_classes(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return softmax p `[..., C]` and 1 - p; a row of which every entry is -inf is NaN.

    The largest logit is a constant after the shift, so that its slope is minus the sum of the others'.
    """
    shifted, index = shift(logits)
    first = torch.arange(logits.shape[-1], device=logits.device) == index
    e = torch.exp(shifted)
    rest = torch.where(first, 0.0, e)
    others = rest.sum(-1, keepdim=True)
    p = e / (e.gather(-1, index) + others)
    return p, torch.where(first, -torch.expm1(-torch.log1p(others)), 1 - p)
