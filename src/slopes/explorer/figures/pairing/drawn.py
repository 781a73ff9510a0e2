"""The columns and axes of the pairing figure."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

from torch import Tensor

from slopes.explorer.figures.pairing.model import HIGHEST, LOWEST, POINTS, STEPS, curves, training
from slopes.explorer.figures.pairing.pairs import Pair, own_pair
from slopes.explorer.figures.pairing.text import Seen
from slopes.explorer.figures.result import Columns
from slopes.shown import layout, palette

_MOST: Final = 2.0  # heights of the matched pair's axis that a mismatch may add to it at either end
_TAG: Final = 0.06  # of an axis, that a name within the plate keeps from its line
_ANSWER: Final = palette.GREEN


@lru_cache(maxsize=256)
def signals(pair: Pair) -> dict[str, float]:
    """Return the ends of all axes; a loss that leaves the matched pair's far behind leaves the plate."""
    low, high = pair.task.window
    ends = {"x_low": LOWEST, "x_high": HIGHEST, "step_low": 0.0, "step_high": float(STEPS)}
    ends |= {"output_low": low, "output_high": high}
    _, found = curves(pair)
    _, best = curves(own_pair(pair.task))
    for quantity in ("value", "slope"):
        least, most = layout.axis(list(_span(getattr(best, quantity))))
        room = _MOST * (most - least)
        span = [min(max(v, least - room), most + room) for v in _span(getattr(found, quantity))]
        ends[f"{quantity}_low"], ends[f"{quantity}_high"] = layout.axis([*_span(getattr(best, quantity)), *span])
    return ends


def datasets(seen: Seen, ends: dict[str, float], hues: tuple[int, int]) -> dict[str, Columns]:
    """Return all that is drawn."""
    goals = [float(goal) for goal in seen.pair.task.goals]
    found = seen.found
    return {
        **_still(seen.pair, tuple(ends.items()), hues),
        "cursor": {"x": [seen.z]},
        "now": {
            "x": [seen.z, seen.z],
            "value": _numbers(found.value),
            "slope": _numbers(found.slope),
            "hue": list(hues),
        },
        "output_now": {"x": [seen.z], "output": _numbers(found.answer[:1]), "hue": [_ANSWER]},
        "targets": {"output": goals, "hue": list(hues)},
    }


@lru_cache(maxsize=64)
def _still(pair: Pair, ends: tuple[tuple[str, float], ...], hues: tuple[int, int]) -> dict[str, Columns]:
    """What does not move with the logit."""
    limits, own = dict(ends), own_pair(pair.task)
    both = [pair] if pair.own else [pair, own]
    said = [*pair.task.said, *(f"matched, {said[4:]}" for said in pair.task.said)][: 2 * len(both)]
    twice = [hue for _ in both for hue in hues]
    columns: dict[str, Columns] = {
        "curves": _lines(pair, hues),
        "matched": _lines(own, hues, empty=pair.own),
        "outputs": _answers(pair),
        "matched_output": _answers(own, empty=pair.own),
        "training": _paths(pair, hues),
        "matched_training": _paths(own, hues, empty=pair.own),
    }
    columns["tags"] = _tags(pair, limits)
    heights = {
        "value": [curves(p)[1].value[half][-1].item() for p in both for half in _halves()],
        "slope": [curves(p)[1].slope[half][-1].item() for p in both for half in _halves()],
        "output": [curves(p)[1].answer[POINTS - 1].item() for p in both],
        "training": [path[-1].item() for p in both for path in training(p)],
    }
    for name, at in heights.items():
        axis = "output" if name == "training" else name
        labels = ["ŷ", "matched"][: len(both)] if name == "output" else said
        inks = [_ANSWER] * len(both) if name == "output" else twice
        low, high = limits[f"{axis}_low"], limits[f"{axis}_high"]
        there = [i for i, height in enumerate(at) if math.isfinite(height)]
        columns[f"{name}_ends"] = {
            "label": [labels[i] for i in there],
            "hue": [inks[i] for i in there],
            "height": layout.spread([at[i] for i in there], low, high),
        }
    return columns


def _tags(pair: Pair, limits: dict[str, float]) -> Columns:
    """What lines are called that end within the plates: beside the last point of each."""
    z, found = curves(pair)
    tags: Columns = {name: [] for name in ("label", "x", "value", "slope")}
    for said, half in zip(pair.task.said, _halves(), strict=True):
        there = found.slope[half].isfinite().nonzero().squeeze(-1).tolist()
        if not there or there[-1] == POINTS - 1:
            continue
        tags["label"].append(said)
        tags["x"].append(z[there[-1]].item())
        for quantity in ("value", "slope"):
            low, high = limits[f"{quantity}_low"], limits[f"{quantity}_high"]
            room = _TAG * (high - low)
            height = getattr(found, quantity)[half][there[-1]].item() + room
            tags[quantity].append(min(max(height, low + room), high - room))
    return tags


def _lines(pair: Pair, hues: tuple[int, int], *, empty: bool = False) -> Columns:
    if empty:
        return {name: [] for name in ("series", "hue", "x", "value", "slope")}
    z, found = curves(pair)
    return {
        "series": [said for said in pair.task.said for _ in z],
        "hue": [hue for hue in hues for _ in z],
        "x": z.repeat(2).numpy(),
        "value": found.value.numpy(),
        "slope": found.slope.contiguous().numpy(),
    }


def _answers(pair: Pair, *, empty: bool = False) -> Columns:
    if empty:
        return {name: [] for name in ("series", "hue", "x", "output")}
    z, found = curves(pair)
    return {
        "series": ["ŷ" for _ in z],
        "hue": [_ANSWER for _ in z],
        "x": z.numpy(),
        "output": found.answer[:POINTS].contiguous().numpy(),
    }


def _paths(pair: Pair, hues: tuple[int, int], *, empty: bool = False) -> Columns:
    if empty:
        return {name: [] for name in ("series", "hue", "step", "output")}
    steps = list(range(STEPS + 1))
    return {
        "series": [said for said in pair.task.said for _ in steps],
        "hue": [hue for hue in hues for _ in steps],
        "step": steps * 2,
        "output": training(pair).reshape(-1).numpy(),
    }


def _numbers(values: Tensor) -> list[float | None]:
    return [v if math.isfinite(v) else None for v in values.tolist()]


def _span(values: Tensor) -> tuple[float, ...]:
    known = values[values.isfinite()]
    return (known.min().item(), known.max().item()) if len(known) else ()


def _halves() -> tuple[slice, slice]:
    return slice(0, POINTS), slice(POINTS, 2 * POINTS)
