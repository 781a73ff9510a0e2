"""Losses that ask for a lead and leave alone what has it: hinge, for two classes and for many.

Dimension names: `...` is any shape; C is the number of classes, the last dimension.
"""

from __future__ import annotations

from typing import Final, Literal

import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pointwise import binary, defined
from slopes.kernels.rows import categorical
from slopes.losses.class_targets import IGNORE, cross_entropy_plan


def hinge(
    scores: Tensor,
    targets: Tensor,
    *,
    margin: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return max(0, margin - t s) of each score s and target t of -1 or +1, reduced.

    Args:
        scores: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `scores`, each -1 or +1; from 0 and 1 make 2 * labels - 1.
        margin: Lead that a score must have, at least 0.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the scores' unit, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is neither -1 nor +1, or a weight is negative or not finite.

    Notes:
        The gradient is -t inside the margin and 0 outside, the kink included. torch's hinge_embedding_loss is another
        loss: a distance to be short for +1 and long for -1.

    Examples:
        >>> hinge(torch.tensor([0.3, -2.0]), torch.tensor([1.0, -1.0]), reduction="none")
        tensor([0.7000, 0.0000])
    """
    check.alike("hinge", scores=scores, targets=targets)
    check.constant("hinge", targets=targets)
    margin = check.option("hinge", "margin", margin, FINITE_NON_NEGATIVE)
    plan = reduce.plan(
        "hinge", scores.shape, scores, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    check.signs("hinge", "targets", targets, plan.keep)
    return binary.HINGE.reduced(scores, targets, float(margin), plan=plan)


def multiclass_hinge(
    scores: Tensor,
    targets: Tensor,
    *,
    margin: float = 1.0,
    over: Literal["worst", "all"] = "worst",
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return max(0, margin + s_other - s_target) of each row, for the worst other class, reduced.

    Args:
        scores: `[..., C]`, any floating dtype.
        targets: `[...]` int64 class indices.
        margin: Lead that the target must have, at least 0.
        over: `"worst"` counts the best other class alone (Crammer and Singer); `"all"` sums over the others (Weston and
            Watkins).
        ignore_index: Rows with this target do not count.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the scores' unit, at least 0.

    Raises:
        ShapeError: `targets` does not have the leading shape of `scores`.
        DtypeError: `scores` is not floating, or `targets` is not int64.
        OptionError: An option is outside its domain.
        ValuesError: A class index is out of range, or infinities meet: every class of a row is -∞, or both sides are.

    Notes:
        torch's multi_margin_loss is the sum over the others divided by C. The gradient is +1 on the violating class
        and -1 on the target, 0 at the kink; of several worst classes the first takes it.

    Examples:
        >>> multiclass_hinge(torch.tensor([[2.0, 1.5, 0.0]]), torch.tensor([0]))
        tensor(0.5000)
    """
    check.floating("multiclass_hinge", scores=scores)
    check.dimensions("multiclass_hinge", "scores", scores, "[..., C]", 1)
    check.filled("multiclass_hinge", "scores", scores, "[..., C]")
    margin = check.option("multiclass_hinge", "margin", margin, FINITE_NON_NEGATIVE)
    check.choice("multiclass_hinge", "over", over, ("worst", "all"))
    plan, classes = cross_entropy_plan(
        "multiclass_hinge", scores, targets, mask, weight, reduction, denominator, ignore_index, None, name="scores"
    )
    kernel = categorical.MARGIN if over == "worst" else categorical.MARGINS
    return defined.reduced(kernel, plan, float(margin), scores=scores, targets=classes)


class Hinge(Module, of=hinge):
    """Module of `hinge`."""

    margin: float = 1.0
    reduction: Reduction = "mean"


class MulticlassHinge(Module, of=multiclass_hinge):
    """Module of `multiclass_hinge`."""

    margin: float = 1.0
    over: Literal["worst", "all"] = "worst"
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


SPECS: Final = (
    Spec(
        title="Hinge",
        family="classification",
        function=hinge,
        module=Hinge,
        summary="A decision with a margin; what is beyond it is left in peace.",
        formula=r"\ell = \max(0,\ m - t s)",
        slope=r"\ell' = -t \text{ inside the margin},\ 0 \text{ outside}",
        inputs=(Input("scores", ("...",)), Input("targets", ("...",), "sign")),
        range=NON_NEGATIVE,
        parameters=(Parameter("margin", "lead that is asked for", FINITE_NON_NEGATIVE, "m", slider=(0.0, 3.0, 0.1)),),
        aliases=("svm loss", "margin loss", "max margin"),
        equivalents=(
            Equivalent("Keras", "keras.losses.Hinge()(targets, scores)", "targets first; turns labels 0 into -1"),
            Equivalent("optax", "optax.hinge_loss(scores, targets).mean()"),
            Equivalent("scikit-learn", "sklearn.metrics.hinge_loss(targets, scores)", "targets first"),
        ),
        convention="Targets are -1 and +1; labels 0 and 1 are an error, not a guess.",
        sources=(Source("Cortes, Vapnik 1995, Support-Vector Networks"),),
        elementwise=True,
        smooth="no",
    ),
    Spec(
        title="Multi-class hinge",
        family="classification",
        function=multiclass_hinge,
        module=MulticlassHinge,
        summary="The true class must lead every other by a margin.",
        formula=r"\ell = \max(0,\ m + \max_{j \ne t} s_j - s_t)",
        slope=r"\frac{\partial \ell}{\partial s_t} = -1,\ \frac{\partial \ell}{\partial s_{j^*}} = 1"
        r" \text{ inside the margin}",
        inputs=(Input("scores", ("...", "C")), Input("targets", ("...",), "class_index")),
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("margin", "lead that is asked for", FINITE_NON_NEGATIVE, "m", slider=(0.0, 3.0, 0.1)),
            Parameter("over", "the worst other class, or all", choices=("worst", "all")),
        ),
        aliases=("crammer-singer", "weston-watkins", "multi margin", "multi-class svm"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.multi_margin_loss(scores, targets, margin=margin)",
                'the form over="all", divided by C',
            ),
            Equivalent("scikit-learn", "sklearn.metrics.hinge_loss(targets, scores, labels=labels)", "targets first"),
        ),
        convention="The worst class by default (Crammer and Singer).",
        sources=(
            Source(
                "Crammer, Singer 2001, On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines"
            ),
        ),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
