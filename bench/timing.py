"""How a case is measured: against its peer in the same process, alternating, after a check that the answer is right."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final, Literal

import torch
from tests.peak import Peak
from torch import Tensor

Step = Callable[[], tuple[Tensor, ...]]
Outcome = Literal["met", "missed", "information", "wrong"]

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
    answers: bool = True


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
        rounds: How often both are timed.
    """

    name: str
    claim: str
    peer: str
    prepare: Callable[[bool], Prepared]
    goal: float | None
    keep: float | None = None
    rounds: int = 21


@dataclass(frozen=True)
class Result:
    """What came out; times in milliseconds, `ratio` of medians.

    `low` and `high` are the quartiles of the rounds' ratios, `best` is the ratio of the fastest rounds.
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
    notes: dict[str, float] = field(default_factory=dict)

    def as_data(self) -> dict[str, object]:
        """Return it as what JSON can hold."""
        return asdict(self)


def run(case: Case, *, quick: bool) -> Result:
    """Check a case, and time it where it is right."""
    made = case.prepare(quick)
    off = distance(made.ours(), made.right())
    if not off <= made.allowed:
        return Result(case.name, case.claim, case.peer, case.goal, "wrong", off)
    rounds = 3 if quick else case.rounds
    ours, peer = timed(made.ours, made.peer, rounds)
    ratios = sorted(a / b for a, b in zip(ours, peer, strict=True))
    ratio = statistics.median(ours) / statistics.median(peer)
    kept = None
    if made.forward is not None:
        kept = kept_bytes(made.forward, made.inputs) / made.inputs[0].numel()
    notes = {}
    if made.eager is not None:
        mine, theirs = timed(*made.eager, rounds)
        notes["eager ratio"] = round(statistics.median(mine) / statistics.median(theirs), 3)
    if made.memory:
        mine, theirs = (peak_bytes(step, made.inputs) for step in (made.ours, made.peer))
        notes["peak, MB"] = round(mine / 1e6, 1)
        notes["peak ratio"] = round(mine / theirs, 3)
    met = (case.goal is None or ratio <= case.goal) and (case.keep is None or kept is None or kept <= case.keep)
    return Result(
        case.name,
        case.claim,
        case.peer,
        case.goal,
        "information" if case.goal is None else "met" if met else "missed",
        off,
        round(statistics.median(ours), 3),
        round(statistics.median(peer), 3),
        round(ratio, 3),
        round(ratios[len(ratios) // 4], 3),
        round(ratios[(3 * len(ratios)) // 4], 3),
        round(min(ours) / min(peer), 3),
        None if kept is None else round(kept, 3),
        case.keep,
        notes,
    )


def profiled(case: Case) -> str:
    """Return where the time goes, operation by operation, for ours and for the peer."""
    made = case.prepare(False)
    tables = []
    for name, step in (("ours", made.ours), ("peer", made.peer)):
        for _ in range(WARM_UP):
            step()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
            for _ in range(_PROFILED):
                step()
        rows = [row for row in profile.key_averages() if row.self_cpu_time_total > 0]
        rows.sort(key=lambda row: -row.self_cpu_time_total)
        total = sum(row.self_cpu_time_total for row in rows)
        tables.append(f"{case.name}, {name}: {total / _PROFILED / 1e3:.2f} ms")
        for row in rows[:_SHOWN]:
            each = row.self_cpu_time_total / _PROFILED / 1e3
            tables.append(f"  {row.key[:48]:<48} {each:8.3f} ms in {row.count // _PROFILED} calls")
    return "\n".join(tables)


_PROFILED: Final = 10
_SHOWN: Final = 16


def timed(ours: Step, peer: Step, rounds: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each round of both; who comes first alternates."""
    times: tuple[list[float], list[float]] = ([], [])
    for step in (ours, peer):
        for _ in range(WARM_UP):
            step()
    gc.collect()
    gc.disable()  # a collection would be charged to whoever it happens to
    try:
        for i in range(rounds):
            for which in (0, 1) if i % 2 else (1, 0):
                start = time.perf_counter()
                (ours, peer)[which]()
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


def peak_bytes(step: Step, inputs: Sequence[Tensor]) -> int:
    """Return the most bytes alive at once during a step, beyond its inputs and the gradients that come out."""
    with Peak(*inputs) as measured:
        results = step()
    return measured.bytes - sum(t.untyped_storage().nbytes() for t in results)


def kept_bytes(forward: Callable[[], Tensor], inputs: Sequence[Tensor]) -> int:
    """Return how many bytes a forward pass keeps for its backward pass, beyond inputs and output.

    What torch saves is seen by a hook; what a function of ours hangs onto its context is a new tensor that lives.
    """
    gc.collect()
    known = {_place(t) for t in _living()} | {_place(t) for t in inputs}
    saved: dict[int, int] = {}

    def pack(t: Tensor) -> Tensor:
        saved[_place(t)] = t.untyped_storage().nbytes()
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        output = forward()
    gc.collect()
    for t in _living():
        saved.setdefault(_place(t), t.untyped_storage().nbytes())
    return sum(size for place, size in saved.items() if place not in known and place != _place(output))


def _living() -> list[Tensor]:
    return [thing for thing in gc.get_objects() if type(thing) in {Tensor, torch.nn.Parameter}]


def _place(t: Tensor) -> int:
    return t.untyped_storage().data_ptr()
