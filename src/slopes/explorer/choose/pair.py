"""What goes together for one task."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What goes together for a task.

    Attributes:
        task: What the model is to say.
        example: A case of it.
        head: The last layer and what makes a prediction of its output.
        losses: Names of the losses, the first one to start with.
        why: Why this pair.
        instead: What is often done instead, and what it costs.
        figure: The address of a figure that shows it, after the slash; empty where none does.
        snippet: The function in `snippets.py` that does it in Python.
        recipe: The name in `slopes.recipes` that ties it together; empty where a loss is all there is.
    """

    task: str
    example: str
    head: str
    losses: tuple[str, ...]
    why: str
    instead: str
    figure: str = ""
    snippet: str
    recipe: str = ""
