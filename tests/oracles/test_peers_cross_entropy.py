"""Agreement with torch's cross-entropy and transformers' language losses, run here and now.

Each test calls theirs so that it means what ours means: the conversion is the test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the name that everybody gives it
from tests.each import each
from tests.later import Later
from tests.oracles.peers import Answer, answer, assert_agrees, assert_same, distributions, normal
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it

loss_utils = Later("transformers.loss.loss_utils")

REDUCTIONS = ("none", "mean", "sum")
# What cancels in torch's cross-entropy: logits of 20, in the last two rows of 10,000, times a weight of 7.
ORDINARY = {"scale": 100.0, "slope_scale": 10.0, "size": 50}
WITH_LARGE_LOGITS = {"scale": 1e5, "slope_scale": 10.0, "size": 50}
FLOAT32 = {"scale": 64.0, "slope_scale": 1.0, "size": 18}


class TestCrossEntropy:
    """Torch has the classes in dimension 1, ours in the last."""

    logits = normal(10, 5, seed=2, scale=3.0)
    logits[6] = 0.0
    logits[7] = torch.tensor([0.0, 12.0, 0.0, -3.0, 1.0])
    logits[8] = torch.tensor([1e4, -1e4, 0.0, 5.0, -5.0])
    logits[9] = torch.tensor([-700.0, 700.0, 3.0, 2.0, 1.0])
    index = torch.tensor([0, 1, 2, 3, 4, 0, 1, 0, 2, 0])
    class_weight = torch.tensor([0.2, 1.0, 0.0, 3.0, 7.0], dtype=torch.float64)

    @each("reduction", REDUCTIONS)
    @each("weighted", [False, True])
    @each("rows", [slice(0, 8), slice(0, 10)])
    def test_class_indices(self, reduction: str, weighted: bool, rows: slice) -> None:  # noqa: FBT001
        """The mean divides by the sum of the targets' class weights, there and here."""
        weight = self.class_weight if weighted else None
        targets = self.index[rows].clone()
        targets[1] = -100
        assert_same(
            lambda logits: L.cross_entropy(logits, targets, class_weight=weight, reduction=reduction),
            lambda logits: F.cross_entropy(logits, targets, weight=weight, reduction=reduction),
            {"logits": self.logits[rows]},
            ["logits"],
            **(ORDINARY if rows.stop == 8 else WITH_LARGE_LOGITS),
        )

    def test_more_dimensions_move_the_classes(self) -> None:
        logits = normal(2, 3, 4, 5, seed=3)
        targets = torch.arange(24).reshape(2, 3, 4) % 5
        assert_same(
            lambda logits: L.cross_entropy(logits, targets),
            lambda logits: F.cross_entropy(logits.movedim(-1, 1), targets),
            {"logits": logits},
            ["logits"],
            **ORDINARY,
        )

    @each("ignore_index", [-100, 0, -1])
    def test_ignored_targets(self, ignore_index: int) -> None:
        targets = self.index[:8].clone()
        targets[::3] = ignore_index
        assert_same(
            lambda logits: L.cross_entropy(logits, targets, ignore_index=ignore_index),
            lambda logits: F.cross_entropy(logits, targets, ignore_index=ignore_index),
            {"logits": self.logits[:8]},
            ["logits"],
            **ORDINARY,
        )

    def test_all_ignored_is_nan_there_and_0_here(self) -> None:
        targets = torch.full((3,), -100)
        logits = self.logits[:3].clone().requires_grad_()
        assert F.cross_entropy(logits, targets).isnan()
        loss = L.cross_entropy(logits, targets)
        loss.backward()
        assert loss.item() == 0.0
        assert logits.grad is not None
        assert logits.grad.abs().max() == 0.0

    @each("reduction", REDUCTIONS)
    def test_distributions(self, reduction: str) -> None:
        targets = distributions(8, 5, seed=4)
        assert_same(
            lambda logits: L.cross_entropy(logits, targets, reduction=reduction),
            lambda logits: F.cross_entropy(logits, targets, reduction=reduction),
            {"logits": self.logits[:8]},
            ["logits"],
            **ORDINARY,
        )

    @each("options", [{"reduction": "none"}, {"reduction": "sum"}, {"denominator": 8}])
    def test_class_weights_of_distributions_are_left_out_of_torchs_divisor(self, options: dict[str, Any]) -> None:
        """Its mean divides by the number of rows, ours by the weight in them unless `denominator` says N."""
        targets = distributions(8, 5, seed=4)
        theirs = options.get("reduction", "mean")
        assert_same(
            lambda logits: L.cross_entropy(logits, targets, class_weight=self.class_weight, **options),
            lambda logits: F.cross_entropy(logits, targets, weight=self.class_weight, reduction=theirs),
            {"logits": self.logits[:8]},
            ["logits"],
            **ORDINARY,
        )

    @each("reduction", REDUCTIONS)
    def test_class_weights_weigh_what_smoothing_spreads(self, reduction: str) -> None:
        """The mean divides by the weights of the targets before smoothing, there and here."""
        targets = self.index[:8]
        options = {"label_smoothing": 0.3, "reduction": reduction}
        assert_same(
            lambda logits: L.cross_entropy(logits, targets, class_weight=self.class_weight, **options),
            lambda logits: F.cross_entropy(logits, targets, weight=self.class_weight, **options),
            {"logits": self.logits[:8]},
            ["logits"],
            **ORDINARY,
        )

    @each("smoothing", [0.1, 0.5])
    @each("reduction", REDUCTIONS)
    def test_label_smoothing_over_all(self, smoothing: float, reduction: str) -> None:
        targets = self.index[:8].clone()
        targets[1] = -100
        assert_same(
            lambda logits: L.cross_entropy(logits, targets, label_smoothing=smoothing, reduction=reduction),
            lambda logits: F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction=reduction),
            {"logits": self.logits[:8]},
            ["logits"],
            **ORDINARY,
        )

    def test_smoothing_over_the_others_is_torchs_with_more_smoothing(self) -> None:
        """ε over the K - 1 others takes ε from the truth; torch's ε · K / (K - 1) does the same."""
        targets = self.index[:8]
        assert_same(
            lambda logits: L.cross_entropy(logits, targets, label_smoothing=0.2, smooth_over="others"),
            lambda logits: F.cross_entropy(logits, targets, label_smoothing=0.25),
            {"logits": self.logits[:8]},
            ["logits"],
            **ORDINARY,
        )


