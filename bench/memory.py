"""How much memory a step takes, and how much a forward pass keeps for its backward pass."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Step = Callable[[], tuple[Tensor, ...]]


def peak_bytes(step: Step) -> tuple[int, tuple[Tensor, ...]]:
    """Return the most bytes alive at once during a step, beyond what was there and what comes out, and what comes out.

    The allocator's own record is read, so that operators which allocate out of Python's sight are counted in full.
    """
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler else says on the terminal that it is there
    gc.collect()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        results = step()
    recorded = profile.profiler
    if recorded is None or recorded.kineto_results is None:
        message = "peak_bytes: this torch was built without its profiler, so memory cannot be measured."
        raise RuntimeError(message)
    events = [event for event in recorded.kineto_results.events() if event.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    stay = {_place(t): t.untyped_storage().nbytes() for t in results}
    return most - sum(stay.values()), results


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
    tensors = (thing for thing in gc.get_objects() if type(thing) in {Tensor, torch.nn.Parameter})
    return [t for t in tensors if t.layout == torch.strided and not t.is_meta]  # others have no storage to look at


def _place(t: Tensor) -> int:
    return t.untyped_storage().data_ptr()
