"""The lines of the losses of that family."""

from __future__ import annotations

from typing import Final

from slopes.shown.lines.kinds import Lines

LOSSES: Final[Lines] = {}
REACH: Final[dict[str, float]] = {}
