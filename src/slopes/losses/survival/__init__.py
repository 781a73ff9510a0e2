"""Losses of times to an event, of which some are censored: what they are is in the file of each."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.survival import periods, proportional, times

SPECS: Final[tuple[Spec, ...]] = (*proportional.SPECS, *times.SPECS, *periods.SPECS)
