"""What the tests have to know of functions that a `Spec` does not say: a file for each family.

A file may have any of these; what is not there is empty:

- `ARGUMENTS`, `SAMPLES`, `VARIANTS`, `SIZES`: what the laws call a function with (`tests/laws/samples.py`);
- `COUPLED`, `OVER_ROWS`, `NOT_THE_DERIVATIVE`, `REFUSE_A_GRADIENT`, `TOOLS_WITH_A_SLOPE`, `ELSEWHERE`, `IDLE`,
  `OTHER_NUMBERS`, `DRAWS`, `WITHIN`, `BOOLEANS_TOO`, `OF_ONE_MASK`, `NEVER_UNMADE`: what the laws leave out, and why;
- `WIDE_ENOUGH`: options under which a bend can be told from a jump on a grid;
- `CASES`: each loss beside its definition in mpmath (`tests/oracles/test_losses.py`), the definition above it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any, Final

FAMILIES: Final[tuple[ModuleType, ...]] = tuple(
    importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)
)


def mapping(name: str) -> dict[Any, Any]:
    """Return the tables of that name of all families as one; no two may speak of the same thing."""
    tables: list[Mapping[Any, Any]] = [getattr(family, name, {}) for family in FAMILIES]
    merged = {key: value for table in tables for key, value in table.items()}
    assert len(merged) == sum(map(len, tables)), f"two families say {name} of the same"
    return merged


def sequence(name: str) -> tuple[Any, ...]:
    """Return the entries of that name of all families."""
    return tuple(entry for family in FAMILIES for entry in getattr(family, name, ()))
