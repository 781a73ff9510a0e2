"""The lines of losses of classes beside cross-entropy: over the score, the lead, the distance; two labels of a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import LEAD, Curve, Lines, Options, binary, two_classes


def _pair(x: Tensor) -> Tensor:
    return torch.stack([x, torch.zeros_like(x)], -1)


def _ranking(x: Tensor, o: Options, *, first: bool) -> Tensor:
    return L.margin_ranking(x, torch.zeros_like(x), torch.full(x.shape, first), reduction="none", **o)  # type: ignore[arg-type]


def _embedding(x: Tensor, o: Options, *, alike: bool) -> Tensor:
    return L.hinge_embedding(x, torch.full(x.shape, alike), reduction="none", **o)  # type: ignore[arg-type]


def _soft_labels(x: Tensor, _: Options) -> Tensor:
    targets = torch.tensor([1.0, 0.0], dtype=x.dtype).expand(*x.shape, 2)
    return L.multilabel_soft_margin(_pair(x), targets, reduction="none")


def _labels(x: Tensor, o: Options) -> Tensor:
    targets = torch.tensor([True, False]).expand(*x.shape, 2)
    return L.multilabel_margin(_pair(x), targets, reduction="none", **o)  # type: ignore[arg-type]


def _of_shares(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    """Return a loss over the lead of the true one of two classes, three times as frequent as the other, or rarer."""

    def curve(x: Tensor, o: Options, *, rare: bool) -> Tensor:
        shares = torch.tensor([0.25, 0.75] if rare else [0.75, 0.25], dtype=x.dtype)
        return loss(_pair(x), torch.zeros(x.shape, dtype=torch.int64), shares, reduction="none", **o)

    return {
        "a rare class": lambda x, o: curve(x, o, rare=True),
        "a frequent class": lambda x, o: curve(x, o, rare=False),
    }


LOSSES: Final[Lines] = {
    "squared_hinge": ("score", binary(L.squared_hinge, -1.0)),
    "soft_margin": ("score", binary(L.soft_margin, -1.0)),
    "margin_ranking": (
        "first score minus the second",
        {
            "first should lead": lambda x, o: _ranking(x, o, first=True),
            "second should lead": lambda x, o: _ranking(x, o, first=False),
        },
    ),
    "hinge_embedding": (
        "distance",
        {
            "similar": lambda x, o: _embedding(x, o, alike=True),
            "not similar": lambda x, o: _embedding(x, o, alike=False),
        },
    ),
    "multilabel_soft_margin": ("logit of a label that applies; another's is 0, and does not", {"": _soft_labels}),
    "multilabel_margin": ("score of a label that applies; another's is 0, and does not", {"": _labels}),
    "generalized_cross_entropy": (LEAD, two_classes(L.generalized_cross_entropy)),
    "symmetric_cross_entropy": (LEAD, two_classes(L.symmetric_cross_entropy)),
    "bootstrapped_cross_entropy": (LEAD, two_classes(L.bootstrapped_cross_entropy)),
    "poly_cross_entropy": (LEAD, two_classes(L.poly_cross_entropy)),
    "logit_adjusted": (LEAD, _of_shares(L.logit_adjusted)),
    "balanced_softmax": (LEAD, _of_shares(L.balanced_softmax)),
    "ldam": ("lead of the true class's cosine over the other's", _of_shares(L.ldam)),
}
REACH: Final = {
    **dict.fromkeys(("squared_hinge", "margin_ranking", "hinge_embedding", "multilabel_margin"), 3.0),
    "ldam": 1.0,
}
