"""Mixup and CutMix: each row with a share of another, and targets that say so.

The soft targets go into `cross_entropy` and `binary_cross_entropy` as they are.

Dimension names: N rows; C classes or labels; `...` is any shape.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError, OptionError, ShapeError
from slopes._core.spec import FINITE_POSITIVE

_IMAGES: Final = 4


class Mixed(NamedTuple):
    """A batch after mixing.

    Attributes:
        inputs: The shape and dtype of the inputs.
        targets: Soft targets: `[N, C]` for class indices, else the shape of the targets; float32 unless they were
            float64.
        share: How much of each row is its own, in [0, 1].
    """

    inputs: Tensor
    targets: Tensor
    share: float


def mixup(inputs: Tensor, targets: Tensor, *, alpha: float = 0.2, classes: int | None = None) -> Mixed:
    """Return share · row + (1 - share) · another row, for inputs and targets alike.

    Args:
        inputs: `[N, ...]`, floating.
        targets: `[N]` int64 class indices, with `classes`; or floating `[N]` or `[N, C]`: labels or distributions.
        alpha: The share is drawn from Beta(alpha, alpha), above 0: near 0 or 1 for small alpha, uniform at 1.
        classes: C, for class indices.

    Returns:
        Mixed inputs, soft targets, and the share; one share for the batch, the other row by a random order.

    Raises:
        ShapeError: `inputs` and `targets` do not have the same number of rows.
        DtypeError: `inputs` is not floating, or `targets` is neither int64 nor floating.
        OptionError: `alpha` is outside its domain, or `classes` goes missing or is in the way.
        ValuesError: A class index is out of range.

    Notes:
        Random numbers come from torch's global generator: torch.manual_seed fixes them. Source: Zhang et al. 2018,
        mixup: Beyond Empirical Risk Minimization.

    Examples:
        >>> batch = mixup(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]), classes=3)
        >>> batch.targets.sum(-1)
        tensor([1., 1.])
        >>> bool((batch.targets[:, 1:2] == batch.inputs).all())  # the row's number is the share of class 1
        True
    """
    soft = _checked("mixup", inputs, targets, alpha, classes)
    share, order = _draw(alpha, inputs)
    return Mixed(_blend(inputs, inputs[order], share), _blend(soft, soft[order], share), share)


def cutmix(images: Tensor, targets: Tensor, *, alpha: float = 1.0, classes: int | None = None) -> Mixed:
    """Return images with a box of another image pasted in, and targets by the shares of the area.

    Args:
        images: `[N, channels, height, width]`, floating.
        targets: `[N]` int64 class indices, with `classes`; or floating `[N]` or `[N, C]`: labels or distributions.
        alpha: The area that is kept is drawn from Beta(alpha, alpha), above 0; uniform at 1.
        classes: C, for class indices.

    Returns:
        Mixed images, soft targets, and the share of the pixels that is each image's own, counted after the box is cut
        off at the border; one box for the batch, the other image by a random order.

    Raises:
        ShapeError: `images` is not four-dimensional, or the numbers of rows differ.
        DtypeError: `images` is not floating, or `targets` is neither int64 nor floating.
        OptionError: `alpha` is outside its domain, or `classes` goes missing or is in the way.
        ValuesError: A class index is out of range.

    Notes:
        Random numbers come from torch's global generator. Source: Yun et al. 2019, CutMix: Regularization Strategy to
        Train Strong Classifiers with Localizable Features.

    Examples:
        >>> images = torch.stack((torch.zeros(1, 8, 8), torch.ones(1, 8, 8)))
        >>> batch = cutmix(images, torch.tensor([0, 1]), classes=3)
        >>> bool((batch.inputs.mean((1, 2, 3)) == batch.targets[:, 1]).all())  # white pixels are the share of class 1
        True
    """
    soft = _checked("cutmix", images, targets, alpha, classes)
    if images.dim() != _IMAGES:
        message = (
            f"cutmix: `images` has shape {check.shape_of(images)}, expected [N, channels, height, width]; for rows "
            f"without a place use mixup."
        )
        raise ShapeError(message)
    kept, order = _draw(alpha, images)
    rows, columns = _box(kept, images.shape[2], images.shape[3])
    mixed = images.clone()
    mixed[:, :, rows, columns] = images[order][:, :, rows, columns]
    share = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (images.shape[2] * images.shape[3])
    return Mixed(mixed, _blend(soft, soft[order], share), share)


def _checked(function: str, inputs: Tensor, targets: Tensor, alpha: float, classes: int | None) -> Tensor:
    """Check what is to be mixed, and return the targets as soft ones."""
    check.floating(function, inputs=inputs)
    check.tensor(function, targets=targets)
    check.option(function, "alpha", alpha, FINITE_POSITIVE)
    check.same_device(function, inputs=inputs, targets=targets)
    if not inputs.dim() or targets.shape[:1] != inputs.shape[:1]:
        message = (
            f"{function}: `inputs` {check.shape_of(inputs)} and `targets` {check.shape_of(targets)} do not have the "
            f"same number of rows, expected [N, ...] and [N] or [N, C]; pass them as the batch has them."
        )
        raise ShapeError(message)
    if targets.is_floating_point():
        if classes is not None:
            message = (
                f"{function}: `classes` is {classes} beside floating targets, expected None: they are soft already; "
                f"leave it out, or pass int64 class indices."
            )
            raise OptionError(message)
        return targets if targets.dtype == torch.float64 else targets.float()
    return _one_hot(function, targets, classes)


def _one_hot(function: str, targets: Tensor, classes: int | None) -> Tensor:
    if targets.dtype != torch.int64:
        message = (
            f"{function}: `targets` has dtype {targets.dtype}, expected int64 class indices, or floating labels or "
            f"distributions; use targets.float() for labels of 0 and 1."
        )
        raise DtypeError(message)
    if classes is None:
        message = (
            f"{function}: `classes` is None beside class indices, expected their number C, since a batch may lack the "
            f"last one; for labels of 0 and 1 pass targets.float()."
        )
        raise OptionError(message)
    check.count(function, "classes", classes)
    check.integers(function, "targets", targets, targets.shape[:1], "one class index for each row")
    check.in_range(function, "targets", targets, classes)
    return torch.nn.functional.one_hot(targets, classes).float()


def _draw(alpha: float, inputs: Tensor) -> tuple[float, Tensor]:
    """Return a share, and for each row which other one it is mixed with."""
    strength = torch.tensor(alpha, dtype=torch.float64)
    share = float(torch.distributions.Beta(strength, strength).sample())
    return share, torch.randperm(len(inputs)).to(inputs.device)


def _blend(own: Tensor, other: Tensor, share: float) -> Tensor:
    return torch.lerp(other, own, share)


def _box(kept: float, height: int, width: int) -> tuple[slice, slice]:
    """Return a box of about 1 - kept of the area, its centre anywhere, cut off at the border."""
    scale = math.sqrt(1 - kept)
    centre = torch.rand(2).tolist()
    return _side(centre[0], scale, height), _side(centre[1], scale, width)


def _side(centre: float, scale: float, length: int) -> slice:
    middle, half = int(centre * length), int(scale * length) // 2
    return slice(max(middle - half, 0), min(middle + half, length))
