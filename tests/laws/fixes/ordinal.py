"""What repairs the errors of the losses of ordered classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from tests.laws.fixes.law import Fix


def names() -> Mapping[str, Any]:
    return {}


ELSEWHERE: Final[Mapping[str, str]] = {}
TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "losses/ordinal/link.py _check_order": [
        Fix(
            "L.cumulative_link(torch.zeros(2), thresholds, torch.tensor([0, 1]))",
            {"thresholds": torch.tensor([1.0, -1.0, 2.0])},
            words={"thresholds": "thresholds.sort().values"},
        ),
        Fix(
            "L.cumulative_link(torch.zeros(2), thresholds, torch.tensor([0, 1]))",
            {"thresholds": torch.tensor([0.5, 0.5])},
            words={"thresholds": "L.OrderedThresholds(3)()"},
        ),
    ],
}
