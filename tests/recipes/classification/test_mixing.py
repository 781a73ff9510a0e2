from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale, unit
from tests.each import each

from slopes import DtypeError, OptionError, ShapeError, SlopesError, ValuesError
from slopes.losses import binary_cross_entropy, cross_entropy
from slopes.recipes import cutmix, mixup
from slopes.recipes.classification import mixing


@each("alpha", [0.1, 0.2, 1.0, 8.0])
def test_mixup_is_a_share_of_each_row_and_the_rest_of_another(alpha: float) -> None:
    inputs = torch.randn(16, 3, 2)
    targets = torch.arange(16) % 5
    mixed = mixup(inputs, targets, alpha=alpha, classes=5)
    assert 0 <= mixed.share <= 1
    assert mixed.inputs.shape == inputs.shape
    one_hot = torch.zeros(16, 5).scatter(1, targets.unsqueeze(1), 1.0)
    for row in range(16):
        errors = [
            (mixed.inputs[row] - mixed.share * inputs[row] - (1 - mixed.share) * inputs[other]).abs().max()
            for other in range(16)
        ]
        other = int(torch.stack(errors).argmin())
        assert float(errors[other]) <= 16 * unit(torch.float32) * 4
        expected = mixed.share * one_hot[row] + (1 - mixed.share) * one_hot[other]
        assert_close_to_scale(mixed.targets[row], expected.tolist(), scale=1.0)


def test_the_share_is_drawn_from_beta() -> None:
    """Assert mean 1/2 and variance 1 / (4 (2 alpha + 1)), within five standard errors of 2000 draws."""
    inputs, targets = torch.zeros(2, 1), torch.zeros(2)
    for alpha in (0.2, 2.0):
        shares = torch.tensor([mixup(inputs, targets, alpha=alpha).share for _ in range(2000)], dtype=torch.float64)
        variance = 1 / (4 * (2 * alpha + 1))
        assert abs(float(shares.mean()) - 0.5) < 5 * math.sqrt(variance / 2000)
        assert float(shares.var()) == pytest.approx(variance, rel=0.2)


def test_the_same_seed_mixes_the_same() -> None:
    inputs, targets = torch.randn(8, 3), torch.arange(8)
    torch.manual_seed(7)
    first = mixup(inputs, targets, classes=8)
    torch.manual_seed(7)
    second = mixup(inputs, targets, classes=8)
    assert torch.equal(first.inputs, second.inputs)
    assert torch.equal(first.targets, second.targets)


def test_mixed_targets_stay_distributions_that_the_loss_takes() -> None:
    mixed = mixup(torch.randn(32, 3), torch.arange(32) % 4, classes=4, alpha=1.0)
    assert_close(mixed.targets.sum(-1), torch.ones(32, dtype=torch.float64), size=4)
    raw = torch.randn(32, 4)
    one_way = mixed.share * cross_entropy(raw, torch.arange(32) % 4, reduction="none")
    assert bool((cross_entropy(raw, mixed.targets, reduction="none") >= one_way - 1e-5).all())


def test_binary_and_multi_label_targets_are_mixed_as_they_are() -> None:
    inputs, labels = torch.randn(8, 3), (torch.arange(16).reshape(8, 2) % 3 == 0).double()
    mixed = mixup(inputs, labels)
    assert mixed.targets.shape == (8, 2)
    assert mixed.targets.dtype == torch.float64
    assert binary_cross_entropy(torch.zeros(8, 2, dtype=torch.float64), mixed.targets).isfinite()
    assert mixup(inputs, labels[:, 0].half()).targets.dtype == torch.float32


@each("alpha", [0.2, 1.0])
@each("seed", range(8))
def test_cutmix_pastes_one_box_and_counts_its_pixels(seed: int, alpha: float) -> None:
    torch.manual_seed(seed)
    images = torch.arange(6.0).reshape(6, 1, 1, 1).expand(6, 3, 9, 14).contiguous()
    before = images.clone()
    mixed = cutmix(images, torch.arange(6), classes=6, alpha=alpha)
    assert torch.equal(images, before)
    for row in range(6):
        foreign = mixed.inputs[row, 0] != row
        assert torch.equal(mixed.inputs[row, 0], mixed.inputs[row, 2])
        if not foreign.any():
            continue
        assert len(mixed.inputs[row][:, foreign].unique()) == 1
        other = int(mixed.inputs[row, 0][foreign][0])
        rows, columns = foreign.any(1).nonzero(), foreign.any(0).nonzero()
        box = foreign[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert bool(box.all())
        share = 1 - float(foreign.double().mean())
        assert mixed.share == pytest.approx(share)
        assert float(mixed.targets[row, row]) == pytest.approx(share, abs=1e-6)
        assert float(mixed.targets[row, other]) == pytest.approx(1 - share, abs=1e-6)


@each(("kept", "side"), [(0.75, 32), (0.0, 64), (1.0, 0)])
def test_a_box_that_meets_no_border_has_the_area_that_is_not_kept(kept: float, side: int) -> None:
    boxes = [mixing._box(kept, 64, 64) for _ in range(300)]
    assert max((rows.stop - rows.start) * (columns.stop - columns.start) for rows, columns in boxes) <= side * side
    assert any(rows.stop - rows.start == side for rows, _ in boxes)


def test_cutmix_boxes_vary_and_reach_the_border() -> None:
    images, targets = torch.stack((torch.zeros(1, 8, 8), torch.ones(1, 8, 8))), torch.arange(2)
    touched = torch.zeros(8, 8)
    for _ in range(300):
        mixed = cutmix(images, targets, classes=2)
        touched += mixed.inputs[0, 0]
    assert bool((touched > 0).all())


IMAGES = torch.zeros(2, 1, 4, 4)
INDICES = torch.tensor([0, 1])


@each("mix", [mixup, cutmix])
@each(
    ("options", "error", "match"),
    [
        ({"alpha": 0.0, "classes": 2}, OptionError, r"`alpha` is 0.0, expected a number in \(0, ∞\)"),
        ({"alpha": math.inf, "classes": 2}, OptionError, "`alpha` is inf"),
        ({}, OptionError, "`classes` is None beside class indices"),
        ({"classes": 1}, ValuesError, "holds 1, expected class indices"),
        ({"classes": 2, "targets": torch.tensor([0.0, 1.0])}, OptionError, "beside floating targets"),
        ({"classes": 2, "targets": torch.tensor([0, 1, 1])}, ShapeError, "same number of rows"),
        ({"classes": 2, "targets": INDICES.int()}, DtypeError, "torch.int32"),
        ({"classes": 2, "targets": INDICES.unsqueeze(1)}, ShapeError, r"has shape \[2, 1\]"),
        ({"classes": 2, "targets": [0, 1]}, DtypeError, "`targets` is list"),
        ({"classes": 2, "inputs": IMAGES.byte()}, DtypeError, "`inputs` has dtype torch.uint8"),
    ],
)
def test_bad_input(mix: Any, options: dict[str, Any], error: type[SlopesError], match: str) -> None:  # noqa: ANN401
    given = {"inputs": IMAGES, "targets": INDICES} | options
    with pytest.raises(error, match=match) as caught:
        mix(given.pop("inputs"), given.pop("targets"), **given)
    assert str(caught.value).startswith(mix.__name__)


def test_cutmix_wants_images() -> None:
    with pytest.raises(ShapeError, match=r"`images` has shape \[2, 3\], .* use mixup"):
        cutmix(torch.zeros(2, 3), INDICES, classes=2)
