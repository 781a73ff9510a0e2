"""What the recipe of a task says, made by running the task's own snippet."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any

import torch

from slopes._core.settings import checks
from slopes.explorer.choose import snippets
from slopes.explorer.figures.described import described


@cache
def reasons(name: str) -> dict[str, Any] | None:
    """Return the words of the recipe that a snippet makes; None where there is no such snippet, or it has no recipe."""
    function = getattr(snippets, name, None)
    if not inspect.isfunction(function) or function.__module__ != snippets.__name__:
        return None
    with torch.random.fork_rng(devices=[]), checks(values=True):
        torch.manual_seed(0)
        made: snippets.Run = function()
    return described(made.recipe).as_json() if made.recipe else None
