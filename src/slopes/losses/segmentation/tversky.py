"""Jaccard, Tversky and its focal form: overlap in which two kinds of error have their price.

Dimension names: `...` are images; P is the number of pixels of one, C of classes, always last.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, FINITE_POSITIVE, UNIT, Equivalent, Parameter, Source, Spec
from slopes.losses.segmentation.counts import IMAGES, PRICE, SMOOTH, WHICH, Classes, Over, overlap, pixels, told


def jaccard(
    logits: Tensor,
    targets: Tensor,
    *,
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
    """Return 1 - |A∩B| / |A∪B| of predicted and true masks A, B, a mean over classes of each image, reduced.

    Args:
        logits: `[..., P, C]` of exclusive classes, or `[..., P]` of one mask; any floating dtype.
        targets: `[..., P]` int64 classes, or for one mask `[..., P]` floating shares in [0, 1].
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
        The soft form: probabilities are how far a pixel is in the mask. With hard masks and smooth=0, J = 2D / (1 + D)
        of Dice's D. `lovasz` is the form that has the right values between hard masks too.

    Examples:
        >>> logits, targets = torch.tensor([[0.0, 0.0, -100.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> jaccard(logits, targets, smooth=0.0)  # halves: 1 error, ½ hit
        tensor(0.6667)
    """
    smooth = check.option("jaccard", "smooth", smooth, FINITE_NON_NEGATIVE)
    of, z = pixels(
        "jaccard", logits, targets, classes, over, class_weight, pixel_mask, mask, weight, reduction, denominator
    )
    return told(of, of.mean(overlap(of, 1.0, 1.0, smooth)), z)


def tversky(
    logits: Tensor,
    targets: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
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
    """Return 1 - TP / (TP + α FP + β FN) of soft counts of pixels, a mean over classes of each image, reduced.

    Args:
        logits: `[..., P, C]` of exclusive classes, or `[..., P]` of one mask; any floating dtype.
        targets: `[..., P]` int64 classes, or for one mask `[..., P]` floating shares in [0, 1].
        alpha: What a pixel costs that is predicted and not there (FP), in [0, 2^63].
        beta: What a pixel costs that is there and not predicted (FN), in [0, 2^63].
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
        α = β = ½ is Dice with twice the `smooth`, α = β = 1 Jaccard. Beware: the roles of α and β change from library
        to library; here α goes with false positives, as in the paper.

    Examples:
        >>> logits, targets = torch.tensor([[0.0, 0.0, -100.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> tversky(logits, targets, smooth=0.0)  # ½ hit, and ½ (0.3 + 0.7) of errors
        tensor(0.5000)
    """
    alpha, beta, smooth = _options("tversky", alpha, beta, smooth)
    of, z = pixels(
        "tversky", logits, targets, classes, over, class_weight, pixel_mask, mask, weight, reduction, denominator
    )
    return told(of, of.mean(overlap(of, alpha, beta, smooth)), z)


def focal_tversky(
    logits: Tensor,
    targets: Tensor,
    *,
    alpha: float = 0.3,
    beta: float = 0.7,
    gamma: float = 0.75,
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
    """Return (1 - TP / (TP + α FP + β FN))^γ of soft counts of pixels, a mean over classes of each image, reduced.

    Args:
        logits: `[..., P, C]` of exclusive classes, or `[..., P]` of one mask; any floating dtype.
        targets: `[..., P]` int64 classes, or for one mask `[..., P]` floating shares in [0, 1].
        alpha: What a pixel costs that is predicted and not there (FP), in [0, 2^63].
        beta: What a pixel costs that is there and not predicted (FN), in [0, 2^63].
        gamma: Exponent of each class's loss, above 0: below 1 it keeps pulling at classes that are nearly right, above
            1 it looks at the bad ones.
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
        The paper writes the exponent as 1/γ with γ = 4/3, which is 0.75 here. At a loss of exactly 0 the gradient is 0,
        though below γ = 1 the slope grows without bound towards it.

    Examples:
        >>> logits, targets = torch.tensor([[0.0, 0.0, -100.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> focal_tversky(logits, targets, gamma=2.0, smooth=0.0)  # the square of ½
        tensor(0.2500)
    """
    alpha, beta, smooth = _options("focal_tversky", alpha, beta, smooth)
    gamma = check.option("focal_tversky", "gamma", gamma, FINITE_POSITIVE)
    of, z = pixels(
        "focal_tversky", logits, targets, classes, over, class_weight, pixel_mask, mask, weight, reduction, denominator
    )
    losses = overlap(of, alpha, beta, smooth)
    flat = losses == 0
    raised = torch.where(flat, 1.0, losses) ** gamma
    return told(of, of.mean(torch.where(flat, 0.0, raised)), z)


class Jaccard(Module, of=jaccard):
    """Module of `jaccard`."""

    smooth: float = 1.0
    classes: Classes = "all"
    over: Over = "image"
    class_weight: Tensor | None = None
    reduction: Reduction = "mean"


class Tversky(Module, of=tversky):
    """Module of `tversky`."""

    alpha: float = 0.3
    beta: float = 0.7
    smooth: float = 1.0
    classes: Classes = "all"
    over: Over = "image"
    class_weight: Tensor | None = None
    reduction: Reduction = "mean"


class FocalTversky(Module, of=focal_tversky):
    """Module of `focal_tversky`."""

    alpha: float = 0.3
    beta: float = 0.7
    gamma: float = 0.75
    smooth: float = 1.0
    classes: Classes = "all"
    over: Over = "image"
    class_weight: Tensor | None = None
    reduction: Reduction = "mean"


def _options(function: str, alpha: float, beta: float, smooth: float) -> tuple[float, float, float]:
    alpha, beta = (check.option(function, n, v, PRICE) for n, v in (("alpha", alpha), ("beta", beta)))
    return alpha, beta, check.option(function, "smooth", smooth, FINITE_NON_NEGATIVE)


_PRICES: Final = (
    Parameter("alpha", "what a false positive costs", PRICE, r"\alpha", slider=(0.0, 1.0, 0.05)),
    Parameter("beta", "what a false negative costs", PRICE, r"\beta", slider=(0.0, 1.0, 0.05)),
)

SPECS: Final = (
    Spec(
        title="Jaccard",
        family="segmentation",
        function=jaccard,
        module=Jaccard,
        summary="Masks by intersection over union, the number that they are judged by.",
        formula=r"\ell = 1 - \frac{\sum p y + s}{\sum p + \sum y - \sum p y + s}",
        slope=r"\frac{\partial \ell}{\partial p_i} = \frac{(1 - y_i)\,h - y_i\,(h + e)}{(h + e)^2},\quad "
        r"h = \sum p y + s,\ e = \sum |p - y|",
        inputs=IMAGES,
        output=("...",),
        range=UNIT,
        parameters=(SMOOTH, *WHICH),
        aliases=("soft jaccard", "jaccard loss", "iou of masks", "mask iou"),
        equivalents=(
            Equivalent(
                "MONAI",
                "DiceLoss(jaccard=True, sigmoid=True, smooth_nr=s, smooth_dr=s)(logits, targets)",
                "channels second, one-hot; its numerator doubles: smooth here is half of its",
            ),
        ),
        convention="One value for each image, classes last; smooth is in pixels, and 1.",
        sources=(Source("Rahman, Wang 2016, Optimizing Intersection-Over-Union in Deep Neural Networks", "section 3"),),
    ),
    Spec(
        title="Tversky",
        family="segmentation",
        function=tversky,
        module=Tversky,
        summary="Dice in which a missed pixel costs more than a pixel too many, or less.",
        formula=r"\ell = 1 - \frac{h}{h + \alpha \sum p (1 - y) + \beta \sum (1 - p) y},\quad h = \sum p y + s",
        slope=r"\frac{\partial \ell}{\partial p_i} = \frac{\alpha (1 - y_i)\,h - y_i\,(\beta h + e)}{(h + e)^2},\quad "
        r"e = \alpha \sum p (1 - y) + \beta \sum (1 - p) y",
        inputs=IMAGES,
        output=("...",),
        range=UNIT,
        parameters=(*_PRICES, SMOOTH, *WHICH),
        aliases=("tversky index", "tversky loss"),
        equivalents=(
            Equivalent(
                "MONAI",
                "TverskyLoss(sigmoid=True, alpha=alpha, beta=beta, smooth_nr=1.0, smooth_dr=1.0)(logits, targets)",
                "channels second, one-hot; alpha and beta are 0.5",
            ),
        ),
        convention="alpha goes with false positives, beta with false negatives, as in the paper.",
        sources=(Source("Salehi, Erdogmus, Gholipour 2017, Tversky loss function", "equation 4"),),
    ),
    Spec(
        title="Focal Tversky",
        family="segmentation",
        function=focal_tversky,
        module=FocalTversky,
        summary="Tversky with an exponent: how much classes that are nearly right still pull.",
        formula=r"\ell = \left(1 - \mathrm{TI}_{\alpha\beta}\right)^{\gamma}",
        slope=r"\frac{\partial \ell}{\partial p_i} = -\gamma (1 - \mathrm{TI})^{\gamma - 1}"
        r"\frac{\partial\,\mathrm{TI}}{\partial p_i}",
        inputs=IMAGES,
        output=("...",),
        range=UNIT,
        parameters=(
            *_PRICES,
            Parameter("gamma", "exponent", FINITE_POSITIVE, r"\gamma", slider=(0.1, 4.0, 0.05)),
            SMOOTH,
            *WHICH,
        ),
        aliases=("focal tversky loss", "ftl"),
        equivalents=(
            Equivalent(
                "segmentation-models-pytorch",
                'TverskyLoss("binary", smooth=1.0, alpha=alpha, beta=beta, gamma=gamma)(logits, targets)',
                "over the batch; the power of the mean over classes, not the mean of powers",
            ),
        ),
        convention="The exponent itself; the paper's γ is its inverse.",
        sources=(Source("Abraham, Khan 2019, A Novel Focal Tversky Loss Function", "equation 4"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
