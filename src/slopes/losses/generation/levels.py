"""What losses over noised samples share: one number for each sample, a share of signal or of noise, or a time.

Dimension names: `[B..., ...]` is the shape of the samples; a level has its first dimensions, B....
"""

from __future__ import annotations

from typing import Final

from torch import Tensor

from slopes._core import check
from slopes._core.spec import Domain
from slopes._core.tensors import wide

LEVEL: Final = Domain(0.0, 1e9)
"""Of a share: its square, and the square of a square, are numbers of float32."""
SOME: Final = Domain(1e-9, 2e9)
"""Of a share that something is divided by."""


def check_levels(function: str, samples: Tensor, **levels: Tensor) -> None:
    """Check floating tensors with the first dimensions of the samples, or fewer of them."""
    check.floating(function, **levels)
    check.same_device(function, samples=samples, **levels)
    check.same_precision(function, samples=samples, **levels)
    check.same_shape(function, **levels)
    for name, level in levels.items():
        meaning = "one number for each sample: the first dimensions of the samples"
        check.has_shape(function, name, level, samples.shape[: level.dim()], meaning)


def within(function: str, name: str, level: Tensor, domain: Domain, like: Tensor, keep: Tensor | None) -> None:
    """Raise `ValuesError` unless the level of each sample of which something counts lies in `domain`."""
    fix = "take the times from inside the schedule, or leave those samples out with `mask`"
    check.within(function, name, level if keep is None else spread(level, like), domain, fix, keep)


def spread(level: Tensor, like: Tensor) -> Tensor:
    """Return the number of each sample for all of its entries, as wide as the loss, and as a constant."""
    wider = level.detach().to(wide(like.dtype))
    return wider.reshape(level.shape + (1,) * (like.dim() - level.dim())).expand(like.shape)
