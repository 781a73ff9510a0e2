"""Dice: how little a predicted and a true mask overlap, for their sizes.

Dimension names: `...` are images; P is the number of pixels of one, C of classes, always last.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, UNIT, Equivalent, Parameter, Source, Spec
from slopes.kernels.pointwise.ratio import SHARE
from slopes.losses.segmentation.counts import (
    IMAGES,
    SMOOTH,
    WHICH,
    Classes,
    Over,
    Pixels,
    overlap,
    pixels,
    told,
)

Form = Literal["soft", "squared", "generalized"]
FORMS: Final = ("soft", "squared", "generalized")


def dice(
    logits: Tensor,
    targets: Tensor,
    *,
    form: Form = "soft",
    smooth: float = 1.0,
    classes: Classes = "all",
    over: Over = "image",
    class_weight: Tensor | None = None,
    pixel_mask: Tensor | None = None,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return 1 - 2|A∩B| / (|A| + |B|) of predicted and true masks A, B, a mean over classes of each image, reduced.

    Args:
        logits: `[..., P, C]` of exclusive classes, or `[..., P]` of one mask; any floating dtype.
        targets: `[..., P]` int64 classes, or for one mask `[..., P]` floating shares in [0, 1].
        form: `"soft"`: sizes are sums of probabilities. `"squared"`: sums of squares (V-Net). `"generalized"`: all
            classes in one fraction, each weighted by 1 / |B|² (Sudre), an absent one as of one pixel.
        smooth: Pixels of agreement that are given to each class, at least 0; 0 gives an empty mask no gradient.
        classes: `"all"`, or `"present"`: without classes of which the image has no pixel.
        over: `"image"`, or `"batch"`: pixels of all images that count are one image, and each image has its loss.
        class_weight: `[C]`, weight of each class in the mean over classes, at least 0.
        pixel_mask: `[..., P]` boolean, True where a pixel counts; the others leave no trace.
        mask: `[...]` boolean, True where an image counts.
        weight: `[...]`, weight of each image, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`, one for each image; float32 for 16-bit input; no unit, in [0, 1].

    Raises:
        ShapeError: Shapes do not fit; nothing broadcasts. Flatten the dimensions of an image into P.
        DtypeError: `logits` is not floating, `targets` neither int64 nor floating, or a mask not boolean.
        OptionError: An option is outside its domain.
        ValuesError: A target is out of range, `weight` is negative, or every class of a pixel is -∞.

    Notes:
        The value is (errors + 0) / (errors + 2 hits + smooth), of soft counts that only add up, so that a small loss
        keeps its digits. The true mask empty, it is |A| / (|A| + smooth): it falls as the prediction empties.

    Examples:
        >>> logits, targets = torch.tensor([[0.0, 0.0, -100.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> dice(logits, targets, smooth=0.0)  # halves: 1 error, and 2 · ½ of hits
        tensor(0.5000)
    """
    smooth = check.option("dice", "smooth", smooth, FINITE_NON_NEGATIVE)
    check.choice("dice", "form", form, FORMS)
    of, z = pixels(
        "dice", logits, targets, classes, over, class_weight, pixel_mask, mask, weight, reduction, denominator
    )
    if form == "soft":
        return told(of, of.mean(overlap(of, 0.5, 0.5, 0.5 * smooth)), z)
    hits = 2 * of.sums(of.p * of.inside) + smooth
    if form == "squared":
        errors = of.sums((of.p * of.outside - of.rest * of.inside) ** 2)
        return told(of, of.mean(SHARE(errors, hits)), z)
    return told(of, _generalized(of, smooth), z)


class Dice(Module, of=dice):
    """Module of `dice`."""

    form: Form = "soft"
    smooth: float = 1.0
    classes: Classes = "all"
    over: Over = "image"
    class_weight: Tensor | None = None
    reduction: Reduction = "mean"


def _generalized(of: Pixels, smooth: float) -> Tensor:
    """Return the loss of all classes in one fraction; weights have the sum 1, so that `smooth` is in pixels."""
    weights = of.weights() / of.sums(of.inside).clamp(min=1) ** 2
    weights = weights / torch.where(weights > 0, weights, 0.0).sum(-1, keepdim=True).clamp(
        min=torch.finfo(of.p.dtype).tiny
    )
    errors = of.sums(of.p * of.outside + of.rest * of.inside)
    hits = 2 * of.sums(of.p * of.inside) + smooth
    return SHARE((weights * errors).sum(-1), (weights * hits).sum(-1))


SPECS: Final = (
    Spec(
        title="Dice",
        family="segmentation",
        function=dice,
        module=Dice,
        summary="Masks by their overlap, so that a small object counts as much as a large one.",
        formula=r"\ell = 1 - \frac{2\sum p y + s}{\sum p + \sum y + s}",
        slope=r"\frac{\partial \ell}{\partial p_i} = \frac{(1 - y_i)\,h - y_i\,(h + 2e)}{(h + e)^2},\quad "
        r"h = 2\sum p y + s,\ e = \sum |p - y|",
        inputs=IMAGES,
        output=("...",),
        range=UNIT,
        parameters=(Parameter("form", "how sizes are measured, and classes pooled", choices=FORMS), SMOOTH, *WHICH),
        aliases=("soft dice", "dice loss", "generalized dice", "sorensen-dice", "f1 loss", "v-net loss"),
        equivalents=(
            Equivalent(
                "MONAI",
                "DiceLoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0)(logits, targets)",
                "channels second, one-hot; form='squared' is its squared_pred, smooth=1e-5 its default",
            ),
            Equivalent(
                "segmentation-models-pytorch",
                'DiceLoss("multiclass", smooth=1.0)(logits, targets)',
                "over the batch; smooth=2.0 here; an absent class counts as a loss of 0 instead of leaving the mean",
            ),
        ),
        convention="One value for each image, classes last; errors in the numerator; smooth is in pixels, and 1.",
        sources=(
            Source("Milletari, Navab, Ahmadi 2016, V-Net", "section 3, squared"),
            Source("Sudre et al. 2017, Generalised Dice overlap", "section 2, generalized"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
