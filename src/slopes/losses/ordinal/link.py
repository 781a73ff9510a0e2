"""The proportional odds of ordered classes: one score, and thresholds that cut its line into pieces.

Dimension names: `...` is any shape; K classes, counted from 0 to K - 1, with K - 1 thresholds between them.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, numerics, reduce
from slopes._core.differences import difference
from slopes._core.errors import ValuesError
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.settings import reads_values
from slopes._core.spec import FINITE, NON_NEGATIVE, Equivalent, Input, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def cumulative_link(
    scores: Tensor,
    thresholds: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log(σ(upper - score) - σ(lower - score)) of each score, between the thresholds of its target, reduced.

    Args:
        scores: `[...]`, any floating dtype: the larger, the higher the class.
        thresholds: `[K-1]`, finite and increasing, as `OrderedThresholds` gives them; they are learned too.
        targets: `[...]` int64 classes, from 0 to K - 1: class k lies between thresholds k - 1 and k.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0: -log of the chance of the target.

    Raises:
        ShapeError: `thresholds` is not `[K-1]`, or `targets` does not have the shape of `scores`.
        DtypeError: `targets` is not int64, another argument not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: Thresholds are infinite or do not increase, a class is out of range, `weight` is negative or not
            finite, or infinities meet.

    Notes:
        It is log(1 + e^-u) + log(1 + e^l) - log(1 - e^(l - u)), u and l the distances to the thresholds above and
        below: nothing cancels where both sigmoids round to 1. spacecutter subtracts them and clamps at 1e-15, where
        the gradient is 0. The gradient by the score is σ(-u) - σ(l).
        `ordinal_rank(scores.unsqueeze(-1) - thresholds)` gives the class back.

    Examples:
        >>> cumulative_link(torch.zeros(3), torch.tensor([-1.0, 1.0]), torch.tensor([0, 1, 2]), reduction="none")
        tensor([1.3133, 0.7719, 1.3133])
    """
    check.floating("cumulative_link", scores=scores, thresholds=thresholds)
    check.same_precision("cumulative_link", scores=scores, thresholds=thresholds)
    check.has_shape("cumulative_link", "thresholds", thresholds, [thresholds.numel()], "[K-1], the same for all rows")
    check.filled("cumulative_link", "thresholds", thresholds, "[K-1]", "K classes have K - 1 thresholds")
    check.integers("cumulative_link", "targets", targets, scores.shape, "classes, the shape of `scores`")
    check.same_device("cumulative_link", scores=scores, thresholds=thresholds, targets=targets)
    plan = reduce.plan(
        "cumulative_link", scores.shape, scores, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    _check_order(thresholds)
    classes, count = plan.neutral(targets), thresholds.shape[0] + 1
    check.in_range("cumulative_link", "targets", classes, count, fix="K - 1 thresholds have K classes, from 0 on")
    wider = thresholds.to(wide(thresholds.dtype))  # by which the gradients of all rows are added up
    lower = torch.where(classes == 0, -torch.inf, wider[(classes - 1).clamp(min=0)])
    upper = torch.where(classes == count - 1, torch.inf, wider[classes.clamp(max=count - 2)])
    return defined.reduced(_CUMULATIVE_LINK, plan, scores=scores, lower=lower, upper=upper, number=classes + 1)


class CumulativeLink(Module, of=cumulative_link):
    """Module of `cumulative_link`."""

    reduction: Reduction = "mean"


def _check_order(thresholds: Tensor) -> None:
    """Raise `ValuesError` unless the thresholds are finite and increase."""
    check.within("cumulative_link", "thresholds", thresholds, FINITE, "start them at finite numbers")
    if not reads_values(thresholds):
        return
    falls = thresholds.detach().diff() <= 0
    if bool(falls.any()):
        at = int(falls.nonzero()[0, 0])
        first, second = (thresholds[i].item() for i in (at, at + 1))
        message = (
            f"cumulative_link: `thresholds` holds {first:.6g} before {second:.6g}, expected increasing numbers; sort "
            f"them, or let OrderedThresholds learn them, whose gaps stay above 0."
        )
        raise ValuesError(message)


def _cumulative_link(
    s: Tensor, lower: Tensor, upper: Tensor, number: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, None]]:
    (u, u_low), (below, below_low) = difference(upper, s), difference(lower, s)
    _, over, e = numerics.logistic(u, u_low)
    under, _, f = numerics.logistic(below, below_low)
    gap = torch.where(number > 0, upper - lower, 1.0)  # 0 is the number of what does not count
    value = (numerics.softplus(-u, e) + numerics.softplus(below, f)) - numerics.log1mexp(-gap)
    apart = 1 / torch.expm1(gap)
    return value, (over - under, under + apart, -over - apart, None)


_CUMULATIVE_LINK: Final = Pointwise.sharing("CumulativeLink", _cumulative_link, tensors=4)

SPECS: Final = (
    Spec(
        title="Cumulative link (proportional odds)",
        family="ordinal",
        function=cumulative_link,
        module=CumulativeLink,
        summary="One score and learned thresholds: grades as pieces of a line.",
        formula=r"\ell = -\log\left(\sigma(\theta_y - s) - \sigma(\theta_{y-1} - s)\right),"
        r"\quad \theta_{-1} = -\infty,\ \theta_{K-1} = \infty",
        slope=r"\frac{\partial \ell}{\partial s} = \sigma(s - \theta_y) - \sigma(\theta_{y-1} - s)",
        inputs=(Input("scores", ("...",)), Input("thresholds", ("K-1",)), Input("targets", ("...",), "class_index")),
        range=NON_NEGATIVE,
        aliases=("proportional odds", "ordered logit", "ordinal logistic regression", "cumulative logit"),
        equivalents=(
            Equivalent(
                "spacecutter",
                "spacecutter.losses.CumulativeLinkLoss()(LogisticCumulativeLink(K)(scores), targets)",
                "takes probabilities, clamped at 1e-15",
            ),
            Equivalent("statsmodels", "OrderedModel(targets, features, distr='logit').fit()", "fits linear scores"),
        ),
        sources=(Source("McCullagh 1980, Regression Models for Ordinal Data", "section 2"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
