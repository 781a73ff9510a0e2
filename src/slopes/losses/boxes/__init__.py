"""Losses of boxes, by overlap, and of what a detector says beside them."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec

SPECS: Final[tuple[Spec, ...]] = ()
