"""The share that one of two sums of non-negative terms has of both, without cancellation in value or slope."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes.kernels.pointwise.executor import Pointwise


def _share(of: Tensor, rest: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    both = of + rest
    whole = torch.where(both == 0, 1.0, both)
    return of / whole, ((rest / whole) / whole, -(of / whole) / whole)


# of / (of + rest); where both are 0 it is 0, flat. A quotient differentiated by its parts would have 1/D - of/D² as
# slope, of which little is left where `of` is nearly all.
SHARE: Final = Pointwise.sharing("Share", _share, tensors=2)
