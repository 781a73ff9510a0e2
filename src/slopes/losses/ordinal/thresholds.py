"""Losses of classes that have an order, by logits of the K - 1 thresholds between them.

Dimension names: `...` is any shape; K classes, counted from 0 to K - 1; threshold k lies between classes k and k + 1.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

from slopes._core import check, numerics, reduce
from slopes._core.module import Module
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import NON_NEGATIVE, Domain, Equivalent, Input, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def coral(
    logits: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return Σ_k -log σ(±logit_k), + where the target lies above threshold k and - elsewhere, of each row, reduced.

    Args:
        logits: `[..., K-1]`, any floating dtype: of "the class is above k", as `CoralHead` gives them.
        targets: `[...]` int64 classes, from 0 to K - 1.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `targets` does not have the leading shape of `logits`, or there is no threshold.
        DtypeError: `logits` is not floating, or `targets` not int64.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A class is out of range, or `weight` is negative or not finite.

    Notes:
        The gradient by each logit is σ(logit_k) - [target > k]. With one weight vector and a bias for each threshold
        the optimum has the biases in order, and then chances fall with k; logits of a free linear layer may cross.
        `ordinal_rank` gives the class back.

    Examples:
        >>> coral(torch.zeros(1, 3), torch.tensor([2])).item()  # three coins
        2.079441...
    """
    plan, targets = _checked("coral", logits, targets, mask, weight, reduction, denominator)
    return defined.reduced(_CORAL, plan, logits=logits, targets=targets)


def corn(
    logits: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return Σ -log σ(±logit_k) over the thresholds k up to the target, + where it lies above k, of each row, reduced.

    Args:
        logits: `[..., K-1]`, any floating dtype: of "the class is above k, given that it is at least k".
        targets: `[...]` int64 classes, from 0 to K - 1.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0: -log of the chance of the target.

    Raises:
        ShapeError: `targets` does not have the leading shape of `logits`, or there is no threshold.
        DtypeError: `logits` is not floating, or `targets` not int64.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A class is out of range, or `weight` is negative or not finite.

    Notes:
        Chances are products of conditional ones, so that they fall with k whatever the logits are: any linear layer of
        K - 1 outputs does for a head. coral-pytorch divides by the number of thresholds that were asked about; pass
        it as `denominator`: (targets + 1).clamp(max=K - 1).sum(). `ordinal_rank(logits, conditional=True)` gives the
        class back.

    Examples:
        >>> corn(torch.zeros(3, 3), torch.tensor([0, 1, 3]), reduction="none")  # one coin, two, and all three
        tensor([0.6931, 1.3863, 2.0794])
    """
    plan, targets = _checked("corn", logits, targets, mask, weight, reduction, denominator)
    return defined.reduced(_CORN, plan, logits=logits, targets=targets)


def ordinal_rank(logits: Tensor, *, conditional: bool = False) -> Tensor:
    """Return the class of each row: how many thresholds it is above with a chance of more than a half.

    Args:
        logits: `[..., K-1]`, of `coral`, of `corn` (conditional ones), or scores.unsqueeze(-1) - thresholds of
            `cumulative_link`; any floating dtype; it has no gradient here, a constant.
        conditional: Whether each logit is given that the class is at least k, as in `corn`: chances are multiplied up.

    Returns:
        `[...]` int64, from 0 to K - 1.

    Raises:
        ShapeError: `logits` has no last dimension.
        DtypeError: `logits` is not floating.
        OptionError: `conditional` is neither True nor False.

    Notes:
        It is the median of the predicted distribution, and so the guess with the least absolute error.

    Examples:
        >>> ordinal_rank(torch.tensor([[3.0, 0.2, -1.0]]))
        tensor([2])
        >>> ordinal_rank(torch.tensor([[0.5, 0.5, 3.0]]), conditional=True)  # 0.62, then 0.62² < 1/2
        tensor([1])
    """
    check.floating("ordinal_rank", logits=logits)
    check.dimensions("ordinal_rank", "logits", logits, "[..., K-1]", 1)
    check.flag("ordinal_rank", "conditional", conditional)
    x = logits.detach().to(wide(logits.dtype))
    if conditional:
        return (F.logsigmoid(x).cumsum(-1) > -numerics.LOG_2).sum(-1)
    return (x > 0).sum(-1)


class Coral(Module, of=coral):
    """Module of `coral`."""

    reduction: Reduction = "mean"


class Corn(Module, of=corn):
    """Module of `corn`."""

    reduction: Reduction = "mean"


def _checked(
    function: str,
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> tuple[Plan, Tensor]:
    """Check logits of thresholds and classes; return the plan, and classes in range where rows are left out."""
    check.floating(function, logits=logits)
    check.dimensions(function, "logits", logits, "[..., K-1]", 1)
    check.filled(function, "logits", logits, "[..., K-1]", "a head of K classes has K - 1 outputs")
    check.integers(function, "targets", targets, logits.shape[:-1], "classes, the shape of `logits` without its last")
    check.same_device(function, logits=logits, targets=targets)
    plan = reduce.plan(
        function, targets.shape, logits, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    targets = plan.neutral(targets)
    check.in_range(function, "targets", targets, logits.shape[-1] + 1, fix="K - 1 logits have K classes, from 0 on")
    return plan, targets


def _sides(x: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the number of each threshold, and of each its loss and its slope."""
    place = torch.arange(x.shape[-1], device=x.device)
    return place, *numerics.log_loss(x, place < t.unsqueeze(-1))


def _coral(x: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, None]]:
    _, loss, slope = _sides(x, t)
    return loss.sum(-1), (slope, None)


