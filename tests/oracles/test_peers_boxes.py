"""Agreement of the losses of boxes with torchvision, whose answers stand in a golden file."""

from __future__ import annotations

from typing import Final

import torch
from tests.each import each
from tests.oracles.peers import answer, assert_agrees, by_position, one

from slopes import losses as L  # noqa: N812  the name that users give it

PEER: Final = "masks_and_boxes"
NAMES: Final = {
    "giou": "generalized_box_iou_loss",
    "diou": "distance_box_iou_loss",
    "ciou": "complete_box_iou_loss",
}


@each(("name", "theirs"), NAMES.items())
def test_losses_of_boxes(name: str, theirs: str) -> None:
    """On boxes of a million, beside whose areas the 1e-7 that it adds is nothing; slopes are in millionths then."""
    case = one(PEER, theirs, "boxes")
    loss = getattr(L, name)
    ours = answer(
        by_position(lambda predictions, targets: loss(predictions, targets, reduction="none")),
        case.inputs,
        ["predictions", "targets"],
    )
    if name == "ciou":  # alpha's divisor is about 1, and the 1e-7 beside it stays
        torch.testing.assert_close(ours.value, case.value, rtol=0, atol=1e-7)
        for key, slope in case.gradients.items():
            torch.testing.assert_close(1e6 * ours.gradients[key], 1e6 * slope, rtol=1e-6, atol=1e-6)
        return
    # Theirs are differences of areas: of thin boxes, a hundred times as large as what is left.
    assert_agrees(case, ours, size=64, scale=4.0, slope_scale=1e-4)


def test_its_epsilon_is_a_loss_of_equal_small_boxes() -> None:
    case = one(PEER, "generalized_box_iou_loss", "equal and small")
    assert case.value.item() > 0.05
    assert L.giou(case.inputs["predictions"], case.inputs["targets"]).item() == 0
