"""Last layers: from features to raw outputs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from slopes._core import check


class OneLogit(nn.Module):
    """A linear map from `[..., features]` to one logit, `[...]`: the shape that binary targets have.

    Args:
        features: Length of the last dimension.
        bias: The logit to start at.

    Raises:
        OptionError: `features` is not an integer of at least 1.
    """

    def __init__(self, features: int, *, bias: float = 0.0) -> None:
        check.count("OneLogit", "features", features)
        super().__init__()
        self.linear = nn.Linear(features, 1)
        nn.init.constant_(self.linear.bias, bias)

    def forward(self, features: Tensor) -> Tensor:
        """Return the logit of each row of features."""
        logits: Tensor = self.linear(features)
        return logits.squeeze(-1)


def linear_head(function: str, features: int, bias: Sequence[float]) -> nn.Linear:
    """Return a linear layer with one output for each entry of `bias`, which it starts at."""
    check.count(function, "features", features)
    layer = nn.Linear(features, len(bias))
    with torch.no_grad():
        layer.bias.copy_(torch.tensor(bias))
    return layer


def log_odds(share: float) -> float:
    """Return log(p / (1 - p))."""
    return math.log(share) - math.log1p(-share)