def _corn(x: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, None]]:
    place, loss, slope = _sides(x, t)
    asked = place <= t.unsqueeze(-1)
    return torch.where(asked, loss, 0.0).sum(-1), (torch.where(asked, slope, 0.0), None)


_CORAL: Final = Pointwise.sharing("Coral", _coral, tensors=2, rows=True)
_CORN: Final = Pointwise.sharing("Corn", _corn, tensors=2, rows=True)
_THRESHOLDS: Final = (Input("logits", ("...", "K-1")), Input("targets", ("...",), "class_index"))

SPECS: Final = (
    Spec(
        title="CORAL",
        family="ordinal",
        function=coral,
        module=Coral,
        summary="Grades by one yes or no for each threshold, with one weight vector for all.",
        formula=r"\ell = -\sum_k \left([y > k]\log\sigma(x_k) + [y \le k]\log\sigma(-x_k)\right)",
        slope=r"\frac{\partial \ell}{\partial x_k} = \sigma(x_k) - [y > k]",
        inputs=_THRESHOLDS,
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("coral loss", "rank consistent ordinal regression", "extended binary classification"),
        equivalents=(
            Equivalent(
                "coral-pytorch",
                "coral_pytorch.losses.coral_loss(logits, levels_from_labelbatch(targets, K))",
                "takes levels; a mean over rows",
            ),
        ),
        sources=(Source("Cao, Mirjalili, Raschka 2020, Rank Consistent Ordinal Regression", "equation 5"),),
    ),
    Spec(
        title="CORN",
        family="ordinal",
        function=corn,
        module=Corn,
        summary="Grades by one yes or no after the other, each asked of those who are at least so far.",
        formula=r"\ell = -\sum_{k < y} \log\sigma(x_k) - [y < K - 1]\log\sigma(-x_y)",
        slope=r"\frac{\partial \ell}{\partial x_k} = [y \ge k]\,(\sigma(x_k) - [y > k])",
        inputs=_THRESHOLDS,
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("corn loss", "conditional ordinal regression", "continuation ratio", "sequential ordinal"),
        equivalents=(
            Equivalent(
                "coral-pytorch",
                "coral_pytorch.losses.corn_loss(logits, targets, K)",
                "divides by the number of thresholds that were asked about",
            ),
        ),
        convention="The mean is over rows; the number of thresholds asked about is a denominator.",
        sources=(Source("Shi, Cao, Raschka 2021, Deep Neural Networks for Rank-Consistent Ordinal Regression"),),
    ),
    Spec(
        title="Rank of ordinal logits",
        tool=True,
        family="ordinal",
        function=ordinal_rank,
        summary="The class that logits of thresholds stand for.",
        formula=r"\hat y = \#\{k : P(y > k) > \tfrac12\}",
        inputs=(Input("logits", ("...", "K-1")),),
        output=("...",),
        range=Domain(low=0.0, high_open=True),
        aliases=("rank from logits", "ordinal prediction", "label from logits"),
        equivalents=(
            Equivalent(
                "coral-pytorch",
                "coral_pytorch.dataset.corn_label_from_logits(logits)",
                "conditional; proba_to_label(logits.sigmoid()) for coral",
            ),
        ),
        sources=(Source("Cao, Mirjalili, Raschka 2020, Rank Consistent Ordinal Regression", "equation 1"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
