"""Running log-sum-exps along a last dimension, as pairs of which no digit is lost: of what is ordered."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

_MOST_STEPS: Final = 31  # of twice the reach: 2^31 entries


def running(x: Tensor, begins: Tensor, share: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return (largest, Σ share e^(x - largest)) of the entries from `begins` to each place, in steps of doubled reach.

    log Σ is largest + log of the second, to be added to what the caller has to take off first. The largest is a
    constant: by it the pair's log-sum-exp has no derivative, of whatever order.

    Args:
        x: `[..., L]`, finite.
        begins: `[..., L]` int64, where the sum of each place begins, no later than there.
        share: `[..., L]`, factor of each exponential; 1 where it is None.
    """
    largest = x.detach()
    total = torch.exp(x - largest)
    total = total if share is None else share * total
    place = torch.arange(x.shape[-1], device=x.device)
    for step in range(_steps(x)):
        reached = (place - (1 << step)).expand(x.shape)
        there = reached >= begins
        at = reached.clamp(min=0)
        other = torch.where(there, largest.gather(-1, at), largest)
        both = torch.maximum(largest, other)
        more = torch.where(there, total.gather(-1, at), 0.0) * torch.exp(other - both)
        largest, total = both, total * torch.exp(largest - both) + more
    return largest, total


def _steps(x: Tensor) -> int:
    """Return how often the reach doubles; a size that is a symbol must not be read."""
    size: object = x.shape[-1]
    if torch.compiler.is_dynamo_compiling() or not isinstance(size, int):  # torch.compile calls a symbol an integer
        return _MOST_STEPS
    return (size - 1).bit_length() if size else 0


def groups(keys: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Return where each run of entries begins and ends that are equal in all keys `[..., L]`, L above 0."""
    first = keys[0]
    count = first.shape[-1]
    place = torch.arange(count, device=first.device).expand(first.shape)
    before, after = (place - 1).clamp(min=0), (place + 1).clamp(max=count - 1)
    opens = place == 0
    for key in keys:
        opens = opens | (key != key.gather(-1, before))
    closes = (place == count - 1) | opens.gather(-1, after)
    begins = torch.where(opens, place, 0).cummax(-1).values
    ends = torch.where(closes, place, count).flip(-1).cummin(-1).values.flip(-1)
    return begins, ends
