"""What the losses of overlap share: checks, the soft counts of each class, and the mean over classes.

Dimension names: `...` are images; P is the number of pixels of one, C of classes, always last.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor

from slopes._core import check, reduce, suspicion
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, UNIT, Domain, Input, Parameter
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.ratio import SHARE
from slopes.kernels.rows import complements
from slopes.losses.class_targets import class_weight_of

Classes = Literal["all", "present"]
Over = Literal["image", "batch"]
CLASSES: Final = ("all", "present")
OVER: Final = ("image", "batch")


class Pixels(NamedTuple):
    """Pixels of classes: probabilities `[..., P, C]` and what is left of 1, and how far each is in its mask, and out.

    `inside` and `outside` are both 0 where a pixel does not count. `weight` is that of the classes, `plan` of images.
    """

    p: Tensor
    rest: Tensor
    inside: Tensor
    outside: Tensor
    plan: Plan
    weight: Tensor | None
    classes: Classes
    over: Over

    def sums(self, entries: Tensor) -> Tensor:
        """Return the sums over pixels, `[..., C]`, of each image or of the whole batch for each."""
        found = entries.sum(-2)
        return found if self.over == "image" else found.sum(tuple(range(found.dim() - 1))).expand(found.shape)

    def weights(self) -> Tensor:
        """Return what each class counts for in each image, `[..., C]`."""
        size = self.sums(self.inside.detach())
        kept = torch.ones_like(size) if self.classes == "all" else (size > 0).to(size.dtype)
        return kept if self.weight is None else kept * self.weight

    def mean(self, losses: Tensor) -> Tensor:
        """Return the weighted mean over classes of losses `[..., C]`; 0 where no class counts."""
        weights = self.weights()
        total = weights.sum(-1)
        found = (torch.where(weights > 0, losses, 0.0) * weights).sum(-1)
        return found / torch.where(total > 0, total, 1.0)


def pixels(
    function: str,
    logits: Tensor,
    targets: Tensor,
    classes: Classes,
    over: Over,
    class_weight: Tensor | None,
    pixel_mask: Tensor | None,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *,
    hard: bool = False,
) -> tuple[Pixels, Tensor]:
    """Check what all of these losses take; return pixels, and the logits without those that do not count."""
    check.choice(function, "classes", classes, CLASSES)
    check.choice(function, "over", over, OVER)
    check.tensor(function, logits=logits, targets=targets)
    several = not targets.dtype.is_floating_point
    if several:
        if targets.shape == logits.shape:  # one mask, whose targets are shares
            check.floating(function, targets=targets)
        check.floating(function, logits=logits)
        check.dimensions(function, "logits", logits, "[..., P, C]", 2)
        check.filled(function, "logits", logits, "[..., P, C]")
        check.integers(function, "targets", targets, logits.shape[:-1], "the class of each pixel; classes come last")
        check.same_device(function, logits=logits, targets=targets)
    else:
        check.alike(function, logits=logits, targets=targets)
        check.dimensions(function, "logits", logits, "[..., P]", 1)
    shape = logits.shape[:-1] if several else logits.shape
    like = logits if several else logits.unsqueeze(-1)
    own = class_weight_of(function, class_weight, like)
    plan = reduce.plan(
        function, shape[:-1], logits, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    counted = _counted(function, pixel_mask, shape, logits, plan)
    _check_targets(function, targets, like, counted, hard=hard)
    if counted is not None:
        like = torch.where(counted.unsqueeze(-1), like, 0.0)
        targets = torch.where(counted, targets, 0)
    z = like.to(wide(logits.dtype))
    p, rest = complements.of_classes(z) if several else complements.of_logit(z)
    kind = torch.arange(z.shape[-1], device=z.device)
    inside = (targets.unsqueeze(-1) == kind).to(z.dtype) if several else targets.to(z.dtype).unsqueeze(-1)
    outside = 1 - inside
    if counted is not None:
        inside, outside = (torch.where(counted.unsqueeze(-1), t, 0.0) for t in (inside, outside))
    return Pixels(p, rest, inside, outside, plan, own, classes, over), z


def _counted(function: str, pixel_mask: Tensor | None, shape: torch.Size, logits: Tensor, plan: Plan) -> Tensor | None:
    """Return which pixels count, None where all do."""
    if pixel_mask is not None:
        check.boolean(function, "pixel_mask", pixel_mask, shape, "the shape of `targets`; True where a pixel counts")
        check.same_device(function, pixel_mask=pixel_mask, logits=logits)
    if plan.keep is None:
        return pixel_mask
    images = plan.keep.unsqueeze(-1).expand(shape)
    return images if pixel_mask is None else pixel_mask & images


def _check_targets(function: str, targets: Tensor, like: Tensor, counted: Tensor | None, *, hard: bool) -> None:
    """Check the values of targets that count."""
    if not targets.dtype.is_floating_point:
        looked_up = targets if counted is None else torch.where(counted, targets, 0)
        fix = "leave ignored pixels out with pixel_mask, for example targets != 255"
        check.in_range(function, "targets", looked_up, like.shape[-1], fix=fix)
        suspicion.not_probabilities(function, like, rows=True, keep=counted)
    elif hard:
        check.constant(function, targets=targets)
        check.hard_labels(function, "targets", targets, counted)
    else:
        fix = "divide a mask of 0 and 255 by 255"
        check.within(function, "targets", targets, UNIT, fix, counted)


def overlap(of: Pixels, alpha: float, beta: float, smooth: float) -> Tensor:
    """Return 1 - Tversky index of each class, `[..., C]`: errors / (errors + hits), of sums that nothing cancels in."""
    errors = alpha * of.sums(of.p * of.outside) + beta * of.sums(of.rest * of.inside)
    return SHARE(errors, of.sums(of.p * of.inside) + smooth)


def told(of: Pixels, loss: Tensor, logits: Tensor) -> Tensor:
    """Return the loss of images, reduced; say where it has no value, if values may be read."""
    found = of.plan.apply(loss)
    if logits.shape[-1] > 1:
        defined.scored(of.plan.function, found, logits, torch.ones_like(logits[..., 0], dtype=torch.bool))
    return defined.told(found, of.plan, logits=logits)


IMAGES: Final = (
    Input("logits", ("...", "P", "C")),
    Input("targets", ("...", "P"), "class_index"),
    Input("pixel_mask", ("...", "P"), "boolean", optional=True),
)
WHICH: Final = (
    Parameter("classes", "which classes the mean is over", choices=CLASSES),
    Parameter("over", "whether overlaps are of an image or of the batch", choices=OVER),
)
# What one kind of error costs: with room for the sum over all pixels in float32.
PRICE: Final = Domain(0.0, 2.0**63)
SMOOTH: Final = Parameter(
    "smooth", "pixels of agreement that are given", FINITE_NON_NEGATIVE, "s", slider=(0.0, 5.0, 0.1)
)
