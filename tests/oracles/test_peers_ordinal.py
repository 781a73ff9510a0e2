"""Agreement with coral-pytorch and spacecutter in float64, whose answers stand in `golden/ordinal.json`."""

from __future__ import annotations

import torch
from tests.oracles.peers import answer, assert_agrees, one

from slopes import losses as L  # noqa: N812  the name that users give it

CLASSES = 5


def test_coral() -> None:
    case = one("ordinal", "coral_loss", "random")
    ours = answer(lambda logits, targets: L.coral(logits, targets, reduction="none"), case.inputs, ["logits"])
    assert_agrees(case, ours, size=CLASSES, scale=8.0, slope_scale=1.0)


def test_corn_over_the_number_of_thresholds_asked_about() -> None:
    case = one("ordinal", "corn_loss", "random")
    asked = (case.inputs["targets"] + 1).clamp(max=CLASSES - 1).sum()
    ours = answer(lambda logits, targets: L.corn(logits, targets, denominator=asked.double()), case.inputs, ["logits"])
    assert_agrees(case, ours, size=12 * CLASSES, scale=8.0, slope_scale=1.0)


def test_the_class_back() -> None:
    for function, conditional in (("corn_label_from_logits", True), ("proba_to_label", False)):
        case = one("ordinal", function, "random")
        assert torch.equal(L.ordinal_rank(case.inputs["logits"], conditional=conditional), case.value.long())


def test_cumulative_link_is_spacecutters_near_the_thresholds() -> None:
    case = one("ordinal", "CumulativeLinkLoss", "near")
    ours = answer(lambda **given: L.cumulative_link(**given, reduction="none"), case.inputs, ["scores", "thresholds"])
    assert_agrees(case, ours, size=12, scale=64.0, slope_scale=256.0)  # it subtracts sigmoids: 1 - p


def test_far_from_them_spacecutter_has_no_gradient() -> None:
    case = one("ordinal", "CumulativeLinkLoss", "far")
    ours = answer(lambda **given: L.cumulative_link(**given, reduction="none"), case.inputs, ["scores"])
    assert case.gradients["scores"].tolist() == [0.0, 0.0]
    assert ours.gradients["scores"].sign().tolist() == [1.0, -1.0]
    assert torch.allclose(ours.gradients["scores"].abs(), torch.ones(2, dtype=torch.float64))
