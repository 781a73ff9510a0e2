"""The last layer of the regression recipes: a linear map whose outputs have the shape of the targets."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from slopes._core import check


class Outputs(nn.Module):
    """A linear map from `[..., features]` to `[..., *shape]`, to start at given numbers.

    Args:
        features: Length of the last dimension.
        bias: What the outputs start at; its shape is that of the outputs of one row: 0-d for one number a row, `[D]`
            for D, `[Q]` or `[D, Q]` for Q quantiles of each.

    Raises:
        OptionError: `features` is not an integer of at least 1.

    Examples:
        >>> Outputs(8, bias=torch.zeros(()))(torch.zeros(5, 8)).shape, Outputs(8, bias=torch.zeros(2, 3))(
        ...     torch.zeros(5, 8)
        ... ).shape
        (torch.Size([5]), torch.Size([5, 2, 3]))
    """

    def __init__(self, features: int, *, bias: Tensor) -> None:
        check.count("Outputs", "features", features)
        super().__init__()
        self.shape = bias.shape
        self.linear = nn.Linear(features, bias.numel())
        with torch.no_grad():
            self.linear.bias.copy_(bias.reshape(-1))

    def forward(self, features: Tensor) -> Tensor:
        """Return the outputs of each row of features."""
        flat: Tensor = self.linear(features)
        return flat.reshape(*flat.shape[:-1], *self.shape)
