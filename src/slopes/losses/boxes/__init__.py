"""Losses of boxes: how far a predicted one is from the true one."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.boxes import overlap, placed

SPECS: Final[tuple[Spec, ...]] = (*overlap.SPECS, *placed.SPECS)
