"""What each loss is drawn over, how far, and its lines: of all families together."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.shown.lines import (
    boxes,
    classes,
    counts,
    distributions,
    first,
    forecasts,
    generation,
    ordinal,
    ranking,
    robust,
    segmentation,
    sequence,
    survival,
)
from slopes.shown.lines.kinds import Lines, Options

__all__ = ["LOSSES", "REACH", "Options", "options_of"]

_FLAG: Final = {"True": True, "False": False}

_FAMILIES: Final = (
    first,
    robust,
    forecasts,
    distributions,
    counts,
    survival,
    classes,
    ordinal,
    ranking,
    segmentation,
    boxes,
    sequence,
    generation,
)

# What each loss is drawn over, and its lines, by label.
LOSSES: Final[Lines] = {name: lines for family in _FAMILIES for name, lines in family.LOSSES.items()}
# How far the axis of a loss reaches on both sides, where that is not 6.
REACH: Final[dict[str, float]] = {name: reach for family in _FAMILIES for name, reach in family.REACH.items()}


def options_of(spec: Spec, given: Options) -> Options:
    """Return the options of a picture: the defaults, and what is given; words for True and False are these."""
    flags = {of.name for of in spec.parameters if of.choices == tuple(_FLAG)}
    chosen = {of.name: of.default for of in spec.parameters if of.default is not None} | given
    return {name: _FLAG[value] if name in flags and value in _FLAG else value for name, value in chosen.items()}
