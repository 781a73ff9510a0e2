"""Losses of classes of which some are rare: what a class is expected to win by follows from its share.

Dimension names: `...` is any shape; C is the number of classes, the last dimension.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.linear_logits import Logits
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import (
    FINITE_POSITIVE,
    NON_NEGATIVE,
    SCALE,
    Domain,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes._core.tensors import wide
from slopes.kernels.rows import adjusted
from slopes.losses.class_targets import IGNORE
from slopes.losses.classes.rows import by_class, check_logits

_BOUNDED: Final = Domain(0.0, 2.0**63)  # with room for a product in float32


def logit_adjusted(
    logits: Logits,
    targets: Tensor,
    prior: Tensor,
    *,
    tau: float = 1.0,
    class_weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the cross-entropy of logits + tau · log prior, of each row, reduced: rare classes have to lead by more.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices.
        prior: `[C]`, share of each class among the training targets, above 0; counts do as well, for a common factor
            cancels. A constant.
        tau: How much the prior counts, in [0, 2^63]; 0 gives cross-entropy, 1 is what theory asks for.
        class_weight: `[C]`, weight of each class, at least 0. The mean divides by the weights of the targets.
        ignore_index: Rows with this target do not count.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `targets` does not have the leading shape of `logits`, or `prior` not one entry for each class.
        DtypeError: `logits` is not floating, or `targets` is not int64.
        OptionError: An option is outside its domain, or `prior` or `class_weight` requires a gradient.
        ValuesError: A class index is out of range, a number of `prior` is not above 0, or every class of a row that
            counts is -∞.

    Notes:
        The bare logits are what predicts afterwards: their largest is the likeliest class where all are as frequent.
        The gradient is that of cross-entropy under the shifted logits, and so smaller for a frequent target. What the
        sum rounds off goes into the exponential too. A class that never occurs has no logarithm: count it as less
        than one, or leave it out of the head. The logits may be `LinearLogits`.

    Examples:
        >>> logits = torch.zeros(1, 2)
        >>> logit_adjusted(logits, torch.tensor([1]), torch.tensor([0.75, 0.25]))  # log 4
        tensor(1.3863)
    """
    tau = check.option("logit_adjusted", "tau", tau, _BOUNDED)
    addends = tau * _checked("logit_adjusted", "prior", prior, logits).log()
    rest = class_weight, ignore_index, mask, weight, reduction, denominator
    pair = adjusted.pair_of(addends, wide(logits.dtype))
    return by_class("logit_adjusted", adjusted.RAISED, logits, targets, *rest, pair)


