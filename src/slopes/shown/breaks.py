"""Where a function of one number jumps, or its slope does, found by halving.

Across a smooth stretch the change of a quantity halves with the width, across a break it stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import torch

from slopes.shown.curve import Evaluate

Quantity = Literal["value", "slope"]
SEARCHED: Final = 12.0  # breaks are looked for in [-12, 12]
_HALVINGS: Final = 52
_GLANCE: Final = 4  # halvings after which most smooth stretches show themselves as such
_BREAK: Final = 1e-5  # a change that is still this large across neighbouring floats is a break


@dataclass(frozen=True, slots=True)
class Break:
    """Where the value or the slope jumps, and between which two numbers."""

    quantity: Quantity
    at: float
    before: float
    after: float


def find_breaks(evaluate: Evaluate) -> tuple[Break, ...]:
    """Return every jump of the value in [-12, 12], and every jump of the slope where the value does not jump."""
    jumps = _jumps(evaluate, "value")
    held = {found.at for found in jumps}
    kinks = [found for found in _jumps(evaluate, "slope") if found.at not in held]
    return tuple(sorted([*jumps, *kinks], key=lambda found: found.at))


def _jumps(evaluate: Evaluate, quantity: Quantity) -> list[Break]:
    which = 0 if quantity == "value" else 1
    # Off any round number, so that a break at one lies inside a cell and not on its edge.
    edges = torch.linspace(-SEARCHED, SEARCHED, 1537, dtype=torch.float64) + 0.0032148
    heights = evaluate(edges)[which]
    low, high, before, after = edges[:-1], edges[1:], heights[:-1], heights[1:]
    for halving in range(_HALVINGS):
        keep = (after - before).abs() > _BREAK  # also drops what is not a number
        if halving == 0:
            across = (after - before).abs()
        elif halving == _GLANCE:  # a smooth change is a sixteenth by now
            keep &= (after - before).abs() > across / 5
        across = across[keep]
        if not keep.any():
            return []
        low, high, before, after = low[keep], high[keep], before[keep], after[keep]
        middle = (low + high) / 2
        height = evaluate(middle)[which]
        right = (after - height).abs() > (height - before).abs()
        low, before = torch.where(right, middle, low), torch.where(right, height, before)
        high, after = torch.where(right, high, middle), torch.where(right, after, height)
    keep = (after - before).abs() > _BREAK
    found = zip(high[keep].tolist(), before[keep].tolist(), after[keep].tolist(), strict=True)
    return [Break(quantity, round(at, 9) + 0.0, b, a) for at, b, a in found]
