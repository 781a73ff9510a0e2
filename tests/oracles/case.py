"""One loss beside its definition: what `test_losses.py` runs over, and the families' files declare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

DTYPES: Final = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Case:
    """One loss: the library's call on a batch, the definition on a row, and the rows.

    `moved` are the arguments whose gradient is compared; `terms` is the size of what cancels, where it does.
    """

    name: str
    call: Callable[..., Tensor]
    oracle: Callable[..., Any]
    rows: Sequence[tuple[Any, ...]]
    moved: tuple[int, ...] = (0,)
    terms: float | None = None
    size: int = 1
    dtypes: tuple[torch.dtype, ...] = DTYPES


def pairs(first: Sequence[float], second: Sequence[float]) -> list[tuple[float, float]]:
    return [(a, b) for a in first for b in second]


def with_options(function: Callable[..., Any], **options: object) -> Callable[..., Any]:
    return lambda *inputs, **more: function(*inputs, **options, **more)
