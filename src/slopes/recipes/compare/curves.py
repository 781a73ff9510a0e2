"""The numbers of the report's figures, as rows: results, differences, learning, calibration, corruption, rarity."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from slopes.recipes.compare.comparison import Comparison
from slopes.recipes.compare.statistics import Interval

Rows = list[dict[str, Any]]

BINS: Final = 10
ROOM: Final = 0.075
"""Share of an axis' height that a label at the end of a line needs to itself."""


def results(found: Comparison) -> Rows:
    """Return each candidate's mean on the measure that decides, with its interval."""
    rows = []
    for candidate in found.tried:
        came = found.interval(candidate.name, found.decides.name)
        if came is not None:
            rows.append({"candidate": candidate.label, "hue": candidate.hue, **_ends(came)})
    return rows


def repetitions(found: Comparison) -> Rows:
    """Return each repetition's value of the measure that decides."""
    return [
        {"candidate": candidate.label, "hue": candidate.hue, "seed": seed, "value": value}
        for candidate in found.tried
        for seed, value in enumerate(found.values(candidate.name, found.decides.name))
    ]


def differences(found: Comparison) -> Rows:
    """Return by how much each candidate is better than the recommended one, below 0 if worse."""
    rows = []
    for candidate in found.tried:
        gain = found.better_by(candidate.name, found.recommended.name)
        if gain is not None and candidate.name != found.recommended.name:
            rows.append({"candidate": candidate.label, "hue": candidate.hue, **_ends(gain)})
    return rows


def learning(found: Comparison) -> Rows:
    """Return the error on validation rows along training, the mean over repetitions."""
    rows = []
    for candidate in found.tried:
        curves = [o.curve for o in found.of(candidate.name)]
        for points in zip(*curves, strict=True):
            mean = float(np.mean([error for _, error in points]))
            if not math.isnan(mean):  # a gap, where predictions were NaN
                rows.append({"candidate": candidate.label, "hue": candidate.hue, "step": points[0][0], "error": mean})
    return rows


def calibration(found: Comparison) -> dict[str, Rows]:
    """Return for each candidate what was predicted and what came of it, in bins of as many rows each."""
    return {
        candidate.label: [
            *_bins(found, candidate.name, 0, "before"),
            *_bins(found, candidate.name, 1, "after"),
        ]
        for candidate in found.tried
    }


def corruption(found: Comparison) -> Rows:
    """Return the measure that decides over the share of corrupted labels."""
    return [
        {"candidate": candidate.label, "hue": candidate.hue, "share": share, **_ends(came)}
        for candidate in found.tried
        for share in (0.0, *found.plan.corrupted)
        if (came := found.interval(candidate.name, found.decides.name, corrupted=share)) is not None
    ]


def rarity(found: Comparison) -> Rows:
    """Return the measure that decides over how rare the rarest class was made."""
    ratios = sorted({o.trial.ratio for o in found.outcomes})
    return [
        {"candidate": c.label, "hue": c.hue, "ratio": _ratio(ratio), "place": place, **_ends(came)}
        for c in found.tried
        for place, ratio in enumerate(ratios)
        if len(ratios) > 1 and (came := found.interval(c.name, found.decides.name, ratio=ratio)) is not None
    ]


def labels(rows: Rows, x: str, y: str, low: float, high: float) -> Rows:
    """Return a label for the end of each line, moved apart until none covers another.

    Args:
        rows: Points of lines.
        x: Column along which the lines run; the label stands at its largest value.
        y: Column of the heights.
        low: Lower end of the axis.
        high: Upper end of the axis.
    """
    last = max(row[x] for row in rows)
    ends = sorted((row for row in rows if row[x] == last), key=lambda row: row[y])
    room = ROOM * (high - low)
    placed = [float(row[y]) for row in ends]
    for _ in range(80):
        for i in range(1, len(placed)):
            overlap = max(0.0, room - (placed[i] - placed[i - 1]))
            placed[i - 1] -= overlap / 2
            placed[i] += overlap / 2
        placed[0], placed[-1] = max(placed[0], low), min(placed[-1], high)
    return [
        {"candidate": row["candidate"], "hue": row["hue"], "height": height}
        for row, height in zip(ends, placed, strict=True)
    ]


def _ends(came: Interval) -> dict[str, float | None]:
    return {"mean": came.mean, "low": came.low, "high": came.high}


def _ratio(ratio: float) -> str:
    return f"1 in {ratio:.0f}" if ratio else "as it is"


def _bins(found: Comparison, candidate: str, which: int, when: str) -> Rows:
    """Return means over bins of the same size, each with its rows; probabilities alike stay in one bin."""
    pairs = [(o.predicted[which], o.observed) for o in found.of(candidate) if len(o.observed)]
    predicted, observed = (np.concatenate(part) for part in zip(*pairs, strict=True))
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, BINS + 1)))
    places = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, max(0, len(edges) - 2))
    hue = next(c.hue for c in found.tried if c.name == candidate)
    return [
        {
            "when": when,
            "hue": hue,
            "predicted": float(predicted[places == place].mean()),
            "observed": float(observed[places == place].mean()),
            "rows": int((places == place).sum()),
        }
        for place in np.unique(places)
    ]
