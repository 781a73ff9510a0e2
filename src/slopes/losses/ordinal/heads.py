"""Heads of ordered classes: what gives the logits of `coral`, and the thresholds of `cumulative_link`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from slopes._core import check


class CoralHead(nn.Module):
    """Logits of the K - 1 thresholds of `coral`: one weight vector for all of them, and a bias for each.

    Args:
        features: D, the width of what comes in.
        classes: K, at least 2.

    Attributes:
        weight: `[D]`.
        bias: `[K-1]`, at first falling from 1, as coral-pytorch's, so that the chances do.

    Raises:
        OptionError: `features` or `classes - 1` is no whole number above 0.

    Examples:
        >>> head = CoralHead(2, 4)
        >>> head(torch.zeros(1, 2))
        tensor([[1.0000, 0.6667, 0.3333]], grad_fn=<AddBackward0>)
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        features, thresholds = _sizes("CoralHead", features, classes)
        self.weight = nn.Parameter(torch.empty(features).uniform_(-1, 1) / features**0.5)  # as nn.Linear does
        self.bias = nn.Parameter(torch.linspace(1, 1 / thresholds, thresholds))

    def forward(self, hidden: Tensor) -> Tensor:
        """Return `[..., K-1]` of hidden states `[..., D]`."""
        return (hidden @ self.weight).unsqueeze(-1) + self.bias


class OrderedThresholds(nn.Module):
    """The K - 1 thresholds of `cumulative_link`, learned by the first and the logarithms of the gaps: they increase.

    Args:
        classes: K, at least 2.

    Attributes:
        first: `[1]`, the lowest threshold.
        log_gaps: `[K-2]`, logarithms of the distances to the next.

    Raises:
        OptionError: `classes - 1` is no whole number above 0.

    Notes:
        At first all classes are as likely at a score of 0.

    Examples:
        >>> OrderedThresholds(4)().tolist()  # the log-odds of 1/4, 1/2 and 3/4
        [-1.0986..., 0.0, 1.0986...]
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        _, thresholds = _sizes("OrderedThresholds", 1, classes)
        even = torch.arange(1, thresholds + 1, dtype=torch.float64).div(thresholds + 1).logit()
        self.first = nn.Parameter(even[:1].to(torch.get_default_dtype()))
        self.log_gaps = nn.Parameter(even.diff().log().to(torch.get_default_dtype()))

    def forward(self) -> Tensor:
        """Return `[K-1]`."""
        return self.first + torch.cat([torch.zeros_like(self.first), self.log_gaps.exp().cumsum(0)])


def _sizes(name: str, features: int, classes: int) -> tuple[int, int]:
    features, classes = check.count(name, "features", features), check.count(name, "classes", classes)
    return features, check.count(name, "classes - 1", classes - 1)
