"""The figures computed: the exact numbers, the lines that they lie on, and the Python that prints them."""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable
from functools import cache
from types import CodeType, FunctionType
from typing import Final

from torch import Tensor

import slopes
from slopes.explorer.figures.worked_examples import activations, classes, comparison, label, regression
from slopes.explorer.figures.worked_examples.table import Row
from slopes.explorer.figures.worked_examples.views import Curve, Example, curves, marked

EXAMPLES: Final[dict[str, Example]] = {
    **activations.EXAMPLES,
    **regression.EXAMPLES,
    **label.EXAMPLES,
    **classes.EXAMPLES,
    **comparison.EXAMPLES,
}
ZERO: Final = 1e-12  # a relative difference of no more is the rounding of float64


@cache
def exact(name: str) -> tuple[float, ...]:
    """Return the numbers of a figure, by the audited formulas in float64."""
    with slopes.exact():
        return tuple(EXAMPLES[name].compute().flatten().tolist())


@cache
def lines(name: str) -> list[Curve]:
    """Return the lines that a figure lies on."""
    return curves(EXAMPLES[name].view)


@cache
def points(name: str) -> list[tuple[float, float]]:
    """Return value and slope at the points of a figure."""
    return marked(EXAMPLES[name].view)


def differences(row: Row) -> tuple[float, ...]:
    """Return how far each stated number is from the exact one, relative to that."""
    pairs = zip(row.stated, exact(row.id), strict=True)
    return tuple(_relative(abs(float(stated) - number), number) for stated, number in pairs)


def rooms(row: Row) -> tuple[float, ...]:
    """Return how far rounding may take each number from the exact one, relative to that."""
    return tuple(_relative(room, number) for room, number in zip(row.room, exact(row.id), strict=True))


def worst(row: Row) -> int:
    """Return which number of a figure uses most of its room."""
    used = [far / room for far, room in zip(differences(row), rooms(row), strict=True)]
    return max(range(len(used)), key=used.__getitem__)


def python(name: str) -> str:
    """Return Python that prints a figure: the functions that compute it here, as they stand."""
    compute = EXAMPLES[name].compute
    sources = "\n\n".join(inspect.getsource(function) for function in _needed(compute))
    return _SNIPPET.format(sources=sources, compute=compute.__name__)


_SNIPPET: Final = """\
from collections.abc import Callable

import torch
from torch import Tensor

import slopes
from slopes import activations as A, losses as L


{sources}

with slopes.exact():
    print(*{compute}().flatten().tolist())
"""


def _relative(far: float, number: float) -> float:
    if far <= ZERO * abs(number):
        return 0.0
    return far / abs(number) if number else float("inf")


def _needed(function: Callable[..., Tensor]) -> list[FunctionType]:
    """Return a function and those of this package that it calls, each after those that it calls itself."""
    if not isinstance(function, FunctionType):
        return []
    found: list[FunctionType] = []
    for name in _names(function.__code__):
        called = function.__globals__.get(name)
        if isinstance(called, FunctionType) and called.__module__.startswith(__package__ or ""):
            found += [other for other in _needed(called) if other not in found]
    return [*found, function]


def _names(code: CodeType) -> list[str]:
    """Return the global names that a function and those within it look up."""
    inner = [name for part in code.co_consts if isinstance(part, CodeType) for name in _names(part)]
    return [str(step.argval) for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"] + inner
