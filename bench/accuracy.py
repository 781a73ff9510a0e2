"""`make accuracy`: how many units in the last place each activation is off by, at worst, value and slope.

Exact, default and torch's own kernel, over all 65,536 inputs of bfloat16 and float16, a million of float32 and ten
thousand of float64. It prints the tables and writes `docs/accuracy.md`; its exit status is 1 where the exact forms
miss a goal.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

import slopes
from bench import machine, reference
from bench.functions import BY_NAME, FUNCTIONS, Function

DTYPES: Final = (torch.bfloat16, torch.float16, torch.float32, torch.float64)
# Units in the last place: of a value, of a slope, and of a slope beside its zero.
GOALS: Final = {
    torch.bfloat16: (0.501, 0.501, 0.501),
    torch.float16: (0.501, 0.501, 0.55),
    torch.float32: (4.0, 8.0, 8.0),
    torch.float64: (8.0, 8.0, 8.0),
}
PAGE: Final = machine.ROOT / "docs" / "accuracy.md"
# The same for the cards of the explorer.
CARDS: Final = machine.ROOT / "src" / "slopes" / "cards" / "accuracy.json"


@dataclass(frozen=True)
class Worst:
    """The largest error over some inputs, in units in the last place, and where it is."""

    error: float = 0.0
    at: float = math.nan

    def __str__(self) -> str:
        return said(self.error)


@dataclass(frozen=True)
class Row:
    """What was found for one function and dtype.

    Attributes:
        function: Which.
        dtype: In which dtype.
        inputs: At how many inputs.
        value: Worst error of the value at finite inputs, of each form.
        slope: Worst error of the slope there, apart from its zero.
        beside: Worst error of the slope beside its zero.
        ends: What is wrong at infinities and NaN, in words; empty where nothing is.
        torch_is_default: Whether the default gives the very numbers of torch's own operator.
    """

    function: Function
    dtype: torch.dtype
    inputs: int
    value: dict[str, Worst]
    slope: dict[str, Worst]
    beside: dict[str, Worst]
    ends: dict[str, str]
    torch_is_default: bool

    def misses(self) -> list[str]:
        """Return what the exact form misses, in words."""
        found = zip(("value", "slope", "slope beside its zero"), self._exact(), GOALS[self.dtype], strict=True)
        return [
            f"{self.function.name}, {name(self.dtype)}, {what}: {worst} at x = {worst.at:.9g}, goal {goal:g}"
            for what, worst, goal in found
            if worst.error > goal
        ] + ([f"{self.function.name}, {name(self.dtype)}: {self.ends['exact']} is wrong"] if self.ends["exact"] else [])

    def _exact(self) -> tuple[Worst, Worst, Worst]:
        return self.value["exact"], self.slope["exact"], self.beside["exact"]


def name(dtype: torch.dtype) -> str:
    """Return the short name of a dtype."""
    return str(dtype).removeprefix("torch.")


def said(error: float) -> str:
    """Return an error in the digits that matter; rounded up, so that nothing looks better than it is."""
    if math.isinf(error):
        return "∞"
    if error >= 1e5:
        return f"{error:.1e}".replace("e+0", "e").replace("e+", "e")
    digits = 3 if error < 1 else 2 if error < 10 else 0
    return f"{math.ceil(error * 10**digits - 1e-9) / 10**digits:.{digits}f}"


def measure(function: Function, dtype: torch.dtype, *, quick: bool = False) -> Row:
    """Return the worst errors of one function in one dtype, of each of its three forms."""
    x = reference.inputs(dtype, function.root, quick=quick)
    right = {
        what: reference.exact(function.oracle, function.options, x, function.root, what=what)
        for what in ("value", "slope")
    }
    beside = np.zeros(len(x), dtype=bool)
    if function.root is not None:
        beside = np.abs(x.double().numpy() - function.root) < reference.BESIDE
    finite = x.isfinite().numpy()
    value, slope, near, ends, came = {}, {}, {}, {}, {}
    for form, (of, exact) in {
        "exact": (function.ours, True),
        "default": (function.ours, False),
        "torch": (function.peer, False),
    }.items():
        came[form] = _both(of, x, exact=exact)
        off = [reference.errors(came[form][i], right[what]) for i, what in enumerate(right)]
        value[form] = _worst(np.where(finite, off[0], 0.0), x)
        slope[form] = _worst(np.where(finite & ~beside, off[1], 0.0), x)
        near[form] = _worst(np.where(beside, off[1], 0.0), x)
        ends[form] = _wrong_ends(x, *off)
    same = all(
        torch.equal(a.nan_to_num(7.0), b.nan_to_num(7.0)) for a, b in zip(came["default"], came["torch"], strict=True)
    )
    return Row(function, dtype, len(x), value, slope, near, ends, same)


def _wrong_ends(x: Tensor, values: reference.Array, slopes_off: reference.Array) -> str:
    """Return at which infinities, and at NaN, the value or the slope is not the limit."""
    found = []
    for what, off in (("value", values), ("slope", slopes_off)):
        places = {"-∞": x == -math.inf, "∞": x == math.inf, "NaN": x.isnan()}
        at = [place for place, there in places.items() if bool((off[there.numpy()] > 1).any())]
        found += [f"{what} at {', '.join(at)}"] if at else []
    return "; ".join(found)


def _both(of: Callable[[Tensor], Tensor], x: Tensor, *, exact: bool) -> tuple[Tensor, Tensor]:
    points = x.clone().requires_grad_()
    with slopes.exact(exact):
        y = of(points)
        (slope,) = torch.autograd.grad(y, points, torch.ones_like(y))
    return y.detach(), slope


def _worst(errors: reference.Array, x: Tensor) -> Worst:
    at = int(errors.argmax())
    return Worst(float(errors[at]), float(x[at]))


def page(rows: Sequence[Row]) -> str:
    """Return the document."""
    on = machine.conditions()
    parts = [_HEAD.format(**on)]
    for dtype in DTYPES:
        chosen = [row for row in rows if row.dtype == dtype]
        if chosen:
            parts += [_section(dtype, chosen)]
    misses = [miss for row in rows for miss in row.misses()]
    parts += ["## Goals that are missed\n", *(f"- {miss}" for miss in misses)] if misses else [_MET]
    return "\n".join(parts).rstrip() + "\n"


def _section(dtype: torch.dtype, rows: Sequence[Row]) -> str:
    value, slope, beside = GOALS[dtype]
    goal = f"Goal of the exact forms: value {value:g}, slope {slope:g}"
    goal += f", beside its zero {beside:g}." if beside != slope else "."
    if dtype in {torch.bfloat16, torch.float16}:
        inputs = f"Each function at all {rows[0].inputs:,} inputs."
    else:
        inputs = f"Each function at {min(row.inputs for row in rows):,} inputs or more."
    lines = [
        f"## {name(dtype)}\n",
        f"{inputs} {goal}\n",
        f"| function | {' | '.join(_COLUMNS)} |",
        f"|---|{'---|' * len(_COLUMNS)}",
    ]
    return "\n".join([*lines, *(_line(row) for row in rows), ""])


def _line(row: Row) -> str:
    goals = GOALS[row.dtype]
    cells = [row.function.name]
    for form in ("exact", "default"):
        worsts = (row.value[form], row.slope[form], row.beside[form])
        for i, (worst, goal) in enumerate(zip(worsts, goals, strict=True)):
            if i == 2 and row.function.root is None:
                cells.append("")
                continue
            cell = f"{worst} at {worst.at:.5g}" if worst.error else "0"
            cells.append(f"**{cell}: missed**" if form == "exact" and worst.error > goal else cell)
        wrong = row.ends[form]
        cells.append(f"**{wrong} wrong**" if wrong and form == "exact" else f"{wrong} wrong" if wrong else "right")
    if row.torch_is_default:
        cells.append(f"`{row.function.called}`, the default")
    else:
        cells.append(f"`{row.function.called}`: {row.value['torch']}, {row.slope['torch']}, {row.beside['torch']}")
    return f"| {' | '.join(cells)} |"


_COLUMNS: Final = (
    *("exact: value", "slope", "beside its zero", "±∞, NaN"),
    *("default: value", "slope", "beside its zero", "±∞, NaN", "torch's own"),
)
_HEAD: Final = """# Accuracy

