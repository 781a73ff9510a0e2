"""What repairs the errors of losses of forecasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from tests.laws.fixes.law import Fix

ELSEWHERE: Final[Mapping[str, str]] = {}


def names() -> Mapping[str, Any]:
    return {}


TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "losses/forecasts/shares.py _no_zero": [
        Fix(
            "L.mape(predictions, targets, mask=mask)",
            {"predictions": torch.ones(3), "targets": torch.tensor([2.0, 0.0, 1.0]), "mask": None},
            {"mask": "targets != 0"},
            check="result == 0.25",
        ),
    ],
    "losses/forecasts/scores.py _enough": [
        Fix(
            "L.crps_ensemble(members, targets, fair=fair)",
            {"members": torch.ones(3, 1), "targets": torch.zeros(3), "fair": True},
            words={"fair": "False"},
            check="'fair=False' in error and result == 1",
        ),
    ],
}
