"""The lines of losses of sequences: over one logit of a short row."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Lines, Options


def _two_frames(x: Tensor, o: Options, labels: int) -> Tensor:
    """Return the loss of two frames of a blank and a label: undecided at one of them, x apart at the other."""
    flat = x.reshape(-1)
    logits = torch.zeros(*flat.shape, 2, 2, dtype=x.dtype, device=x.device)
    logits = torch.cat([logits[:, :1], torch.stack([torch.zeros_like(flat), flat], -1).unsqueeze(1)], 1)
    targets = torch.ones(flat.shape[0], labels, dtype=torch.int64, device=x.device)
    return L.ctc(logits, targets, reduction="none", **{**o, "blank": 0}).reshape(x.shape)  # type: ignore[arg-type]


LOSSES: Final[Lines] = {
    "ctc": (
        "lead of the label over the blank, at one of two frames",
        {
            "the label is said": lambda x, o: _two_frames(x, o, 1),
            "nothing is said": lambda x, o: _two_frames(x, o, 0),
        },
    ),
}
REACH: Final[dict[str, float]] = {}
