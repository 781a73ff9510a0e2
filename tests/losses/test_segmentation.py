"""Losses of masks by hand: empty masks, absent classes, ignored pixels, images and batches."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from tests.each import each
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

Loss = Callable[..., Tensor]
EVERY = (L.dice, L.jaccard, L.tversky, L.focal_tversky, L.lovasz)
every_loss = each("loss", EVERY, ids=lambda loss: loss.__name__)
OF_ONE = (L.dice, L.jaccard, L.tversky, L.focal_tversky)


def classes(images: int = 3, pixels: int = 7) -> tuple[Tensor, Tensor]:
    dice = torch.Generator().manual_seed(0)
    logits = torch.randn(images, pixels, 4, generator=dice, dtype=torch.float64)
    return logits, torch.randint(3, (images, pixels), generator=dice)  # of the fourth class there is none


@each("loss", OF_ONE, ids=lambda loss: loss.__name__)
def test_an_empty_mask_falls_as_the_prediction_empties(loss: Loss) -> None:
    nothing = torch.zeros(1, 3, dtype=torch.float64)
    logits = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    value = loss(logits, nothing, smooth=1.0)
    assert 0 < value.item() < 1
    assert bool((torch.autograd.grad(value, logits)[0] > 0).all())
    flat = loss(logits, nothing, smooth=0.0)
    assert flat.item() == 1
    assert not torch.autograd.grad(flat, logits)[0].any()
    gone = loss(torch.full_like(logits, -1e4), nothing, smooth=0.0)  # nothing predicted and nothing there
    assert gone.item() == 0


def test_an_empty_mask_of_dice_by_hand() -> None:
    logits, nothing = torch.zeros(1, 4), torch.zeros(1, 4)
    assert L.dice(logits, nothing, smooth=1.0).item() == pytest.approx(1 - 1 / (2 + 1))
    assert L.jaccard(logits, nothing, smooth=2.0).item() == pytest.approx(1 - 2 / (2 + 2))


@every_loss
def test_ignored_pixels_leave_no_trace(loss: Loss) -> None:
    logits, targets = classes()
    kept = torch.ones_like(targets, dtype=torch.bool)
    kept[:, 5:] = False
    wanted = loss(logits[:, :5], targets[:, :5], reduction="none")
    for strange, label in ((math.nan, 255), (math.inf, -1), (-math.inf, 3)):
        spoilt = torch.where(kept.unsqueeze(-1), logits, strange).requires_grad_()
        came = loss(spoilt, torch.where(kept, targets, label), pixel_mask=kept, reduction="none")
        torch.testing.assert_close(came, wanted, rtol=1e-14, atol=0)
        found = torch.autograd.grad(came.sum(), spoilt)[0]
        assert bool(found[:, :5].isfinite().all())
        assert not found[:, 5:].any()


@every_loss
def test_a_batch_is_one_image_of_all_its_pixels(loss: Loss) -> None:
    logits, targets = classes()
    kept = torch.tensor([True, False, True])
    one = loss(logits[kept].flatten(0, 1), targets[kept].flatten(), reduction="none")
    came = loss(logits, targets, over="batch", mask=kept, reduction="none")
    torch.testing.assert_close(came, torch.stack([one, torch.zeros_like(one), one]), rtol=1e-13, atol=0)
    assert loss(logits, targets, over="batch").item() != pytest.approx(loss(logits, targets, over="image").item())


@every_loss
def test_an_absent_class_counts_or_not(loss: Loss) -> None:
    logits, targets = classes(pixels=40)
    first = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64)
    present = loss(logits, targets, classes="present")
    everyone = loss(logits, targets, classes="all")
    torch.testing.assert_close(loss(logits, targets, classes="all", class_weight=first), present)
    alone = loss(logits, targets, classes="all", class_weight=1 - first)
    torch.testing.assert_close(everyone, 0.75 * present + 0.25 * alone)


@every_loss
def test_two_classes_are_no_other_image_than_one_mask(loss: Loss) -> None:
    """Of the second class alone, the softmax over (0, z) is the sigmoid of z."""
    if loss is L.lovasz:
        pytest.skip("of one mask it is the hinge")
    z, mask = classes()[0][..., 0], classes()[1].clamp(max=1)
    two = torch.stack([torch.zeros_like(z), z], -1)
    second = torch.tensor([0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(loss(two, mask, class_weight=second), loss(z, mask.double()))


def test_the_relatives_agree() -> None:
    logits, targets = classes()
    for options in ({}, {"over": "batch"}, {"classes": "present"}):
        half = L.tversky(logits, targets, alpha=0.5, beta=0.5, smooth=0.5, **options)
        torch.testing.assert_close(half, L.dice(logits, targets, smooth=1.0, **options))
        whole = L.tversky(logits, targets, alpha=1.0, beta=1.0, **options)
        torch.testing.assert_close(whole, L.jaccard(logits, targets, **options))
        torch.testing.assert_close(
            L.focal_tversky(logits, targets, gamma=1.0, **options), L.tversky(logits, targets, **options)
        )


def test_lovasz_at_hard_masks_is_the_jaccard_loss() -> None:
    targets = torch.tensor([[0, 0, 1, 1, 2, 2, 2]])
    wrong = torch.tensor([[0, 1, 1, 1, 2, 0, 2]])
    logits = 1e4 * torch.nn.functional.one_hot(wrong, 3).double()
    hand = [1 - 1 / 3, 1 - 2 / 3, 1 - 2 / 3]
    assert L.lovasz(logits, targets).item() == pytest.approx(sum(hand) / 3, rel=1e-14)
    assert L.jaccard(logits, targets, smooth=0.0).item() == pytest.approx(sum(hand) / 3, rel=1e-14)


def test_generalized_dice_by_hand() -> None:
    """Weights 1 and ¼ of classes of 1 and 2 pixels; all probabilities are ½."""
    logits, targets = torch.zeros(1, 3, 2, dtype=torch.float64), torch.tensor([[0, 1, 1]])
    hits, sizes = 1 * 0.5 + 0.25 * 1.0, 1 * 2.5 + 0.25 * 3.5
    came = L.dice(logits, targets, form="generalized", smooth=0.0).item()
    assert came == pytest.approx(1 - 2 * hits / sizes, rel=1e-14)


def test_a_mask_that_is_nearly_right_keeps_its_digits() -> None:
    mask = torch.tensor([[1.0, 0.0]])
    logits = (40 * (2 * mask - 1)).requires_grad_()
    loss = L.dice(logits, mask, smooth=0.0)
    assert loss.item() == pytest.approx(math.exp(-40.0), rel=1e-5)
    assert torch.autograd.grad(loss, logits)[0][0].tolist() == pytest.approx([-math.exp(-40) / 2, math.exp(-40) / 2])


@every_loss
def test_what_does_not_fit_is_told(loss: Loss) -> None:
    name = loss.__name__
    logits, targets = classes()
    with pytest.raises(slopes.ShapeError, match=rf"^{name}: `targets` has shape .*classes come last"):
        loss(logits.mT, targets)
    with pytest.raises(slopes.ValuesError, match=rf"^{name}: `targets` holds 255, expected .*pixel_mask"):
        loss(logits, targets.clone().fill_(255))
    with pytest.raises(slopes.ValuesError, match=rf"^{name}: `targets` holds 255, expected"):
        loss(logits[..., 0], 255 * (targets > 0).double())
    with pytest.raises(slopes.ShapeError, match=rf"^{name}: `pixel_mask` has shape"):
        loss(logits, targets, pixel_mask=targets[:1] > 0)
    with pytest.raises(slopes.OptionError, match=rf"^{name}: `over` is 'sample', expected one of 'image', 'batch'"):
        loss(logits, targets, over="sample")


def test_false_alarms_and_misses_have_weights_of_their_own() -> None:
    halves, mask = torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])  # a hit, a false alarm and a miss, each of one half
    loss = L.tversky(halves, mask, alpha=0.2, beta=0.7, smooth=0.0)
    assert loss.item() == pytest.approx(0.45 / 0.95)


def test_lovasz_of_three_pixels() -> None:
    scores, mask = torch.tensor([[0.5, -0.25, 0.5]]), torch.tensor([[0.0, 1.0, 1.0]])
    assert L.lovasz(scores, mask).item() == pytest.approx((1.5 + 1.25 + 0.5) / 3)  # each takes a third off the index
