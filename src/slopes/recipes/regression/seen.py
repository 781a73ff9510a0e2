"""What the metrics of a regression see of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class Seen(NamedTuple):
    """A batch as metrics take it, each `[N]` or `[N, D]`, float64, in the targets' unit.

    Attributes:
        value: The prediction.
        targets: The truth.
        mean: The prediction for what squares errors, RMSE and R²; `value` where None.
        lower: Lower end of the interval, None where there is none.
        upper: Its upper end.
        surprise: Further means to take, by name.
    """

    value: Tensor
    targets: Tensor
    mean: Tensor | None = None
    lower: Tensor | None = None
    upper: Tensor | None = None
    surprise: Mapping[str, Tensor] = {}
