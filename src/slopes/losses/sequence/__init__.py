"""Losses of sequences whose alignment is not known."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.sequence import ctc

SPECS: Final[tuple[Spec, ...]] = (*ctc.SPECS,)
