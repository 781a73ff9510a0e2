"""Losses of lists whose order counts: what they are is in the file of each."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.ranking import listwise, pairs

SPECS: Final[tuple[Spec, ...]] = (*pairs.SPECS, *listwise.SPECS)
