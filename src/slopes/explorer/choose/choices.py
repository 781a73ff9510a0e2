"""What the targets in some data ask for, as `recipes.choose` says it, and whether they can be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import polars as pl

from slopes._core.errors import SlopesError
from slopes.explorer.choose.orders import Order
from slopes.explorer.choose.refusal import Refusal, plainly
from slopes.explorer.choose.sources import Source
from slopes.explorer.figures.described import described
from slopes.recipes import Choice, choose
from slopes.recipes.choosing.verdict import Answer
from slopes.recipes.data.dataset import Columns, assign

_READ: Final = {".csv": "read_csv({!r})", ".tsv": "read_csv({!r}, separator='\\t')", ".parquet": "read_parquet({!r})"}


def decided(source: Source, order: Order) -> dict[str, Any]:
    """Return the recipe, its evidence, or the question that comes first; and how to compare.

    Raises:
        Refusal: A column is not there, or the targets cannot be learned from.
    """
    targets = _targets(source, order)
    choice, answered = _choice(source, targets, order), order
    known = source.table.task if tuple(targets) == source.table.targets else None
    if choice.questions and known:  # of a bundled set's own target
        answered = replace(order, task=known)
        choice = _choice(source, targets, answered)
    return {
        "target": list(targets),
        **_said(choice),
        "snippet": _snippet(source, targets, answered),
        "compare": _comparing(source, order) if choice.recipe else None,
    }


def _choice(source: Source, targets: list[str], order: Order) -> Choice:
    column = source.table.frame.select(targets)
    values = column.drop_nulls() if order.missing else column
    try:
        return choose(values[targets[0]] if len(targets) == 1 else values, task=order.task)
    except SlopesError as error:
        raise Refusal(422, plainly(error)) from None


def _targets(source: Source, order: Order) -> list[str]:
    targets = order.target or source.table.targets
    if not targets:
        raise Refusal(400, "No column was picked; pick the one to predict.")
    missing = [name for name in targets if name not in source.table.frame.columns]
    if missing:
        raise Refusal(400, f"{source.said} has no column {missing[0]!r}; pick one that it has.")
    if len(set(targets)) < len(targets):
        raise Refusal(400, "A column was picked twice; once is enough.")
    return list(targets)


def _said(choice: Choice) -> dict[str, Any]:
    return {
        "task": choice.task,
        "recipe": described(choice.recipe).as_json() if choice.recipe else None,
        "evidence": list(choice.evidence),
        "questions": [{"text": q.text, "answers": _answers(q.answers)} for q in choice.questions],
        "alternatives": _answers(choice.alternatives),
        "labels": list(choice.labels),
    }


def _answers(answers: tuple[Answer, ...]) -> list[dict[str, str]]:
    return [{"task": answer.task, "when": answer.when} for answer in answers]


def _snippet(source: Source, targets: list[str], order: Order) -> str:
    """Return Python that makes the same choice."""
    picked = repr(targets[0]) if len(targets) == 1 else repr(targets)
    gaps = ".drop_nulls()" if order.missing else ""
    answer = f", task={order.task!r}" if order.task else ""
    if source.where == source.id:
        read = f"from slopes.recipes.data import bundled\n\nframe = bundled.read({source.id!r}).frame\n"
    else:
        reader = next(text for suffix, text in _READ.items() if source.said.lower().endswith(suffix))
        read = f"import polars as pl\n\nframe = pl.{reader.format(source.said)}\n"
    return (
        f"from slopes import recipes\n{read}choice = recipes.choose(frame[{picked}]{gaps}{answer})\n"
        f"print(choice)\nrecipe, y = choice.recipe, choice.targets\n"
    )


def _comparing(source: Source, order: Order) -> dict[str, Any]:
    """Return the command line, and what stands in the way of it, where something does."""
    table = source.table
    try:
        command = order.command(source.said, table.targets)
        task = order.compared_as
    except Refusal as refusal:
        return {"command": "", "notes": [], "problem": refusal.sentence}
    columns = Columns(target=() if order.target == table.targets else order.target)
    try:
        data = assign(table, columns, task=task, missing=order.missing)
    except SlopesError as error:
        return {"command": command, "notes": [], "problem": plainly(error)}
    return {"command": command, "notes": list(data.notes), "problem": ""}


def gaps(frame: pl.DataFrame) -> bool:
    """Return whether a value is missing somewhere."""
    return any(frame[name].null_count() for name in frame.columns)
