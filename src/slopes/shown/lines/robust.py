"""The lines of losses that a few bad targets cannot drag: over the residual."""

from __future__ import annotations

from typing import Final

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import RESIDUAL, Lines, residual

LOSSES: Final[Lines] = {
    "log_cosh": (RESIDUAL, residual(L.log_cosh)),
    "charbonnier": (RESIDUAL, residual(L.charbonnier)),
    "general_robust": (RESIDUAL, residual(L.general_robust)),
    "tukey": (RESIDUAL, residual(L.tukey)),
}
REACH: Final = {**dict.fromkeys(LOSSES, 3.0), "general_robust": 6.0, "tukey": 8.0}
