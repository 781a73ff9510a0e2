"""Losses of forecasts: errors by size, by ratio and by scale, levels, and whole distributions against what came."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.forecasts import errors, levels, scores, shares

SPECS: Final[tuple[Spec, ...]] = (*errors.SPECS, *shares.SPECS, *levels.SPECS, *scores.SPECS)
