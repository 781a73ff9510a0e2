"""Losses of a residual that a few bad targets cannot drag: what they are is in the file of each."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.robust import bounded, smooth

SPECS: Final[tuple[Spec, ...]] = (*smooth.SPECS, *bounded.SPECS)
