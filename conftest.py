"""What every test and doctest finds: torch, and a fixed seed."""

from __future__ import annotations

from typing import Any

import pytest
import torch


@pytest.fixture(autouse=True)
def _fixed_seed(doctest_namespace: dict[str, Any]) -> None:
    torch.manual_seed(0)
    doctest_namespace["torch"] = torch
