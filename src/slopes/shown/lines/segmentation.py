"""The lines of losses of masks: over the logit of all pixels of a small image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Curve, Lines, Options

_MASK: Final = (1.0, 1.0, 0.0, 0.0, 0.0, 0.0)


def _image(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    """Return a loss over how sure a prediction is: logit x in the mask, and -x outside."""

    def curve(x: Tensor, o: Options) -> Tensor:
        mask = torch.tensor(_MASK, dtype=x.dtype).expand(*x.shape, len(_MASK))
        return loss(x.unsqueeze(-1) * (2 * mask - 1), mask.contiguous(), reduction="none", **o)

    return {"": curve}


_OVER: Final = "logit of two pixels in the mask; that of four beside it is the opposite"
LOSSES: Final[Lines] = {
    "dice": (_OVER, _image(L.dice)),
    "jaccard": (_OVER, _image(L.jaccard)),
    "tversky": (_OVER, _image(L.tversky)),
    "focal_tversky": (_OVER, _image(L.focal_tversky)),
    "lovasz": (_OVER, _image(L.lovasz)),
}
REACH: Final[dict[str, float]] = {"lovasz": 3.0}
