"""The lines of the losses of classes that have an order: over one score, for each of four classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Curve, Lines, Options

_THRESHOLDS: Final = (-2.0, 0.0, 2.0)


def _coral(x: Tensor, cuts: Tensor, targets: Tensor, o: Options) -> Tensor:
    return L.coral(x.unsqueeze(-1) - cuts, targets, reduction="none", **o)  # type: ignore[arg-type]


def _corn(x: Tensor, cuts: Tensor, targets: Tensor, o: Options) -> Tensor:
    return L.corn(x.unsqueeze(-1) - cuts, targets, reduction="none", **o)  # type: ignore[arg-type]


def _cumulative_link(x: Tensor, cuts: Tensor, targets: Tensor, o: Options) -> Tensor:
    return L.cumulative_link(x, cuts, targets, reduction="none", **o)  # type: ignore[arg-type]


def _by_class(loss: Callable[[Tensor, Tensor, Tensor, Options], Tensor]) -> dict[str, Curve]:
    """Return a loss over a score, once for each class."""

    def curve(x: Tensor, o: Options, target: int) -> Tensor:
        return loss(x, torch.tensor(_THRESHOLDS, dtype=x.dtype), torch.full(x.shape, target), o)

    return {f"class {k}": lambda x, o, k=k: curve(x, o, k) for k in range(4)}  # type: ignore[misc]


_SCORE: Final = "score; the thresholds are at −2, 0 and 2"

LOSSES: Final[Lines] = {
    "coral": (_SCORE, _by_class(_coral)),
    "corn": (_SCORE, _by_class(_corn)),
    "cumulative_link": (_SCORE, _by_class(_cumulative_link)),
}
REACH: Final[dict[str, float]] = {}
