"""Losses of many labels that do not exclude each other, one number for each row of labels.

Dimension names: `...` is any shape; C is the number of labels, the last dimension.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce, suspicion
from slopes._core.differences import difference
from slopes._core.linear_logits import Logits
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, NON_NEGATIVE, UNIT, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pointwise import binary, defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.classes.rows import check_logits


def multilabel_soft_margin(
    logits: Logits,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the mean of -t log σ(x) - (1 - t) log σ(-x) over the labels of each row, reduced over the rows.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the sigmoid, one for each label.
        targets: `[..., C]`, the shape of `logits`, in [0, 1].
        mask: `[...]` boolean, True where a row counts.
        weight: `[...]`, weight of each row, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats for each label, at least 0.

    Raises:
        ShapeError: `targets` does not have the shape of `logits`, or there are no labels.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A target is outside [0, 1], or a weight is negative or not finite.

    Notes:
        It is `binary_cross_entropy` with a row for a unit: mask and weight are of rows, where there they are of
        labels. The gradient is (σ(x) - t) / C, and so a label pulls less in a row that has more of them. The logits
        may be `LinearLogits`.

    Examples:
        >>> multilabel_soft_margin(torch.tensor([[0.0, 0.0, 50.0]]), torch.tensor([[1.0, 0.0, 1.0]]))  # 2 log 2 / 3
        tensor(0.4621)
    """
    function = "multilabel_soft_margin"
    check_logits(function, logits)
    check.floating(function, targets=targets)
    check.has_shape(function, "targets", targets, logits.shape, "the shape of `logits`, a number for each label")
    check.same_device(function, targets=targets, logits=logits)
    check.same_precision(function, targets=targets, logits=logits)
    rows = logits.shape[:-1]
    plan = reduce.plan(function, rows, logits, mask=mask, weight=weight, reduction=reduction, denominator=denominator)
    keep = None if plan.keep is None else plan.keep.unsqueeze(-1).expand_as(targets)
    check.within(function, "targets", targets, UNIT, "pass labels 0 and 1, or probabilities", keep)
    suspicion.not_probabilities(function, logits, rows=False, keep=keep)
    return defined.reduced(_SOFT_MARGIN, plan, logits=logits, targets=targets)


