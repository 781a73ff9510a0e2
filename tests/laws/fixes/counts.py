"""What repairs the errors of the losses of counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from tests.laws.fixes.core import X
from tests.laws.fixes.law import Fix

from slopes import losses as L  # noqa: N812  the name that the documentation uses

POISSON: Final = "L.poisson_nll(x, targets)"


def names() -> Mapping[str, Any]:
    return {}


ELSEWHERE: Final[Mapping[str, str]] = {}
TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "_core/check/values.py counts": [
        Fix(POISSON, {"x": X, "targets": torch.tensor([2.001, 0.0, 1.0])}, {"targets": "targets.round()"}),
        Fix(
            "loss(x, targets)",
            {"x": X, "targets": torch.tensor([0.25, 0.0, 1.5]), "loss": L.poisson_nll},
            words={"loss": "L.tweedie"},
        ),
    ],
}
