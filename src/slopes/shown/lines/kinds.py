"""Kinds of pictures that several losses share: of a residual, of a logit for both answers, of a lead, of a distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

Options = dict[str, float | str]
Curve = Callable[[Tensor, Options], Tensor]
# Of a loss: what it is drawn over, and its lines, by label.
Lines = dict[str, tuple[str, dict[str, Curve]]]


def residual(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    """Return a loss over a residual: the prediction, of a target of 0."""
    return {"": lambda r, o: loss(r, torch.zeros_like(r), reduction="none", **o)}


def binary(loss: Callable[..., Tensor], negative: float) -> dict[str, Curve]:
    """Return a loss over a logit or score, once for each answer."""
    return {
        "label 1": lambda x, o: loss(x, torch.ones_like(x), reduction="none", **o),
        f"label {negative:g}": lambda x, o: loss(x, torch.full_like(x, negative), reduction="none", **o),
    }


def two_classes(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    """Return a loss over the lead of the true one of two classes."""

    def curve(x: Tensor, o: Options) -> Tensor:
        logits = torch.stack([x, torch.zeros_like(x)], -1)
        return loss(logits, torch.zeros(x.shape, dtype=torch.int64), reduction="none", **o)

    return {"": curve}


def pairs(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    """Return a loss over a distance, for items that are similar and that are not."""

    def curve(x: Tensor, o: Options, *, similar: bool) -> Tensor:
        pair = x.unsqueeze(-1), torch.zeros_like(x).unsqueeze(-1)
        return loss(*pair, torch.full(x.shape, similar), reduction="none", **o)

    return {
        "similar": lambda x, o: curve(x, o, similar=True),
        "not similar": lambda x, o: curve(x, o, similar=False),
    }


def margin(loss: Callable[..., Tensor], others: int) -> dict[str, Curve]:
    """Return a preference loss over the difference of its first argument from the others, which are 0."""
    return {"": lambda x, o: loss(x, *([torch.zeros_like(x)] * others), reduction="none", **o)}


RESIDUAL: Final = "residual, prediction minus target"
LEAD: Final = "lead of the true class's logit over the other's"
