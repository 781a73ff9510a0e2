"""Lovász: the Jaccard loss itself, made convex between hard masks.

Dimension names: `...` are images; P is the number of pixels of one, C of classes, always last.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, Equivalent, Source, Spec
from slopes.losses.segmentation.counts import IMAGES, WHICH, Classes, Over, Pixels, pixels, told


def lovasz(
    logits: Tensor,
    targets: Tensor,
    *,
    classes: Classes = "present",
    over: Over = "image",
    class_weight: Tensor | None = None,
    pixel_mask: Tensor | None = None,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the Lovász extension of the Jaccard loss at the errors of each class, a mean over classes, reduced.

    Args:
        logits: `[..., P, C]` of exclusive classes, or `[..., P]` of one mask; any floating dtype.
        targets: `[..., P]` int64 classes, or for one mask `[..., P]` floating labels 0 and 1.
        classes: `"all"`, or `"present"`: without classes of which the image has no pixel.
        over: `"image"`, or `"batch"`: pixels of all images that count are one image, and each image has its loss.
        class_weight: `[C]`, weight of each class in the mean over classes, at least 0.
        pixel_mask: `[..., P]` boolean, True where a pixel counts; the others leave no trace.
        mask: `[...]` boolean, True where an image counts.
        weight: `[...]`, weight of each image, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`, one for each image; float32 for 16-bit input; at least 0.

    Raises:
        ShapeError: Shapes do not fit; nothing broadcasts. Flatten the dimensions of an image into P.
        DtypeError: `logits` is not floating, `targets` neither int64 nor floating, or a mask not boolean.
        OptionError: An option is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is out of range, `weight` is negative, or every class of a pixel is -∞.

    Notes:
        Errors are |y - p| of a softmax (Lovász-softmax), and the hinge max(0, 1 - z (2y - 1)) for one mask
        (Lovász-hinge). Sorted from the largest, each weighs what it adds to the Jaccard loss of the errors before it:
        a weight that is no part of the gradient. Of equal errors the first in memory goes first. O(P log P).
        With no pixel of a class in the image, its loss is its largest error.

    Examples:
        >>> logits, targets = torch.tensor([[0.5, 0.0, -2.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> lovasz(logits, targets)  # errors 1 (a pixel too many: ½) and ½ (the one that is there: ½)
        tensor(0.7500)
    """
    of, z = pixels(
        "lovasz",
        logits,
        targets,
        classes,
        over,
        class_weight,
        pixel_mask,
        mask,
        weight,
        reduction,
        denominator,
        hard=True,
    )
    if targets.dtype.is_floating_point:
        errors = torch.relu(1 + z * (of.outside - of.inside)) * (of.inside + of.outside)
    else:
        errors = of.rest * of.inside + of.p * of.outside
    return told(of, of.mean(_extended(errors, of)), z)


class Lovasz(Module, of=lovasz):
    """Module of `lovasz`."""

    classes: Classes = "present"
    over: Over = "image"
    class_weight: Tensor | None = None
    reduction: Reduction = "mean"


def _extended(errors: Tensor, of: Pixels) -> Tensor:
    """Return the sum of errors `[..., P, C]`, each times what it adds to the Jaccard loss: `[..., C]`."""
    inside, outside = of.inside, of.outside
    shape = errors.shape[:-2] + errors.shape[-1:]
    if of.over == "batch":
        errors, inside, outside = (t.flatten(0, -2) for t in (errors, inside, outside))
    order = errors.detach().argsort(dim=-2, descending=True, stable=True)
    inside, outside = inside.gather(-2, order), outside.gather(-2, order)
    total = inside.sum(-2, keepdim=True)
    missed = total - inside.cumsum(-2)  # what is left after this one
    union = total + outside.cumsum(-2)
    # A pixel of the mask adds 1 / union; one beside it adds missed · (1 / union before - 1 / union).
    before = union - outside
    added = (missed / torch.where(before > 0, before, 1.0) + (before == 0).to(errors.dtype)) * outside + inside
    weights = added / torch.where(union > 0, union, 1.0)
    return (errors.gather(-2, order) * weights).sum(-2).expand(shape)


SPECS: Final = (
    Spec(
        title="Lovász",
        family="segmentation",
        function=lovasz,
        module=Lovasz,
        summary="Intersection over union itself as a loss, exact at hard masks and convex between them.",
        formula=r"\ell = \sum_i m_{\pi_i} \left(\Delta_J(\pi_1..\pi_i) - \Delta_J(\pi_1..\pi_{i-1})\right),\quad "
        r"m_{\pi_1} \ge m_{\pi_2} \ge \dots",
        slope=r"\frac{\partial \ell}{\partial m_{\pi_i}} = \Delta_J(\pi_1..\pi_i) - \Delta_J(\pi_1..\pi_{i-1})",
        inputs=IMAGES,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=WHICH,
        aliases=("lovasz-softmax", "lovasz-hinge", "lovasz softmax loss", "lovasz hinge loss"),
        equivalents=(
            Equivalent(
                "segmentation-models-pytorch",
                'LovaszLoss("multiclass", per_image=True)(logits, targets)',
                "channels second; Jaccard's steps are differences of running ratios",
            ),
        ),
        convention="Of each image, and over the classes that it has; the authors' takes the whole batch.",
        sources=(
            Source("Berman, Rannen Triki, Blaschko 2018, The Lovász-Softmax loss", "equations 9 and 11"),
            Source("Yu, Blaschko 2015, The Lovász Hinge", "equation 17"),
        ),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