class TestTransformers:
    """ForCausalLMLoss and loss_utils.ForMaskedLMLoss compute in float32 whatever comes."""

    logits = normal(3, 7, 11, seed=20, scale=3.0).float()
    logits[0, 0, 3] = 60.0
    token_ids = torch.randint(11, (3, 7), generator=torch.Generator().manual_seed(21))
    mask = torch.ones(3, 7, dtype=torch.bool)
    mask[0, :3] = False
    mask[2, 5:] = False
    labels = token_ids.masked_fill(~mask, -100)

    def test_next_token(self) -> None:
        """Both shift once; theirs takes labels of -100 where ours takes a mask over the tokens."""
        self._assert_same(
            lambda logits: L.next_token(logits, self.token_ids, mask=self.mask),
            lambda logits: loss_utils.ForCausalLMLoss(logits, self.labels, 11),
        )

    def test_sft_masks_prompts_as_labels_of_minus_100_do(self) -> None:
        self._assert_same(
            lambda logits: L.sft(logits, self.token_ids, self.mask),
            lambda logits: loss_utils.ForCausalLMLoss(logits, self.labels, 11),
        )

    def test_its_num_items_in_batch_is_our_denominator(self) -> None:
        self._assert_same(
            lambda logits: L.next_token(logits, self.token_ids, mask=self.mask, denominator=100),
            lambda logits: loss_utils.ForCausalLMLoss(logits, self.labels, 11, num_items_in_batch=torch.tensor(100)),
        )

    def test_masked_lm(self) -> None:
        self._assert_same(
            lambda logits: L.masked_lm(logits, self.labels),
            lambda logits: loss_utils.ForMaskedLMLoss(logits, self.labels, 11),
        )

    def _assert_same(self, ours: Callable[[Tensor], Tensor], theirs: Callable[[Tensor], Tensor]) -> None:
        inputs = {"logits": self.logits}
        mine, other = answer(ours, inputs, ["logits"]), answer(theirs, inputs, ["logits"])
        assert mine.value.dtype == other.value.dtype == torch.float32
        assert_agrees(Answer(other.value, other.gradients), mine, **FLOAT32)
