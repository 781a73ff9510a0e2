"""What every test and doctest finds: torch, and a fixed seed."""

from __future__ import annotations

import gc
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # a worker for each core: two threads in each would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from _pytest.doctest import DoctestModule
from tests import each


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--only`, as `-k` is for tests."""
    parser.addoption("--only", action="append", default=[], help="of a law over many cases, those with this name")


def pytest_configure(config: pytest.Config) -> None:
    """Pass on which cases to run."""
    each.only[:] = config.getoption("--only")


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Search a file for doctests only where it has a prompt: to look, pytest imports it with all that it needs."""
    found = yield
    return [c for c in found if not isinstance(c, DoctestModule) or b">>>" in file_path.read_bytes()]


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over what stays anyway; some tests call it, and `torch.compiler.reset` does."""
    gc.freeze()


@pytest.fixture(autouse=True)
def _fixed_seed(doctest_namespace: dict[str, Any]) -> None:
    each.seed()
    doctest_namespace["torch"] = torch
