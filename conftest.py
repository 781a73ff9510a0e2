"""What every test and doctest finds: torch, and a fixed seed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests import each


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--only`, as `-k` is for tests."""
    parser.addoption("--only", action="append", default=[], help="of a law over many cases, those with this name")


def pytest_configure(config: pytest.Config) -> None:
    """Pass on which cases to run."""
    each.only[:] = config.getoption("--only")


@pytest.fixture(autouse=True)
def _fixed_seed(doctest_namespace: dict[str, Any]) -> None:
    each.seed()
    doctest_namespace["torch"] = torch
