"""Cross-entropy over linear logits on a CUDA device: right first, then how fast and in how much memory.

    python -m bench.gpu                 everything; writes bench/results/gpu.json
    python -m bench.gpu --check         only whether the answers are right
    python -m bench.gpu --quick         small shapes: whether it works, not how fast
    compute-sanitizer --tool memcheck python -m bench.gpu --check
    compute-sanitizer --tool racecheck python -m bench.gpu --check

Every answer is compared with float64 before anything is timed: the row kernel on each dtype and option, and each form
at the very shape that it is timed on. A form that is wrong gets no speed, and where one of ours is wrong, nothing does
and the exit status is 1. Where there is no CUDA device it says so, and the exit status is 2. Times are medians by CUDA
events over rounds in which the forms take turns, forward and backward; peaks are the most bytes allocated at once
beyond what was there before. "Three products and the row kernel" is the least that a chunked engine has to do.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

import slopes
from bench import linear_reference, machine
from bench.gpu_check import ALLOWED, checked, share_off
from bench.steps import step
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.kernels.unmade import triton_step

Of = Callable[[Tensor, Tensor, Tensor], Tensor]
Step = Callable[[], tuple[Tensor, ...]]

RESULTS: Final = machine.ROOT / "bench" / "results" / "gpu.json"
NO_DEVICE: Final = (
    "No CUDA device was found: nothing was measured. Run `python -m bench.gpu` on a machine with an NVIDIA GPU and a "
    "CUDA build of torch."
)
WARM_UP: Final = 3
ROUNDS: Final = 15
CHUNK_BYTES: Final = 512 << 20
ALIGNED: Final = 64  # a row of logits that begins on 128 bytes


@dataclass(frozen=True)
class Shape:
    """Rows, width and classes of a head, and the dtype of its tensors."""

    rows: int
    width: int
    classes: int
    dtype: torch.dtype

    def __str__(self) -> str:
        name = str(self.dtype).removeprefix("torch.")
        return f"{self.rows:,} × {self.width:,}, vocabulary {self.classes:,}, {name}"


SHAPES: Final = (
    Shape(2048, 1024, 50257, torch.float32),
    Shape(2048, 1024, 50257, torch.bfloat16),
    Shape(16384, 4096, 128000, torch.bfloat16),
)
SMALL: Final = (Shape(512, 256, 5003, torch.float32), Shape(512, 256, 5003, torch.bfloat16))
OURS: Final = "slopes"
FLOOR: Final = "three products and the row kernel"


@dataclass(frozen=True)
class Measured:
    """What came out of one form at one shape; `error` says in words why there is no time."""

    shape: str
    form: str
    loss_off: float | None = None
    gradient_off: float | None = None
    milliseconds: float | None = None
    ratio: float | None = None
    peak_megabytes: float | None = None
    row_kernel: bool | None = None
    error: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, measure, print, write; return 1 where one of our answers is wrong, 2 where there is no device."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description="Linear logits on a CUDA device.")
    parser.add_argument("--check", action="store_true", help="only whether the answers are right")
    parser.add_argument("--quick", action="store_true", help="small shapes, and nothing is written")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="write the results there")
    given = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print(NO_DEVICE)
        return 2
    device = torch.device("cuda", torch.cuda.current_device())
    if not checked(device):
        print("The row kernel is wrong: no speed is shown.")
        return 1
    results = []
    for shape in SMALL if given.quick or given.check else SHAPES:
        results += measured(shape, device, rounds=0 if given.check else ROUNDS)
    wrong = any(r.error is not None and r.form in {OURS, FLOOR} for r in results)
    if not (wrong or given.quick or given.check):
        data = {"conditions": conditions(device), "results": [asdict(r) for r in results]}
        given.json.parent.mkdir(exist_ok=True, parents=True)
        given.json.write_text(json.dumps(data, indent=2, allow_nan=False) + "\n", "utf-8")
    return int(wrong)


def conditions(device: torch.device) -> dict[str, Any]:
    """Return what was measured on, and with what."""
    found = torch.cuda.get_device_properties(device)
    versions = {name: _version(name) for name in ("triton", "liger-kernel")}
    return {
        "device": found.name,
        "capability": f"{found.major}.{found.minor}",
        "memory, GB": round(found.total_memory / 1e9, 1),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        **versions,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def forms(dtype: torch.dtype, device: torch.device) -> dict[str, Of | str]:
    """Return what is compared, ours first; a text in place of a function says why one is not here."""
    found: dict[str, Of | str] = {OURS: _ours, FLOOR: _floor}
    suitable = triton_step.suits(device, dtype, 2)
    if not suitable.usable:
        found[FLOOR] = suitable.reason
    found["F.linear + F.cross_entropy"] = _made
    name = "F.linear_cross_entropy with options"
    found[name] = _torchs if hasattr(F, "linear_cross_entropy") else f"torch {torch.__version__} does not have it"
    liger = importlib.util.find_spec("liger_kernel") is not None
    found["Liger's fused linear cross-entropy"] = _ligers if liger else "liger-kernel is not installed"
    return found


def _ours(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return L.cross_entropy(slopes.LinearLogits(hidden, weight), targets)


def _made(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight).float(), targets)


def _torchs(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    options = torch.nn.LinearCrossEntropyOptions()
    return F.linear_cross_entropy(hidden, weight, targets, options=options)


def _ligers(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    from liger_kernel.transformers.functional import liger_fused_linear_cross_entropy  # noqa: PLC0415  optional

    loss: Tensor = liger_fused_linear_cross_entropy(hidden, weight, targets)
    return loss


class _Floor(torch.autograd.Function):
    """Chunks of rows: a product, the row kernel in its place, two products; the weight's gradient in float32."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:  # noqa: ANN401
        classes = len(weight)
        width = -(-classes // ALIGNED) * ALIGNED
        rows = min(max(CHUNK_BYTES // (width * hidden.element_size()), 1), len(hidden))
        room = hidden.new_empty(rows, width)[:, :classes]
        losses = hidden.new_empty(len(hidden), dtype=torch.float32)
        factor = torch.full_like(losses, 1 / len(hidden))
        by_hidden, by_weight = torch.empty_like(hidden), torch.zeros_like(weight, dtype=torch.float32)
        for start in range(0, len(hidden), rows):
            at = slice(start, min(start + rows, len(hidden)))
            h = hidden[at]
            z = torch.mm(h, weight.t(), out=room[: len(h)])
            losses[at] = triton_step.rows(z, targets[at], factor=factor[at]).loss
            torch.mm(z, weight, out=by_hidden[at])
            by_weight += torch.mm(z.t(), h)
        ctx.gradients = by_hidden, by_weight.to(weight.dtype)
        return losses.mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        by_hidden, by_weight = ctx.gradients
        return by_hidden * upstream, by_weight * upstream, None


def _floor(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    loss: Tensor = _Floor.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return loss


def measured(shape: Shape, device: torch.device, *, rounds: int) -> list[Measured]:
    """Check every form at one shape, and time those that are right, by turns; print and return what came out."""
    print(f"\n{shape}")
    inputs = made(shape, device)
    right = linear_reference.cross_entropy(*inputs)
    results, steps = [], {}
    for name, of in forms(shape.dtype, device).items():
        result = _answered(shape, name, of, inputs, right)
        results.append(result)
        if result.error is None and callable(of):
            steps[name] = step(of, *inputs)
    del right
    if rounds and not any(r.error is not None and r.form in {OURS, FLOOR} for r in results):
        results = _timed(results, steps, device, rounds)
    for result in results:
        print(line(result), flush=True)
    return results


def made(shape: Shape, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return hidden states, a weight that gives logits of a variance of about 1, and targets."""
    generator = torch.Generator(device).manual_seed(0)
    hidden = torch.randn(shape.rows, shape.width, generator=generator, device=device).to(shape.dtype)
    weight = torch.randn(shape.classes, shape.width, generator=generator, device=device) * shape.width**-0.5
    targets = torch.randint(shape.classes, (shape.rows,), generator=generator, device=device)
    return hidden.requires_grad_(), weight.to(shape.dtype).requires_grad_(), targets


def _answered(
    shape: Shape, name: str, of: Of | str, inputs: tuple[Tensor, Tensor, Tensor], right: tuple[Tensor, Tensor, Tensor]
) -> Measured:
    if isinstance(of, str):
        return Measured(str(shape), name, error=of)
    try:
        value, *gradients = step(of, *inputs)()
    except torch.cuda.OutOfMemoryError:
        return Measured(str(shape), name, error="out of memory")
    loss_off = share_off(value, right[0])
    gradient_off = max(share_off(g, r) for g, r in zip(gradients, right[1:], strict=True))
    if math.inf in {loss_off, gradient_off}:
        return Measured(str(shape), name, error="NaN or infinity")
    loss_allowed, gradient_allowed = ALLOWED[shape.dtype]
    wrong = loss_off > loss_allowed or gradient_off > gradient_allowed
    return Measured(str(shape), name, loss_off, gradient_off, error="wrong" if wrong else None)


def _timed(results: Sequence[Measured], steps: dict[str, Step], device: torch.device, rounds: int) -> list[Measured]:
    """Return the results with medians, ratios to ours, peaks, and whether the row kernel ran."""
    for each in steps.values():
        for _ in range(WARM_UP):
            each()
    times: dict[str, list[float]] = {name: [] for name in steps}
    for i in range(rounds):
        for name in _turn(list(steps), i):
            times[name].append(_milliseconds(steps[name]))
    medians = {name: statistics.median(each) for name, each in times.items()}
    found = []
    for result in results:
        if result.form in steps:
            extra = {
                "milliseconds": round(medians[result.form], 3),
                "ratio": round(medians[result.form] / medians[OURS], 3),
                "peak_megabytes": round(_peak(steps[result.form], device) / 1e6, 1),
                "row_kernel": _runs_row_kernel(steps[result.form]),
            }
            found.append(Measured(**{**asdict(result), **extra}))
        else:
            found.append(result)
    return found


def _turn(names: list[str], i: int) -> Iterator[str]:
    """Yield the names, beginning with another one each round."""
    first = i % len(names)
    yield from names[first:] + names[:first]


def _milliseconds(each: Step) -> float:
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    each()
    end.record()
    end.synchronize()
    return float(start.elapsed_time(end))


def _peak(each: Step, device: torch.device) -> int:
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    each()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before


def _runs_row_kernel(each: Step) -> bool:
    """Return whether the row kernel is among what the device runs."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        each()
        torch.cuda.synchronize()
    return any("row_kernel" in event.key for event in profile.key_averages())


def line(result: Measured) -> str:
    """Return one result as a line for a terminal."""
    said = f"  {result.form:<36}"
    if result.loss_off is not None:
        said += f" loss off {result.loss_off:.1e}, gradients {result.gradient_off:.1e}"
    if result.error is not None:
        return f"{said} {result.error}: no speed is shown"
    if result.milliseconds is not None:
        said += f"; {result.milliseconds:9.2f} ms, {result.ratio:.2f} of ours, peak {result.peak_megabytes:,.0f} MB"
        said += ", with the row kernel" if result.row_kernel else ""
    return said


if __name__ == "__main__":
    sys.exit(main())
