"""What the charts of the landscape figure draw, as columns."""

from __future__ import annotations

import math
from typing import Final

from slopes.explorer.figures.landscape.charts import ACROSS, UP
from slopes.explorer.figures.landscape.descent import Path
from slopes.explorer.figures.landscape.model import Loss
from slopes.explorer.figures.landscape.surface import Surface
from slopes.explorer.figures.result import Columns
from slopes.explorer.figures.wording import number
from slopes.shown import layout

_HIGHEST: Final = 1e6  # beyond it a path has left for good
_DECADES: Final = 8  # of losses and gradients, that are shown at most
_OUT: Final = 100.0  # times as far out as the chart goes: no pixel is that far


def land(name: str, loss: Loss, path: Path, surface: Surface) -> dict[str, Columns]:
    """Return one landscape with its path."""
    places = [place for place in path.places.tolist() if all(abs(v) < _OUT * ACROSS for v in place)]
    words = f"{loss.label}; a band is {number(surface.band, 2)}"
    return {
        f"{name}_bands": surface.bands,
        f"{name}_path": {
            "x": [w for w, _ in places],
            "y": [b for _, b in places],
            "step": list(range(len(places))),
            "hue": [loss.hue] * len(places),
        },
        f"{name}_lowest": {"x": [surface.lowest[0]], "y": [surface.lowest[1]]},
        f"{name}_words": {"x": [-ACROSS], "y": [-UP], "label": [words]},
    }


def nothing(name: str) -> dict[str, Columns]:
    """Return the columns of a landscape that could not be made."""
    return {
        f"{name}_bands": {"x": [], "x2": [], "y": [], "y2": [], "ink": []},
        f"{name}_path": {"x": [], "y": [], "step": [], "hue": []},
        f"{name}_lowest": {"x": [], "y": []},
        f"{name}_words": {"x": [], "y": [], "label": []},
    }


def span(paths: list[Path]) -> tuple[float, float]:
    """Return the ends of the log axis: whole decades around the losses and the gradients."""
    known = [v for path in paths for v in (*path.losses, *path.norms) if 0 < v < math.inf] or [1.0]
    high = math.ceil(math.log10(min(max(known), _HIGHEST)) + 1e-9)
    low = max(math.floor(math.log10(max(min(known), 1e-300)) + 1e-9), high - _DECADES)
    return 10.0 ** min(low, high - 1), 10.0**high


def steps(losses: tuple[Loss, ...], paths: list[Path], low: float, high: float) -> dict[str, Columns]:
    """Return losses and gradients step by step, and what stands at their ends."""
    count = len(paths[0].losses)
    last = [v for path in paths for v in (path.losses[-1], path.norms[-1])]
    heights = layout.spread([_decade(v, low, high) for v in last], math.log10(low), math.log10(high))
    return {
        "steps": {
            "series": [loss.label for loss in losses for _ in range(count)],
            "hue": [loss.hue for loss in losses for _ in range(count)],
            "step": list(range(count)) * len(losses),
            "loss": [_known(v) for path in paths for v in path.losses],
            "norm": [_known(v) for path in paths for v in path.norms],
        },
        "ends": {
            "label": [words for loss in losses for words in (loss.label, f"{loss.label}, gradient")],
            "hue": [loss.hue for loss in losses for _ in range(2)],
            "height": [10.0**height for height in heights],
        },
    }


def _decade(value: float, low: float, high: float) -> float:
    return math.log10(min(max(value, low), high)) if value == value else math.log10(high)  # noqa: PLR0124  not NaN


def _known(value: float) -> float | None:
    """A value that has a logarithm, or nothing."""
    return value if 0 < value < math.inf else None
