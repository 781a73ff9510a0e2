"""What a visitor asks for, as a comparison takes it."""

from __future__ import annotations

import pytest
from tests.each import each

from slopes.explorer.choose.orders import Order
from slopes.explorer.choose.refusal import Refusal
from slopes.recipes.choosing.verdict import TASKS, Task
from slopes.recipes.compare import candidates


@each("task", TASKS)
def test_every_task_is_compared_or_refused_in_a_sentence(task: Task) -> None:
    order = Order(data="wine", task=task)
    if task in {"next_token", "masked_token", "embedding"}:
        with pytest.raises(Refusal, match=f"which {task.replace('_', ' ')} is not about"):
            _ = order.compared_as
        return
    kind = order.compared_as
    assert kind is not None
    assert kind == (task if task in {"binary", "multiclass", "multilabel"} else "regression")
    assert candidates.of(kind)
    assert f"--task {kind}" in order.command("wine", ())


def test_nobody_who_names_no_task_gets_one() -> None:
    assert Order(data="wine").compared_as is None
    assert "--task" not in Order(data="wine").command("wine", ())
