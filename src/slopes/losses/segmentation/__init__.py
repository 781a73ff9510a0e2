"""Losses of masks, by overlap: Dice, Jaccard, Tversky and Lovász."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.segmentation import dice, lovasz, tversky

SPECS: Final[tuple[Spec, ...]] = (*dice.SPECS, *tversky.SPECS, *lovasz.SPECS)
