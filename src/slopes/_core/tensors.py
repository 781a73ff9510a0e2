"""What tensors have in common with logits that are not made, and the dtypes that formulas are computed in."""

from __future__ import annotations

from typing import Final, Protocol

import torch

NARROW: Final = (torch.float16, torch.bfloat16)
FLOATS: Final = (*NARROW, torch.float32, torch.float64)


class Shaped(Protocol):
    """A tensor, or logits that are not made: something with a shape, a dtype and a device."""

    @property
    def shape(self) -> torch.Size:
        """Sizes, the classes of logits last."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """What its numbers are kept in."""
        ...

    @property
    def device(self) -> torch.device:
        """Where they are."""
        ...

    def dim(self) -> int:
        """Return how many dimensions there are."""
        ...


def wide(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype that a loss is computed and returned in: float32 for 16-bit input."""
    return torch.float32 if dtype in NARROW else dtype
