"""The lines of losses of boxes: over the place of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Curve, Lines, Options


def _moved(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    """Return a loss over how far a box twice as wide as high is right of a square."""

    def curve(x: Tensor, o: Options) -> Tensor:
        half = torch.full_like(x, 0.5)
        boxes = torch.stack([x - 1, -half, x + 1, half], -1), torch.stack([-half, -half, half, half], -1)
        return loss(*boxes, reduction="none", **o)

    return {"": curve}


_OVER: Final = "place of a box of 2 by 1; the true one is 1 by 1, at 0"
LOSSES: Final[Lines] = {
    "iou": (_OVER, _moved(L.iou)),
    "giou": (_OVER, _moved(L.giou)),
    "diou": (_OVER, _moved(L.diou)),
    "ciou": (_OVER, _moved(L.ciou)),
}
REACH: Final = dict.fromkeys(LOSSES, 4.0)
