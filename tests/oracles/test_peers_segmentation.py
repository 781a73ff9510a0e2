"""Agreement of the losses of masks with segmentation-models-pytorch, whose answers stand in a golden file."""

from __future__ import annotations

from typing import Final

from tests.accuracy import assert_close_to_scale
from tests.each import each
from tests.oracles.peers import Case, answer, assert_agrees, of, one
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it

PEER: Final = "masks_and_boxes"
SIZE: Final = 24  # terms in the sums of these small cases


def of_the_batch(name: str, logits: Tensor, targets: Tensor, **options: float | str) -> Tensor:
    """Return our loss over the batch; the peer has the classes second, and no dimension for images that is reduced."""
    return getattr(L, name)(logits.mT, targets, over="batch", **options)


@each(
    ("name", "theirs", "smooth"),
    [("dice", "DiceLoss", 2.0), ("jaccard", "JaccardLoss", 1.0), ("tversky", "TverskyLoss", 1.0)],
)
def test_losses_of_overlap(name: str, theirs: str, smooth: float) -> None:
    """Its Dice is the Tversky index of a half and a half, with the constant beside hits that are counted once."""
    case = one(PEER, theirs, "classes")
    ours = answer(lambda logits, targets: of_the_batch(name, logits, targets, smooth=smooth), case.inputs, ["logits"])
    # Theirs is 1 minus a quotient.
    assert_agrees(case, ours, size=SIZE, scale=1.0, slope_scale=1.0)


@each("case", of(PEER, "LovaszLoss"))
def test_lovasz(case: Case) -> None:
    ours = answer(lambda logits, targets: of_the_batch("lovasz", logits, targets), case.inputs, ["logits"])
    assert_agrees(case, ours, size=SIZE, scale=1.0, slope_scale=1.0)


def test_an_absent_class_counts_as_a_loss_of_0_there() -> None:
    """Two classes of three are there: their mean is theirs times 3 / 2."""
    case = one(PEER, "DiceLoss", "absent")
    ours = of_the_batch("dice", case.inputs["logits"], case.inputs["targets"], classes="present", smooth=2.0)
    assert_close_to_scale(ours * 2 / 3, case.value, 1.0, size=SIZE)
    everyone = of_the_batch("dice", case.inputs["logits"], case.inputs["targets"], smooth=2.0)
    assert abs(everyone.item() - case.value.item()) > 0.1
