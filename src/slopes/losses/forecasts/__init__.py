"""Losses of forecasts: errors by size, by ratio and by scale, levels, and whole distributions against what came."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec

SPECS: Final[tuple[Spec, ...]] = ()