def balanced_softmax(
    logits: Logits,
    targets: Tensor,
    counts: Tensor,
    *,
    class_weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log(n_t e^(x_t) / Σ n_j e^(x_j)) of each row, n the counts of the classes and t the target, reduced.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices.
        counts: `[C]`, how often each class is a training target, above 0; shares do as well. A constant.
        class_weight: `[C]`, weight of each class, at least 0. The mean divides by the weights of the targets.
        ignore_index: Rows with this target do not count.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `targets` does not have the leading shape of `logits`, or `counts` not one entry for each class.
        DtypeError: `logits` is not floating, or `targets` is not int64.
        OptionError: An option is outside its domain, or `counts` or `class_weight` requires a gradient.
        ValuesError: A class index is out of range, a number of `counts` is not above 0, or every class of a row that
            counts is -∞.

    Notes:
        It is `logit_adjusted` at tau = 1, under the name of those who derive it from a test set where all classes are
        as frequent. The bare logits predict. The logits may be `LinearLogits`.

    Examples:
        >>> balanced_softmax(torch.zeros(1, 2), torch.tensor([1]), torch.tensor([300.0, 100.0]))  # log 4
        tensor(1.3863)
    """
    addends = _checked("balanced_softmax", "counts", counts, logits).log()
    rest = class_weight, ignore_index, mask, weight, reduction, denominator
    pair = adjusted.pair_of(addends, wide(logits.dtype))
    return by_class("balanced_softmax", adjusted.RAISED, logits, targets, *rest, pair)


def ldam(
    logits: Logits,
    targets: Tensor,
    counts: Tensor,
    *,
    max_margin: float = 0.5,
    scale: float = 30.0,
    class_weight: Tensor | None = None,
    ignore_index: int = IGNORE,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the cross-entropy of scale · logits, the target's own lowered by a margin that grows with rarity, reduced.

    Args:
        logits: `[..., C]`, any floating dtype: scores before the softmax. -∞ takes a class out.
        targets: `[...]` int64 class indices.
        counts: `[C]`, how often each class is a training target, above 0; shares do as well. A constant.
        max_margin: Margin of the rarest class, in [0, 2^63]; that of a class with n targets goes with n^(-1/4).
        scale: Multiplies the logits after the margin, in (0, 2^63].
        class_weight: `[C]`, weight of each class, at least 0. The mean divides by the weights of the targets.
        ignore_index: Rows with this target do not count.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `targets` does not have the leading shape of `logits`, or `counts` not one entry for each class.
        DtypeError: `logits` is not floating, or `targets` is not int64.
        OptionError: An option is outside its domain, or `counts` or `class_weight` requires a gradient.
        ValuesError: A class index is out of range, a number of `counts` is not above 0, or every class of a row that
            counts is -∞.

    Notes:
        A margin says something of logits of one size: the paper's are cosines, of normalised features and weights. The
        gradient by a logit is scale (p_j - y_j) under the lowered logits. The paper turns to `class_weight` late in
        training: effective numbers, (1 - β) / (1 - β^n). The logits may be `LinearLogits`.

    Examples:
        >>> counts = torch.tensor([16.0, 1.0])  # margins of 0.25 and 0.5
        >>> ldam(torch.tensor([[0.5, 0.25]]), torch.tensor([0]), counts, scale=1.0)  # log 2
        tensor(0.6931)
    """
    max_margin = check.option("ldam", "max_margin", max_margin, _BOUNDED)
    scale = check.option("ldam", "scale", scale, SCALE)
    shares = _checked("ldam", "counts", counts, logits)
    margins = max_margin * (shares.amin() / shares) ** 0.25
    rest = class_weight, ignore_index, mask, weight, reduction, denominator
    pair = adjusted.pair_of(margins, wide(logits.dtype))
    return by_class("ldam", adjusted.LOWERED, logits, targets, *rest, pair, float(scale))


class LogitAdjusted(Module, of=logit_adjusted):
    """Module of `logit_adjusted`."""

    tau: float = 1.0
    class_weight: Tensor | None = None
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


class BalancedSoftmax(Module, of=balanced_softmax):
    """Module of `balanced_softmax`."""

    class_weight: Tensor | None = None
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


class Ldam(Module, of=ldam):
    """Module of `ldam`."""

    max_margin: float = 0.5
    scale: float = 30.0
    class_weight: Tensor | None = None
    ignore_index: int = IGNORE
    reduction: Reduction = "mean"


def _checked(function: str, name: str, shares: Tensor, logits: Logits) -> Tensor:
    """Check a positive number for each class, and return them in float64."""
    check_logits(function, logits)
    check.floating(function, **{name: shares})
    check.has_shape(function, name, shares, [logits.shape[-1]], "one for each class")
    check.same_device(function, **{name: shares, "logits": logits})
    check.same_precision(function, **{name: shares, "logits": logits})
    check.constant(function, **{name: shares})
    check.within(function, name, shares, FINITE_POSITIVE, "count a class that never occurs as less than one")
    return shares.double()


def _inputs(name: str) -> tuple[Input, ...]:
    targets = Input("targets", ("...",), "class_index")
    return Input("logits", ("...", "C")), targets, Input(name, ("C",), "positive")


SPECS: Final = (
    Spec(
        title="Logit adjustment",
        family="classification",
        function=logit_adjusted,
        module=LogitAdjusted,
        summary="Rare classes count as much as frequent ones: cross-entropy under the logits plus the log prior.",
        formula=r"\ell = -\log \frac{\pi_t^{\tau} e^{x_t}}{\sum_j \pi_j^{\tau} e^{x_j}}",
        slope=r"\frac{\partial \ell}{\partial x_j} = \frac{\pi_j^{\tau} e^{x_j}}{\sum_k \pi_k^{\tau} e^{x_k}} - y_j",
        inputs=_inputs("prior"),
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(Parameter("tau", "how much the prior counts", _BOUNDED, r"\tau", slider=(0.0, 2.0, 0.1)),),
        aliases=("logit adjustment", "logit adjusted loss", "prior correction", "long tail"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.cross_entropy(logits + tau * prior.log(), targets)",
                "the sum is rounded before the exponential",
            ),
        ),
        sources=(Source("Menon et al. 2021, Long-Tail Learning via Logit Adjustment", "equation 10"),),
    ),
    Spec(
        title="Balanced softmax",
        family="classification",
        function=balanced_softmax,
        module=BalancedSoftmax,
        summary="Rare classes count as much as frequent ones: a softmax weighted by the counts.",
        formula=r"\ell = -\log \frac{n_t e^{x_t}}{\sum_j n_j e^{x_j}}",
        slope=r"\frac{\partial \ell}{\partial x_j} = \frac{n_j e^{x_j}}{\sum_k n_k e^{x_k}} - y_j",
        inputs=_inputs("counts"),
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("balanced meta-softmax", "balms"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.cross_entropy(logits + counts.log(), targets)",
                "the sum is rounded before the exponential",
            ),
        ),
        sources=(Source("Ren et al. 2020, Balanced Meta-Softmax for Long-Tailed Visual Recognition", "equation 4"),),
    ),
    Spec(
        title="LDAM",
        family="classification",
        function=ldam,
        module=Ldam,
        summary="Rare classes must lead by more: a margin that goes with the fourth root of rarity.",
        formula=r"\ell = -\log \frac{e^{s(x_t - \Delta_t)}}{e^{s(x_t - \Delta_t)} + \sum_{j \ne t} e^{s x_j}},"
        r"\quad \Delta_j = m \left(\frac{\min n}{n_j}\right)^{1/4}",
        slope=r"\frac{\partial \ell}{\partial x_j} = s (p_j - y_j)",
        inputs=_inputs("counts"),
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("max_margin", "margin of the rarest", _BOUNDED, "m", slider=(0.0, 1.0, 0.05)),
            Parameter("scale", "multiplies the logits", SCALE, "s", slider=(1.0, 60.0, 1.0)),
        ),
        aliases=("label-distribution-aware margin", "ldam-drw"),
        equivalents=(
            Equivalent("the authors", "LDAMLoss(counts, max_margin, s=scale)(logits, targets)", "margins in float32"),
        ),
        sources=(Source("Cao et al. 2019, Learning Imbalanced Datasets with LDAM", "equations 12 and 13"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