`make accuracy` wrote this page: torch {torch}, {processor} ({instructions}), {threads} threads.

Errors are in units in the last place (ULP) of the dtype: the distance from the exact result, divided by the spacing of
the dtype's numbers there, and by the spacing of the subnormals below the normal range. Correctly rounded is 0.5. Each
cell is the largest error, rounded up, and the input that it happens at. "Exact" is `slopes.exact()`; "default" calls
torch's own kernel. The slope is what autograd returns. Beside its zero means within 0.01 of where the slope changes
its sign; there the exact slope is tiny, and an error that is nothing in absolute terms is large in units of it. An
infinite error is infinity or NaN where a number belongs, or the other way round. The columns of numbers are over finite
inputs, both zeros and subnormals among them; what is wrong at infinities and NaN stands beside them.

The reference is the definition: in float64 by scipy and numpy for 16-bit and float32 inputs, good to a hundredth of a
float32's last place; in mpmath with 50 digits and more beside zeros of the slope and for float64 inputs. Of float32 the
inputs are numbers of every exponent, the tails out to 110 closely, sixty neighbours on both sides of every quarter
(the switches of all the kernels among them), and whole neighbourhoods of the slope's zero.
"""
_MET: Final = "All goals are met."


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy", description="The accuracy table.")
    parser.add_argument("names", nargs="*", metavar="FUNCTION", help=f"of {', '.join(BY_NAME)} (default: all)")
    parser.add_argument("--dtype", choices=[name(dtype) for dtype in DTYPES], help="only one")
    parser.add_argument("--quick", action="store_true", help="few inputs; the page is not written")
    parser.add_argument("--output", type=Path, help=f"where the page goes (default: {PAGE.relative_to(machine.ROOT)})")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(BY_NAME)):
        parser.error(f"no function {unknown[0]!r}; there are {', '.join(BY_NAME)}")
    functions = [BY_NAME[chosen] for chosen in given.names] or list(FUNCTIONS)
    dtypes = [dtype for dtype in DTYPES if given.dtype in {None, name(dtype)}]
    rows = _measured(functions, dtypes, quick=given.quick)
    text = page(rows)
    print(text)
    whole = not (given.quick or given.names or given.dtype)
    if given.output or whole:
        (given.output or PAGE).write_text(text, "utf-8")
    if whole:
        CARDS.write_text(json.dumps(_for_cards(rows), indent=1, ensure_ascii=False) + "\n", "utf-8")
    return int(any(row.misses() for row in rows))


def _for_cards(rows: Sequence[Row]) -> dict[str, dict[str, list[str]]]:
    """Return the largest errors of value and slope, exact and default, by function and dtype."""
    table: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        cells = []
        for form in ("exact", "default"):
            slope = max(row.slope[form].error, row.beside[form].error)
            cells += [str(row.value[form]), said(slope)]
        table.setdefault(row.function.name, {})[name(row.dtype)] = cells
    return table


def _measured(functions: Sequence[Function], dtypes: Sequence[torch.dtype], *, quick: bool) -> list[Row]:
    rows = []
    try:
        for dtype in dtypes:
            start = time.perf_counter()
            for function in functions:
                rows.append(measure(function, dtype, quick=quick))
                sys.stderr.write(f"\r{name(dtype)}: {function.name:<14}")
            sys.stderr.write(f"\r{name(dtype)}: {time.perf_counter() - start:.0f} s{' ' * 14}\n")
    finally:
        reference.close()
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
