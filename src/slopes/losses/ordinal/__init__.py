"""Losses of classes that have an order: what they are is in the file of each."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.ordinal import link, thresholds

SPECS: Final[tuple[Spec, ...]] = (*thresholds.SPECS, *link.SPECS)
