"""A case that is its own peer: one measurement at several sizes, and how time and memory change with them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.memory import peak_bytes
from bench.timing import AbsentError, Prepared, Result, distance, in_turn


@dataclass(frozen=True)
class Series:
    """One claim of growth; without goals it is information.

    Attributes:
        name: Its name on the command line: a group and a member.
        claim: What is measured, in words.
        unit: What the sizes count.
        sizes: The sizes, rising.
        prepare: Makes the inputs of a size; of what it returns the peer is not looked at.
        small: The sizes of a quick run.
        goal: Largest ratio of the time for each unit, of the slowest size to the smallest; None where time is not
            expected to be proportional, and the ratio is that of the slowest size's time to the fastest's.
        peak: Largest ratio of the peak of memory, of the hungriest size to the smallest; None where that is no claim.
        rounds: How often each is timed.
    """

    name: str
    claim: str
    unit: str
    sizes: Sequence[int]
    prepare: Callable[[int, bool], Prepared]
    small: Sequence[int]
    goal: float | None = None
    peak: float | None = None
    rounds: int = 5

    @property
    def peer(self) -> str:
        """What it is measured against."""
        return f"itself at {self.sizes[0]:,}"


def run_series(series: Series, *, quick: bool) -> Result:
    """Check each size, and time them in turn where all are right."""
    bare = Result(series.name, series.claim, series.peer, series.goal, "wrong", 0.0, peak=series.peak)
    try:
        return _measured(series, bare, quick=quick)
    except AbsentError as absent:
        return replace(bare, outcome="absent", why=str(absent))


def _measured(series: Series, bare: Result, *, quick: bool) -> Result:
    sizes = series.small if quick else series.sizes
    peaks, errors, off = [], [], 0.0
    for size in sizes:
        made = series.prepare(size, quick)
        peak, came = peak_bytes(made.ours)
        right = made.right()
        errors.append(distance(came[:1], right[:1]))
        off = max(off, distance(came, right))
        peaks.append(peak)
        if not off <= made.allowed:
            return replace(bare, off=off)
        del came, right, made
    steps = [series.prepare(size, quick).ours for size in sizes]
    times = [statistics.median(found) for found in in_turn(steps, 3 if quick else series.rounds)]
    each = [1e6 * time / size for time, size in zip(times, sizes, strict=True)]
    growth = max(times) / min(times) if series.goal is None else max(each) / each[0]
    more = max(peaks) / peaks[0]
    kept = (series.goal is None or growth <= series.goal) and (series.peak is None or more <= series.peak)
    points = (
        {series.unit: size, "ms": round(time, 2)}
        | ({} if series.goal is None else {"ns a unit": round(ns, 1)})
        | {"peak, MB": round(peak / 1e6, 1), "loss error": error}
        for size, time, ns, peak, error in zip(sizes, times, each, peaks, errors, strict=True)
    )
    return replace(
        bare,
        outcome="information" if series.goal is None and series.peak is None else "met" if kept else "missed",
        off=off,
        ours_ms=round(times[-1], 3),
        peer_ms=round(times[0], 3),
        ratio=round(growth, 3),
        peak_ratio=round(more, 3),
        points=tuple(points),
    )
