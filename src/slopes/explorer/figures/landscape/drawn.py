"""What the charts of the landscape figure draw, as columns."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.landscape.charts import ACROSS, INPUTS, OUTPUTS, UP
from slopes.explorer.figures.landscape.descent import Path
from slopes.explorer.figures.landscape.model import Loss, Task
from slopes.explorer.figures.landscape.surface import Surface
from slopes.explorer.figures.result import Columns
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

_HIGHEST: Final = 1e6  # beyond it a path has left for good
_DECADES: Final = 8  # of losses and gradients, that are shown at most
_PLACES: Final = torch.linspace(*INPUTS, 79, dtype=torch.float64)  # inputs at which a model is drawn
_OUT: Final = 100.0  # times as far out as the chart goes: no pixel is that far


def land(name: str, loss: Loss, path: Path, surface: Surface) -> dict[str, Columns]:
    """Return one landscape with its path."""
    places = [place for place in path.places.tolist() if all(abs(v) < _OUT * ACROSS for v in place)]
    bands = f"each band × {number(surface.factor, 3)}" if surface.factor else f"a band is {number(surface.band, 2)}"
    words = f"{loss.label}; {bands}"
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


def models(name: str, task: Task, paths: list[Path]) -> dict[str, Columns]:
    """Return the data over their inputs, and what the model makes of them: at the start, and where each path ends."""
    ends = [path.places[-1] for path in paths]
    found = [("start", palette.INK, paths[0].places[0])]
    found += [(loss.label, loss.hue, end) for loss, end in zip(task.losses, ends, strict=True)]
    drawn = [(label, hue, _answers(name, place)) for label, hue, place in found if place.isfinite().all()]
    low, high = OUTPUTS[name == "neuron"]
    start, *after = drawn
    return {
        "points": {"x": task.x.tolist(), "out": task.y.tolist(), "hue": [palette.INK] * len(task.x)},
        "outlier": {"x": [], "out": [], "label": []}
        if name == "neuron"
        else {"x": [task.x[task.watched].item()], "out": [task.y[task.watched].item()], "label": ["outlier"]},
        "start": _curves([start]),
        "models": _curves(after),
        "model_ends": {
            "label": [label for label, _, _ in drawn],
            "hue": [hue for _, hue, _ in drawn],
            "height": layout.spread([values[-1] for _, _, values in drawn], low, high),
        },
    }


def _answers(name: str, place: Tensor) -> list[float]:
    """What the model at a place makes of the inputs that are drawn; a line is drawn as far as the chart, and beyond."""
    line = place[0] * _PLACES + place[1]
    with slopes.exact():
        answers = A.sigmoid(line) if name == "neuron" else line.clamp(-_HIGHEST, _HIGHEST)
    values: list[float] = answers.tolist()
    return values


def _curves(drawn: list[tuple[str, int, list[float]]]) -> Columns:
    count = len(_PLACES)
    return {
        "series": [label for label, _, _ in drawn for _ in range(count)],
        "hue": [hue for _, hue, _ in drawn for _ in range(count)],
        "x": _PLACES.tolist() * len(drawn),
        "out": [value for _, _, values in drawn for value in values],
    }


def _decade(value: float, low: float, high: float) -> float:
    return math.log10(min(max(value, low), high)) if value == value else math.log10(high)  # noqa: PLR0124  not NaN


def _known(value: float) -> float | None:
    """A value that has a logarithm, or nothing."""
    return value if 0 < value < math.inf else None
