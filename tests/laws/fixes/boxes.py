"""What repairs the errors of the losses of boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from tests.laws.fixes.law import Fix

BOX: Final = torch.tensor([[0.0, 0.0, 2.0, 2.0]])


def names() -> Mapping[str, Any]:
    return {}


ELSEWHERE: Final[Mapping[str, str]] = {}
TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "losses/boxes/corners.py between": [
        Fix(
            "L.iou(predictions, targets)",
            {"predictions": torch.arange(8.0).reshape(1, 8), "targets": torch.arange(8.0).reshape(1, 8)},
            words={"predictions": "predictions.reshape(-1, 4)", "targets": "targets.reshape(-1, 4)"},
            check="result == 0",
        ),
    ],
    "losses/boxes/corners.py _check_corners": [
        Fix(
            "L.giou(predictions, targets)",
            {"predictions": torch.tensor([[1.0, 1.0, 0.5, 0.5]]), "targets": BOX},
            {
                "predictions": "torch.cat([predictions[..., :2] - predictions[..., 2:] / 2, predictions[..., :2] + "
                "predictions[..., 2:] / 2], -1)"
            },
            check="predictions.tolist() == [[0.75, 0.75, 1.25, 1.25]]",
        ),
        Fix(
            "L.ciou(predictions, targets)",
            {"predictions": BOX, "targets": torch.tensor([[2.0, 0.0, 0.0, 2.0]])},
            {
                "targets": "torch.cat([targets[..., :2].minimum(targets[..., 2:]), "
                "targets[..., :2].maximum(targets[..., 2:])], -1)"
            },
            check="result == 0",
        ),
    ],
}
