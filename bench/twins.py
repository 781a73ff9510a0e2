"""`python -m bench.twins`: what each second, quicker form of a formula is worth against its definition, unfused.

A form stays only where the definition takes more than half as long again; what this prints stands beside it.
Of rows, `--fused` prints the time of one compiled pass too, which `slopes.fused()` would take instead.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from bench.steps import normal
from slopes._core.reduce import Plan
from slopes.activations import units
from slopes.kernels.pointwise import binary, plain
from slopes.kernels.pointwise.executor import Pointwise
from slopes.kernels.rows import categorical

_ROUNDS: Final = 9
_MANY: Final = 4_000_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each form."""
    parser = argparse.ArgumentParser(prog="python -m bench.twins", description="Second forms against definitions.")
    parser.add_argument("--quick", action="store_true", help="small inputs: whether it works, not how fast")
    parser.add_argument("--fused", action="store_true", help="of rows, one compiled pass too")
    asked = parser.parse_args(arguments)
    size = 100_000 if asked.quick else _MANY
    x, labels = normal(size, scale=3.0), (normal(size, seed=1) < -1.3).float()
    logits = normal(max(size // 500, 2), 1000, scale=2.0)
    classes = torch.randint(1000, (len(logits),), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        for loss, given, numbers in (
            (binary.CROSS_ENTROPY, (x, labels), (1.0,)),
            (binary.FOCAL, (x, labels), (2.0, 0.25)),
            (binary.ASYMMETRIC, (x, labels), (4.0, 1.0, 0.05)),
            (categorical.BY_INDEX, (logits, classes), (0.0,)),
            (categorical.SMOOTHED, (logits, classes), (None, 0.1, False, 0.0)),
            (categorical.DISTILLATION, (logits, logits.roll(1, 0), classes), (0.5, 2.0, False)),
        ):
            _show(loss.function, *(_reduced(loss, form, given, numbers) for form in (loss.eager, loss.both)))
            if asked.fused and loss.rows:
                fused = _milliseconds(_fused(loss, given, numbers))
                print(f"{'':<24} {fused:8.1f} ms in one compiled pass", flush=True)
        for unit in (units.SWIGLU, units.GEGLU):
            _show(unit.function, _written(unit, x), _each(unit, x))


def _show(name: str, quicker: Callable[[], object], definition: Callable[[], object]) -> None:
    first, second = _milliseconds(quicker), _milliseconds(definition)
    print(f"{name:<24} {first:8.1f} ms, its definition {second:8.1f} ms: {second / first:.2f} times", flush=True)


def _plan(given: Sequence[Tensor]) -> tuple[Plan, list[bool]]:
    """Return a mean over all, and that the gradient of the first is wanted."""
    return Plan(None, None, float(len(given[0])), "mean"), [True] + [False] * (len(given) - 1)


def _reduced(loss: Pointwise, form: Any, given: Sequence[Tensor], numbers: Sequence[Any]) -> Callable[[], object]:  # noqa: ANN401
    plan, wanted = _plan(given)

    def run() -> object:
        return plain.total(form, plan, given, numbers, wanted, by_rows=loss.rows)

    return run


def _fused(loss: Pointwise, given: Sequence[Tensor], numbers: Sequence[Any]) -> Callable[[], object]:
    plan, wanted = _plan(given)
    return lambda: loss.programs.total(plan, given, numbers, wanted)


def _written(unit: Pointwise, x: Tensor) -> Callable[[], object]:
    forward, backward = unit.into or (None, None)
    if forward is None or backward is None:
        message = f"{unit.function} has no second form"
        raise ValueError(message)
    gate = x.roll(1)

    def run() -> object:
        out, by_value, by_gate = (torch.empty_like(x) for _ in range(3))
        forward(out, x, gate)
        return backward((by_value, by_gate), x, x, gate)

    return run


def _each(unit: Pointwise, x: Tensor) -> Callable[[], object]:
    gate = x.roll(1)

    def run() -> object:
        plain.each(lambda *a: (unit.value(*a),), (x, gate), (), [x.dtype], [x.shape], by_rows=False)
        return plain.each(
            lambda up, *a: tuple(up * s for s in unit.slopes(*a) if s is not None),
            (x, x, gate),
            (),
            [x.dtype] * 2,
            [x.shape] * 2,
            by_rows=False,
        )

    return run


def _milliseconds(run: Callable[[], object]) -> float:
    run()
    times = []
    for _ in range(_ROUNDS):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


if __name__ == "__main__":
    main()
