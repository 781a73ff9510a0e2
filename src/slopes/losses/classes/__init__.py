"""Losses of classes beside cross-entropy: other margins, noisy labels, long tails."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec

SPECS: Final[tuple[Spec, ...]] = ()
