"""The bench's float64 reference against sums in plain Python, and its gradients against differences of those."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
import torch
from bench import linear_reference
from torch import Tensor

Rows = list[list[float]]
Value = Callable[[Tensor, Tensor], float]
STEP = 1e-5
SLACK = 1e-8  # of a central difference of numbers of about 1


@pytest.fixture(autouse=True)
def chunks_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_reference, "ROWS", 3)


def _head(rows: int, seed: int = 3) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(rows, 4, generator=draw).double(), torch.randn(5, 4, generator=draw).double()


def _log_softmax(logits: Sequence[float]) -> list[float]:
    total = math.log(math.fsum(math.exp(z) for z in logits))
    return [z - total for z in logits]


def _log_probs(hidden: Tensor, weight: Tensor, temperature: float = 1.0) -> Rows:
    rows = [[sum(map(float.__mul__, h, w)) / temperature for w in weight.tolist()] for h in hidden.tolist()]
    return [_log_softmax(row) for row in rows]


def _assert_slopes(value: Value, hidden: Tensor, weight: Tensor, found: tuple[Tensor, ...]) -> None:
    assert found[0].item() == pytest.approx(value(hidden, weight), rel=1e-13)
    for t, slope in zip((hidden, weight), found[1:], strict=True):
        assert slope.shape == t.shape
        for place in range(t.numel()):
            ends = []
            for move in (STEP, -STEP):
                kept = t.view(-1)[place].clone()
                t.view(-1)[place] += move
                ends.append(value(hidden, weight))
                t.view(-1)[place] = kept
            assert slope.view(-1)[place].item() == pytest.approx((ends[0] - ends[1]) / (2 * STEP), abs=SLACK)


def test_cross_entropy_leaves_ignored_rows_out() -> None:
    targets = torch.tensor([0, -100, 4, 2, -100, 1, 3])

    def value(hidden: Tensor, weight: Tensor) -> float:
        said = _log_probs(hidden, weight)
        return -sum(said[i][t] for i, t in enumerate(targets.tolist()) if t >= 0) / 5

    head = _head(7)
    _assert_slopes(value, *head, linear_reference.cross_entropy(*head, targets))


def test_dpo_of_two_pairs() -> None:
    tokens = torch.randint(5, (4, 3), generator=torch.Generator().manual_seed(5))
    reference = torch.tensor([0.5, -1.0, 0.25, 2.0])

    def value(hidden: Tensor, weight: Tensor) -> float:
        answers = [
            sum(_log_probs(rows, weight)[i][said[i + 1]] for i in range(2)) - given
            for rows, said, given in zip(hidden.view(4, 3, 4), tokens.tolist(), reference.tolist(), strict=True)
        ]
        return sum(math.log1p(math.exp(-0.7 * (answers[i] - answers[i + 2]))) for i in range(2)) / 2

    hidden, weight = _head(12)
    hidden = hidden.view(4, 3, 4)
    _assert_slopes(value, hidden, weight, linear_reference.dpo(hidden, weight, tokens, reference, 0.7))


def test_distillation_has_gradients_of_the_student() -> None:
    targets = torch.tensor([0, 3, 4, 2, 1])
    teacher = _head(5, seed=4)

    def value(hidden: Tensor, weight: Tensor) -> float:
        hard = _log_probs(hidden, weight)
        soft = _log_probs(*teacher, temperature=3.0), _log_probs(hidden, weight, temperature=3.0)
        total = 0.0
        for i, t in enumerate(targets.tolist()):
            divergence = sum(math.exp(a) * (a - b) for a, b in zip(soft[0][i], soft[1][i], strict=True))
            total += -0.3 * hard[i][t] + 0.7 * 9.0 * divergence
        return total / 5

    head = _head(5)
    _assert_slopes(value, *head, linear_reference.distillation(head, teacher, targets, 0.3, 3.0))


def test_what_is_asked_for_again_is_not_computed_again() -> None:
    calls = []

    def prepare(word: str) -> tuple[Tensor, ...]:
        calls.append(word)
        return (torch.ones(1),)

    for word in ("a", "a", "b", "a"):
        linear_reference.once(prepare, word)
    assert calls == ["a", "b", "a"]
