"""How a case is measured: against its peer in the same process, alternating, after a check that the answer is right."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final, Literal

import torch
from torch import Tensor

from bench.memory import Step, kept_bytes, peak_bytes

Outcome = Literal["met", "missed", "information", "wrong", "absent"]

WARM_UP: Final = 3
ALLOWED: Final = 1e-5  # of the largest entry: sums of millions of float32 numbers differ by their order


@dataclass(frozen=True)
class Prepared:
    """A case with its inputs.

    Attributes:
        ours: Forward and backward; returns the value and the gradients.
        peer: The same by the peer.
        right: The value and the gradients, computed in float64.
        forward: Our forward pass alone, where what it keeps for the backward pass is a claim.
        inputs: The tensors that it may keep for free.
        eager: Another pair, ours and the peer's, shown beside for information.
        memory: Whether the peaks of memory beyond inputs and gradients are compared.
        allowed: Largest error, as a share of a tensor's largest entry.
        loss_allowed: Largest relative error of the loss, which is then shown, and the peer's beside it; None where the
            value is held to `allowed` like the gradients.
        answers: Whether the peer gives the answer too; a bare product does not.
    """

    ours: Step
    peer: Step
    right: Step
    forward: Callable[[], Tensor] | None = None
    inputs: Sequence[Tensor] = ()
    eager: tuple[Step, Step] | None = None
    memory: bool = False
    allowed: float = ALLOWED
    loss_allowed: float | None = None
    answers: bool = True


class AbsentError(Exception):
    """The peer of a case is not installed; the text says what to install."""


@dataclass(frozen=True)
class Case:
    """One claim.

    Attributes:
        name: Its name on the command line: a group, or a group and a member.
        claim: What is measured, in words.
        peer: Against what.
        prepare: Makes the inputs; the argument says whether small ones will do.
        goal: Largest ratio of our time to the peer's; None where it is information.
        keep: Largest number of bytes per element that may be kept beyond the inputs; None where that is no claim.
        peak: Largest ratio of our peak of memory to the peer's; None where that is no claim.
        rounds: How often both are timed.
    """

    name: str
    claim: str
    peer: str
    prepare: Callable[[bool], Prepared]
    goal: float | None
    keep: float | None = None
    peak: float | None = None
    rounds: int = 21


@dataclass(frozen=True)
class Result:
    """What came out; times in milliseconds.

    `ratio`, `low` and `high` are the median and the quartiles of the rounds' ratios, `best` is the ratio of the fastest
    round of ours to the fastest of the peer's. `keep` and
    `peak` are the goals of `kept` and `peak_ratio`; `points` are what a series was measured at, and `why` says why
    there is no measurement.
    """

    name: str
    claim: str
    peer: str
    goal: float | None
    outcome: Outcome
    off: float
    ours_ms: float | None = None
    peer_ms: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    best: float | None = None
    kept: float | None = None
    keep: float | None = None
    peak_ratio: float | None = None
    peak: float | None = None
    notes: dict[str, float] = field(default_factory=dict)
    points: tuple[Mapping[str, float], ...] = ()
    why: str = ""

    def as_data(self) -> dict[str, object]:
        """Return it as what JSON can hold; an infinite error is a word."""
        return asdict(self) | ({} if math.isfinite(self.off) else {"off": "infinite"})


def run(case: Case, *, quick: bool) -> Result:
    """Check a case, and time it where it is right."""
    bare = Result(case.name, case.claim, case.peer, case.goal, "wrong", 0.0, keep=case.keep, peak=case.peak)
    try:
        made = case.prepare(quick)
    except AbsentError as absent:
        return replace(bare, outcome="absent", why=str(absent))
    off, notes, peak_ratio = _checked(made)
    if not off <= made.allowed:
        return replace(bare, off=off)
    if made.loss_allowed is not None and not notes["loss error"] <= made.loss_allowed:
        return replace(bare, off=notes["loss error"])
    rounds = 3 if quick else case.rounds
    ours, peer = timed(made.ours, made.peer, rounds, warm_up=0 if made.memory else WARM_UP)
    if made.eager is not None:
        mine, theirs = timed(*made.eager, rounds)
        notes["eager ratio"] = round(statistics.median(a / b for a, b in zip(mine, theirs, strict=True)), 3)
        notes["peer not compiled, ms"] = round(statistics.median(theirs), 3)
    kept = None
    if made.forward is not None:
        kept = round(kept_bytes(made.forward, made.inputs) / made.inputs[0].numel(), 3)
    result = replace(bare, off=off, kept=kept, peak_ratio=peak_ratio, notes=notes, **_compared(ours, peer))
    return replace(result, outcome=_outcome(result))


def _checked(made: Prepared) -> tuple[float, dict[str, float], float | None]:
    """Return the error, and what else the first step of each says: errors of the loss, and peaks of memory."""
    notes: dict[str, float] = {}
    peaks = []
    right = made.right()
    off = math.inf
    for whose, step in (("", made.ours), ("peer's ", made.peer)):
        if whose and not made.memory:
            break
        peak, came = peak_bytes(step) if made.memory else (0, step())
        peaks.append(peak)
        if made.memory:
            notes[f"{whose}peak, MB"] = round(peak / 1e6, 1)
        if not whose:
            off = distance(came, right)
        if made.loss_allowed is not None and (not whose or made.answers):
            notes[f"{whose}loss error"] = distance(came[:1], right[:1])
    ratio = round(peaks[0] / peaks[1], 3) if made.memory and peaks[1] > 0 else None
    return off, notes, ratio


def _compared(ours: Sequence[float], peer: Sequence[float]) -> dict[str, float]:
    ratios = sorted(a / b for a, b in zip(ours, peer, strict=True))
    found = {
        "ours_ms": statistics.median(ours),
        "peer_ms": statistics.median(peer),
        "ratio": statistics.median(ratios),
        "low": ratios[len(ratios) // 4],
        "high": ratios[(3 * len(ratios)) // 4],
        "best": min(ours) / min(peer),
    }
    return {what: float(f"{number:.4g}") for what, number in found.items()}


def _outcome(result: Result) -> Outcome:
    goals = ((result.ratio, result.goal), (result.kept, result.keep), (result.peak_ratio, result.peak))
    found = [(came, goal) for came, goal in goals if goal is not None and came is not None]
    if result.goal is None and result.peak is None:
        return "information"
    return "met" if all(came <= goal for came, goal in found) else "missed"


def profiled(case: Case) -> str:
    """Return where the time goes, operation by operation, for ours and for the peer."""
    made = case.prepare(False)
    tables = []
    for name, step in (("ours", made.ours), ("peer", made.peer)):
        start = time.perf_counter()
        step()
        count = _PROFILED if time.perf_counter() - start < _SLOW else _PROFILED_SLOW
        for _ in range(WARM_UP if count == _PROFILED else 0):
            step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            for _ in range(count):
                step()
        rows = [row for row in profile.key_averages() if row.self_cpu_time_total > 0]
        rows.sort(key=lambda row: -row.self_cpu_time_total)
        total = sum(row.self_cpu_time_total for row in rows)
        tables.append(f"{case.name}, {name}: {total / count / 1e3:.2f} ms")
        for row in rows[:_SHOWN]:
            each = row.self_cpu_time_total / count / 1e3
            tables.append(f"  {row.key[:48]:<48} {each:8.3f} ms in {row.count // count} calls")
    return "\n".join(tables)


_PROFILED: Final = 10
_PROFILED_SLOW: Final = 3
_SLOW: Final = 0.5  # seconds
_SHOWN: Final = 16


def timed(ours: Step, peer: Step, rounds: int, *, warm_up: int = WARM_UP) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each round of both; who comes first alternates."""
    mine, theirs = in_turn((ours, peer), rounds, warm_up=warm_up)
    return mine, theirs


