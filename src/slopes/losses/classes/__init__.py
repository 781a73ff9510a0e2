"""Losses of classes beside cross-entropy: other margins, noisy labels, long tails."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.classes import labels, margins, noisy, pairs, tails

SPECS: Final[tuple[Spec, ...]] = (*margins.SPECS, *pairs.SPECS, *labels.SPECS, *noisy.SPECS, *tails.SPECS)
