"""Losses of masks, by overlap."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec

SPECS: Final[tuple[Spec, ...]] = ()
