"""Errors for input that people hand over by mistake; each fix that one proposes is tried."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from tests.each import each
from tests.test_hazards import assert_raises
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.kernels.pointwise import defined

LOGITS = torch.arange(12.0).reshape(3, 4).sin()
INDICES = torch.tensor([0, 3, 1])
ONE_HOT = torch.nn.functional.one_hot(INDICES, 4)


class TestOneHotRows:
    @each("name", ["cross_entropy", "softmax_focal", "multiclass_hinge", "masked_lm"])
    @each("dtype", [torch.int64, torch.int32, torch.bool, torch.float32])
    def test_where_class_indices_belong(self, name: str, dtype: torch.dtype) -> None:
        loss, rows = getattr(L, name), ONE_HOT.to(dtype)
        target = "labels" if name == "masked_lm" else "targets"
        if name == "cross_entropy" and dtype.is_floating_point:
            assert torch.equal(loss(LOGITS, rows), loss(LOGITS, INDICES))
            return
        assert_raises(slopes.ShapeError, lambda: loss(LOGITS, rows), name, target, "[3, 4]", f"{target}.argmax(-1)")
        number = rows if dtype != torch.bool else rows.long()
        assert torch.equal(loss(LOGITS, number.argmax(-1)), loss(LOGITS, INDICES))

    def test_the_other_fix_of_cross_entropy(self) -> None:
        with pytest.raises(slopes.ShapeError, match=r"as targets\.float\(\)\.$"):
            L.cross_entropy(LOGITS, ONE_HOT)
        L.cross_entropy(LOGITS, ONE_HOT.float())

    def test_of_a_student(self) -> None:
        call = lambda: L.distillation(LOGITS, LOGITS, ONE_HOT)  # noqa: E731
        assert_raises(slopes.ShapeError, call, "distillation", "targets", "targets.argmax(-1)")

    def test_floating_indices(self) -> None:
        call = lambda: L.cross_entropy(LOGITS, INDICES.float())  # noqa: E731
        assert_raises(slopes.ShapeError, call, "cross_entropy", "targets", "targets.long(), if these are class indices")
        L.cross_entropy(LOGITS, INDICES.float().long())


class TestListsAndArrays:
    @each("given", [[1, 2, 1, 1], (1.0, 2.0, 1.0, 1.0), np.array([1.0, 2.0, 1.0, 1.0])], ids=type)
    @each("name", ["cross_entropy", "softmax_focal"])
    def test_as_weights_of_classes(self, name: str, given: Any) -> None:  # noqa: ANN401
        call = lambda: getattr(L, name)(LOGITS, INDICES, class_weight=given)  # noqa: E731
        fix = "torch.tensor(class_weight, dtype=torch.float32)"
        assert_raises(slopes.DtypeError, call, name, "class_weight", type(given).__name__, fix)
        getattr(L, name)(LOGITS, INDICES, class_weight=torch.tensor(given, dtype=torch.float32))

    @each("given", [[1, 2, 1, 1], np.array([1.0, 2.0, 1.0, 1.0])], ids=type)
    def test_as_weights_of_positives(self, given: Any) -> None:  # noqa: ANN401
        call = lambda: L.binary_cross_entropy(LOGITS, ONE_HOT.float(), pos_weight=given)  # noqa: E731
        fix = "torch.tensor(pos_weight, dtype=torch.float32)"
        assert_raises(slopes.DtypeError, call, "binary_cross_entropy", "pos_weight", type(given).__name__, fix)
        L.binary_cross_entropy(LOGITS, ONE_HOT.float(), pos_weight=torch.tensor(given, dtype=torch.float32))


class TestLabelsInTheSecondDimension:
    @each("shape", [(3,), (3, 1, 1)])
    def test_their_weights(self, shape: tuple[int, ...]) -> None:
        logits, targets = torch.zeros(2, 3, 5, 4), torch.ones(2, 3, 5, 4)
        weight = torch.tensor([1.0, 2.0, 3.0]).reshape(shape)
        call = lambda: L.binary_cross_entropy(logits, targets, pos_weight=weight)  # noqa: E731
        fixes = "logits.movedim(1, -1)", "targets.movedim(1, -1)", "pos_weight.flatten()"
        assert_raises(slopes.ShapeError, call, "binary_cross_entropy", "pos_weight", str(list(shape)), *fixes)
        moved = logits.movedim(1, -1), targets.movedim(1, -1)
        assert L.binary_cross_entropy(*moved, pos_weight=weight.flatten()).item() == pytest.approx(2 * math.log(2))


class TestDistillationWithoutTargets:
    def test_alpha_of_0_wants_none(self) -> None:
        loss = L.distillation(LOGITS, LOGITS.flip(0), alpha=0.0)
        assert torch.equal(loss, L.distillation(LOGITS, LOGITS.flip(0), INDICES, alpha=0.0))
        assert torch.equal(loss, L.Distillation(alpha=0.0)(LOGITS, LOGITS.flip(0)))

    def test_every_row_counts(self) -> None:
        loss = L.distillation(LOGITS, LOGITS.flip(0), alpha=0.0, ignore_index=0, reduction="none")
        assert bool((loss != 0)[::2].all())

    def test_any_other_alpha_does(self) -> None:
        call = lambda: L.distillation(LOGITS, LOGITS, alpha=0.1)  # noqa: E731
        assert_raises(slopes.DtypeError, call, "distillation", "targets", "None")


def infinite(*rows: float) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32)


INF = math.inf


class TestInfinitiesThatMeet:
    """An error that names both arguments and the entry; the fix, a mask, leaves no trace."""

    @each(
        ("name", "call", "arguments"),
        [
            (
                "bradley_terry",
                lambda **o: L.bradley_terry(infinite(0, INF), infinite(0, INF), **o),
                ("chosen", "rejected"),
            ),
            (
                "dpo",
                lambda **o: L.dpo(infinite(-1, -INF), infinite(-1, -1), infinite(-1, -INF), infinite(-1, -1), **o),
                ("policy_chosen", "reference_chosen"),
            ),
            (
                "ipo",
                lambda **o: L.ipo(infinite(-1, -1), infinite(-1, -INF), infinite(-1, -1), infinite(-1, -INF), **o),
                ("policy_rejected", "reference_rejected"),
            ),
            (
                "kto",
                lambda **o: L.kto(infinite(-1, -INF), infinite(-1, -INF), torch.tensor([True, False]), 0.0, **o),
                ("policy", "reference"),
            ),
            (
                "orpo",
                lambda **o: L.orpo(infinite(-1, -INF), infinite(-1, -INF), infinite(1, 1), **o),
                ("chosen_log_probs", "rejected_log_probs"),
            ),
            (
                "ppo",
                lambda **o: L.ppo(infinite(-1, -INF), infinite(-1, -INF), infinite(1, 1), **o),
                ("log_probs", "old_log_probs"),
            ),
            (
                "kl_penalty",
                lambda **o: L.kl_penalty(infinite(-1, -INF), infinite(-1, -INF), **o),
                ("log_probs", "reference_log_probs"),
            ),
            ("mse", lambda **o: L.mse(infinite(1, INF), infinite(1, INF), **o), ("predictions", "targets")),
        ],
    )
    def test_in_one_entry(self, name: str, call: Callable[..., Tensor], arguments: tuple[str, str]) -> None:
        for reduction in ("mean", "none"):
            for argument in arguments:
                assert_raises(
                    slopes.ValuesError, lambda r=reduction: call(reduction=r), name, argument, "inf at entry [1]"
                )
        kept = torch.tensor([True, False])
        assert bool(call(mask=kept).isfinite())
        assert bool(call(weight=kept.float()).isfinite())
        with slopes.checks(values=False):
            assert bool(call().isnan())

    def test_a_nan_of_the_callers_is_the_callers(self) -> None:
        assert bool(L.mse(infinite(math.nan, 1), infinite(INF, 1)).isnan())
        assert bool(L.contrastive(torch.full((1, 2), math.nan), torch.ones(1, 2), torch.tensor([True])).isnan())

    def test_of_two_entries(self) -> None:
        call = lambda: L.kl_penalty(infinite(-INF, 0), infinite(0, -INF))  # noqa: E731
        assert_raises(slopes.ValuesError, call, "kl_penalty", "log_probs", "entry [1] is inf", "entry [0] is -inf")
        assert L.kl_penalty(infinite(-INF, 0), infinite(0, -INF), mask=torch.tensor([False, True])).item() == INF

    def test_points_without_a_distance(self) -> None:
        points, flags = torch.tensor([[1.0, 2.0], [-INF, 0.0]]), torch.tensor([True, False])
        call = lambda: L.contrastive(points, torch.ones(2, 2), flags)  # noqa: E731
        assert_raises(slopes.ValuesError, call, "contrastive", "a", "-inf at entry [1, 0]")
        assert L.contrastive(points, torch.ones(2, 2), flags, mask=flags).item() == 1.0
        assert_raises(slopes.ValuesError, lambda: L.info_nce(torch.ones(2, 2), points), "info_nce", "keys", "[1, 0]")
        call = lambda: L.MomentumQueue(4, 2).enqueue(points)  # noqa: E731
        assert_raises(slopes.ValuesError, call, "MomentumQueue.enqueue", "keys", "[1, 0]")

    def test_products_that_overflow(self) -> None:
        large = torch.tensor([[1e30, 1.0], [1.0, 1e30]])
        call = lambda: L.info_nce(large, large, normalize=False)  # noqa: E731
        assert_raises(slopes.ValuesError, call, "info_nce", "query", "1e+30", "divide it by its largest entry")
        assert bool(L.info_nce(large / 1e30, large / 1e30, normalize=False).isfinite())


def test_scores_of_a_row_without_a_class() -> None:
    logits = torch.stack([LOGITS, torch.full_like(LOGITS, -INF)])
    keep = torch.ones(2, 3, dtype=torch.bool)
    scores = torch.full((2, 3), math.nan)
    assert_raises(slopes.ValuesError, lambda: defined.scored("f", scores, logits, keep), "f", "logits", "entry [1, 0]")
    keep[1] = False
    assert defined.scored("f", scores, logits, keep) is scores


@each("positive", [0.0, torch.tensor(0.0), torch.tensor([0.0, 0.0, 0.0])])
def test_positives_of_weight_0_cost_nothing(positive: float | Tensor) -> None:
    logits = torch.tensor([-INF, INF, -INF], requires_grad=True)
    targets = torch.tensor([1.0, 1.0, 0.5], requires_grad=True)
    loss = L.binary_cross_entropy(logits, targets, pos_weight=positive, reduction="none")
    assert loss.tolist() == [0, 0, 0]
    by_logits, by_targets = torch.autograd.grad(loss.sum(), (logits, targets))
    assert by_logits.tolist() == [0, 0, 0]
    assert by_targets.tolist() == [0, -INF, 0]