def multilabel_margin(
    scores: Tensor,
    targets: Tensor,
    *,
    margin: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return Σ max(0, margin - (s_i - s_j)) / C over labels i that apply and j that do not, of each row, reduced.

    Args:
        scores: `[..., C]`, any floating dtype.
        targets: `[..., C]` boolean, True where a label applies.
        margin: Lead of each label that applies over each that does not, at least 0.
        mask: `[...]` boolean, True where a row counts.
        weight: `[...]`, weight of each row, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the scores' unit, at least 0.

    Raises:
        ShapeError: `targets` does not have the shape of `scores`, or there are no labels.
        DtypeError: `scores` is not floating, or `targets` is not boolean.
        OptionError: An option is outside its domain.
        ValuesError: A weight is negative or not finite, or infinite scores meet.

    Notes:
        A row of which no label applies, or every one, costs 0. The gradient counts the pairs inside the margin: minus
        so many / C for a label that applies, plus for one that does not, 0 at the kink. Pairs are made a few labels at
        a time: never more than 4,096 of a row, or C. torch takes the indices of the labels, int64 rows that end in -1.

    Examples:
        >>> scores = torch.tensor([[0.1, 0.2, 0.4, 0.8]])
        >>> multilabel_margin(scores, torch.tensor([[True, False, False, True]]))  # (1.1 + 1.3 + 0.4 + 0.6) / 4
        tensor(0.8500)
    """
    function = "multilabel_margin"
    check.floating(function, scores=scores)
    check.dimensions(function, "scores", scores, "[..., C]", 1)
    check.filled(function, "scores", scores, "[..., C]")
    margin = check.option(function, "margin", margin, FINITE_NON_NEGATIVE)
    check.boolean(function, "targets", targets, scores.shape, "True where a label applies")
    check.same_device(function, targets=targets, scores=scores)
    rows = scores.shape[:-1]
    plan = reduce.plan(function, rows, scores, mask=mask, weight=weight, reduction=reduction, denominator=denominator)
    return defined.reduced(_MARGIN, plan, float(margin), scores=scores, targets=targets.to(scores.dtype))


class MultilabelSoftMargin(Module, of=multilabel_soft_margin):
    """Module of `multilabel_soft_margin`."""

    reduction: Reduction = "mean"


class MultilabelMargin(Module, of=multilabel_margin):
    """Module of `multilabel_margin`."""

    margin: float = 1.0
    reduction: Reduction = "mean"


def _soft_margin(x: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    value, (by_x, by_t) = binary.CROSS_ENTROPY.both(x, t, 1.0)
    labels = x.shape[-1]
    return value.sum(-1) / labels, (by_x / labels, by_t / labels)


_AT_ONCE: Final = 4096  # pairs of a row


def _margin(s: Tensor, t: Tensor, margin: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return the sum over pairs, a few of the labels that apply at a time: all pairs at once grow with C²."""
    labels = s.shape[-1]
    step = max(_AT_ONCE // labels, 1)
    value, by_other = torch.zeros_like(s[..., 0]), torch.zeros_like(s)
    by_own: list[Tensor] = []
    for start in range(0, labels, step):
        own, applies = (v[..., start : start + step].unsqueeze(-1) for v in (s, t))
        high, low = difference(own, s.unsqueeze(-2))
        counts = (applies > 0) & (t.unsqueeze(-2) == 0)
        short = torch.where(counts, ((margin - high) - low).clamp(min=0), 0.0)
        active = short.sign()
        value = value + short.sum((-2, -1))
        by_other = by_other + active.sum(-2)
        by_own.append(active.sum(-1))
    return value / labels, ((by_other - torch.cat(by_own, -1)) / labels, None)


_SOFT_MARGIN: Final = Pointwise.sharing("MultilabelSoftMargin", _soft_margin, tensors=2, rows=True)
_MARGIN: Final = Pointwise.sharing("MultilabelMargin", _margin, tensors=2, rows=True)

SPECS: Final = (
    Spec(
        title="Multi-label soft margin",
        family="classification",
        function=multilabel_soft_margin,
        module=MultilabelSoftMargin,
        summary="Cross-entropy of many yes or no, a mean over the labels of each row.",
        formula=r"\ell = -\frac{1}{C} \sum_j t_j \log \sigma(x_j) + (1 - t_j) \log \sigma(-x_j)",
        slope=r"\frac{\partial \ell}{\partial x_j} = \frac{\sigma(x_j) - t_j}{C}",
        inputs=(Input("logits", ("...", "C")), Input("targets", ("...", "C"), "probability")),
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("multi-label cross-entropy", "multilabel soft margin loss", "multi-label bce"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.multilabel_soft_margin_loss(logits, targets)", "broadcasts"),
        ),
        convention="A mean over the labels, as torch has it; weights of labels are binary_cross_entropy's.",
        sources=(Source("Zhang, Zhou 2006, Multilabel Neural Networks, section 3"),),
    ),
    Spec(
        title="Multi-label margin",
        family="classification",
        function=multilabel_margin,
        module=MultilabelMargin,
        summary="Each label that applies must lead each that does not, by a margin.",
        formula=r"\ell = \frac{1}{C} \sum_{i \in T} \sum_{j \notin T} \max(0,\ m - (s_i - s_j))",
        slope=r"\frac{\partial \ell}{\partial s_i} = -\frac{1}{C}\left|\{j \notin T : s_i - s_j < m\}\right|,\ i \in T",
        inputs=(Input("scores", ("...", "C")), Input("targets", ("...", "C"), "boolean")),
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(Parameter("margin", "lead that is asked for", FINITE_NON_NEGATIVE, "m", slider=(0.0, 3.0, 0.1)),),
        aliases=("multi-label hinge", "multilabel margin loss", "multilabel ranking hinge"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.multilabel_margin_loss(scores, targets.int().argsort(-1, descending=True)"
                ".where(targets.sort(-1, descending=True)[0], -1))",
                "takes indices that end in -1; a margin of 1",
            ),
        ),
        convention="Targets are booleans; divided by C, as torch has it.",
        sources=(Source("Elisseeff, Weston 2001, A Kernel Method for Multi-Labelled Classification"),),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
