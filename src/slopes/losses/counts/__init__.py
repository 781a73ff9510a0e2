"""Losses of counts and of amounts that are often zero, over the logarithm of the rate."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.counts import amounts, rates, zeros

SPECS: Final[tuple[Spec, ...]] = (*rates.SPECS, *amounts.SPECS, *zeros.SPECS)
