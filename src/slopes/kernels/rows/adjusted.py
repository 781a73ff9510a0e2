"""Cross-entropy of logits that something is added to, class by class: a sum's rounding error travels with it.

A logit of 80 and an addend of -7 round off 4e-6 in float32, by which e^73 would be off; so both parts of the sum go
into the exponential. The addends come as a pair `[2, C]`, (high, low), since their own rounding counts as much.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core.differences import along, difference, times
from slopes.kernels.pointwise.executor import Pointwise


def pair_of(numbers: Tensor, dtype: torch.dtype) -> Tensor:
    """Return float64 numbers as the pair (high, low) of a dtype: `[2, ...]`."""
    high = numbers.to(dtype)
    return torch.stack([high, (numbers - high.double()).to(dtype)])


def raised(x: Tensor, t: Tensor, addends: Tensor) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return the cross-entropy of each row x + addends, and its gradient."""
    high, low = difference(x, -addends[0])
    loss, slope = _of_pair(high, torch.where(high.isfinite(), low + addends[1], 0.0), t)
    return loss, (slope, None)


def lowered(x: Tensor, t: Tensor, margins: Tensor, scale: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return the cross-entropy of scale · x, of whose own class its margin is taken first, and its gradient."""
    own = torch.arange(x.shape[-1], device=x.device) == t.unsqueeze(-1)
    high, low = difference(x, torch.where(own, margins[0], 0.0))
    low = torch.where(high.isfinite() & own, low - margins[1], low)
    loss, slope = _of_pair(*times((high, low), scale), t)
    return loss, (scale * slope, None)


def _of_pair(z: Tensor, low: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return -log p of each row's class and its gradient by the logits z + low."""
    at = t.unsqueeze(-1)
    classes = torch.arange(z.shape[-1], device=z.device)
    largest, index = z.max(-1, keepdim=True)
    top = torch.where(largest == -torch.inf, torch.nan, largest)  # no class is left, and there is no distribution
    high, rest = difference(z, top)
    high = torch.where(z == top, 0.0, high)
    rest = rest + (low - low.gather(-1, index))
    leads = classes == index
    e = torch.where(leads, 0.0, torch.exp(high) * along(rest))
    others = e.sum(-1, keepdim=True)
    p = torch.where(leads, 1.0, e) / (1 + others)
    left = torch.where(leads, others / (1 + others), 1 - p)
    loss = torch.log1p(others) - (high + rest).gather(-1, at)
    return loss.squeeze(-1), torch.where(classes == at, -left, p)


RAISED: Final = Pointwise.sharing("AdjustedCrossEntropy", raised, tensors=2, rows=True)
LOWERED: Final = Pointwise.sharing("LoweredCrossEntropy", lowered, tensors=2, rows=True)