def in_turn(steps: Sequence[Step], rounds: int, *, warm_up: int = WARM_UP) -> list[list[float]]:
    """Return the milliseconds of each round of each step; a round takes all of them, so that drift meets all.

    A slow step warms up once, whatever `warm_up` says.
    """
    times: list[list[float]] = [[] for _ in steps]
    for step in steps:
        start = time.perf_counter()
        for _ in range(warm_up):
            step()
            if time.perf_counter() - start > _SLOW:
                break
    gc.collect()
    gc.disable()  # a collection would be charged to whoever it happens to
    try:
        for i in range(rounds):
            for which in range(len(steps)) if i % 2 else reversed(range(len(steps))):
                start = time.perf_counter()
                steps[which]()
                times[which].append((time.perf_counter() - start) * 1e3)
    finally:
        gc.enable()
    return times


def distance(came: Sequence[Tensor], right: Sequence[Tensor]) -> float:
    """Return the largest error of any tensor, as a share of its largest entry; infinite where shapes differ."""
    worst = 0.0
    for a, b in zip(came, right, strict=True):
        if a.shape != b.shape:
            return float("inf")
        error = (a.detach().double() - b.detach()).abs().max() / b.detach().abs().max().clamp(min=1e-300)
        worst = max(worst, float(error)) if error == error else float("inf")  # noqa: PLR0124  NaN
    return worst
