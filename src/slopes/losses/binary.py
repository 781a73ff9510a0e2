"""Losses on one logit per label: binary cross-entropy, focal and asymmetric; one label or many.

Dimension names: `...` is any shape; K is the number of labels, the last dimension.
"""

from __future__ import annotations

from typing import Final

import torch.fx
from torch import Tensor

from slopes._core import check, reduce, suspicion
from slopes._core.module import Module
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import (
    FINITE_NON_NEGATIVE,
    NON_NEGATIVE,
    UNIT,
    Domain,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes.kernels.pointwise import binary


def binary_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    pos_weight: Tensor | float | None = None,
    label_smoothing: float = 0.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -t log σ(x) - (1 - t) log σ(-x) of each logit x and target t, reduced.

    Args:
        logits: `[...]`, any floating dtype: scores before the sigmoid.
        targets: `[...]`, the shape of `logits`, in [0, 1]; soft targets are welcome.
        pos_weight: Factor of the positive term, at least 0: a number, `[K]` with one for each label, or `[...]` with
            one for each logit. The number of negatives over that of positives balances them.
        label_smoothing: Share ε of each target that is spread over yes and no, in [0, 1]: t becomes (1 - ε) t + ε/2.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain.
        ValuesError: A target is outside [0, 1], or a weight is negative or not finite.

    Notes:
        The gradient by the logit is σ(x) - t, computed without the difference: for a target of 1 it is -σ(-x), which
        keeps its digits where σ(x) rounds to 1. An infinite logit on the right side costs 0. `pos_weight` multiplies
        the positive term and does not enter the divisor of the mean, as in torch; one of 0 leaves the term out,
        whatever the logit. Smoothing is Keras'; with it the right side costs too, and without end.

    Examples:
        >>> binary_cross_entropy(torch.tensor([3.0, -2.5, -3.5]), torch.tensor([1.0, 0.0, 1.0]))
        tensor(1.2191)
    """
    check.alike("binary_cross_entropy", logits=logits, targets=targets)
    plan = _plan("binary_cross_entropy", logits, mask, weight, reduction, denominator)
    check.within("binary_cross_entropy", "targets", targets, UNIT, "pass labels 0 and 1, or probabilities", plan.keep)
    suspicion.not_probabilities("binary_cross_entropy", logits, rows=False, keep=plan.keep)
    label_smoothing = float(check.option("binary_cross_entropy", "label_smoothing", label_smoothing, UNIT))
    if pos_weight is not None:
        check.no_list("binary_cross_entropy", "pos_weight", pos_weight, alone=True)
    if isinstance(pos_weight, Tensor):
        return binary.WEIGHTED.reduced(logits, targets, _per_label(pos_weight, logits), label_smoothing, plan=plan)
    if pos_weight is not None:
        pos_weight = check.option("binary_cross_entropy", "pos_weight", pos_weight, FINITE_NON_NEGATIVE)
    factor = 1.0 if pos_weight is None else float(pos_weight)
    return binary.CROSS_ENTROPY.reduced(logits, targets, factor, label_smoothing, plan=plan)


def focal(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma: float = 2.0,
    alpha: float | None = None,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return α_t (1 - p_t)^γ (-log p_t) of each logit, p_t the probability of its label, reduced.

    Args:
        logits: `[...]`, any floating dtype: scores before the sigmoid; one per label for multi-label tasks.
        targets: `[...]`, the shape of `logits`, each 0 or 1.
        gamma: How much easy examples are turned down, at least 0; 0 gives binary cross-entropy.
        alpha: Weight of the positives, in [0, 1]; negatives weigh 1 - alpha. None weighs both 1.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is neither 0 nor 1, or a weight is negative or not finite.

    Notes:
        At gamma = 2 an example with p_t = 0.9 weighs 100 times less than under cross-entropy. The gradient is
        analytic and finite for every gamma, also below 1 on saturated logits. torchvision defaults to alpha = 0.25
        and to reduction = "none"; the paper divides the sum by the number of positives: `denominator=` does that.

    Examples:
        >>> focal(torch.tensor([0.9]).logit(), torch.tensor([1.0])).item()
        0.00105...
    """
    plan = _hard("focal", logits, targets, mask, weight, reduction, denominator)
    gamma = check.option("focal", "gamma", gamma, FINITE_NON_NEGATIVE)
    if alpha is not None:
        alpha = check.option("focal", "alpha", alpha, UNIT)
    return binary.FOCAL.reduced(logits, targets, float(gamma), -1.0 if alpha is None else float(alpha), plan=plan)


def asymmetric(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_negative: float = 4.0,
    gamma_positive: float = 1.0,
    clip: float = 0.05,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the asymmetric loss of each logit: one focusing for positives, another for negatives, reduced.

    Args:
        logits: `[...]`, any floating dtype: scores before the sigmoid, one per label.
        targets: `[...]`, the shape of `logits`, each 0 or 1.
        gamma_negative: How much easy negatives are turned down, at least 0.
        gamma_positive: How much easy positives are turned down, at least 0.
        clip: Probability by which negatives are shifted: those below it cost nothing. In [0, 1).
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is neither 0 nor 1, or a weight is negative or not finite.

    Notes:
        With p = σ(x) a positive costs -(1 - p)^gamma_positive log p, a negative -m^gamma_negative log(1 - m) with m =
        max(p - clip, 0). With equal gammas and clip = 0 it is `focal`. The authors' code sums over everything, stops
        the gradient through the focusing factor only on request, and adds 1e-8 inside the logarithms.

    Examples:
        >>> asymmetric(torch.tensor([-4.0, 4.0]), torch.tensor([0.0, 1.0]), reduction="none")
        tensor([0.0000, 0.0003])
    """
    plan = _hard("asymmetric", logits, targets, mask, weight, reduction, denominator)
    gamma_negative = check.option("asymmetric", "gamma_negative", gamma_negative, FINITE_NON_NEGATIVE)
    gamma_positive = check.option("asymmetric", "gamma_positive", gamma_positive, FINITE_NON_NEGATIVE)
    clip = check.option("asymmetric", "clip", clip, Domain(0.0, 1.0, high_open=True))
    options = float(gamma_negative), float(gamma_positive), float(clip)
    return binary.ASYMMETRIC.reduced(logits, targets, *options, plan=plan)


class BinaryCrossEntropy(Module, of=binary_cross_entropy):
    """Module of `binary_cross_entropy`."""

    pos_weight: Tensor | float | None = None
    label_smoothing: float = 0.0
    reduction: Reduction = "mean"


class Focal(Module, of=focal):
    """Module of `focal`."""

    gamma: float = 2.0
    alpha: float | None = None
    reduction: Reduction = "mean"


class Asymmetric(Module, of=asymmetric):
    """Module of `asymmetric`."""

    gamma_negative: float = 4.0
    gamma_positive: float = 1.0
    clip: float = 0.05
    reduction: Reduction = "mean"


def _plan(
    function: str,
    logits: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> Plan:
    return reduce.plan(
        function, logits.shape, logits, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )


def _hard(
    function: str,
    logits: Tensor,
    targets: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> Plan:
    """Check logits and labels of 0 and 1, and return the plan."""
    check.alike(function, logits=logits, targets=targets)
    check.constant(function, targets=targets)
    plan = _plan(function, logits, mask, weight, reduction, denominator)
    check.hard_labels(function, "targets", targets, plan.keep)
    suspicion.not_probabilities(function, logits, rows=False, keep=plan.keep)
    return plan


def _per_label(pos_weight: Tensor, logits: Tensor) -> Tensor:
    """Return the weight of each label, or of each element, laid out like the logits."""
    check.floating("binary_cross_entropy", pos_weight=pos_weight)
    labels = [logits.shape[-1]] if logits.dim() else []
    if pos_weight.dim() and pos_weight.shape != logits.shape:
        meaning = "one for each label, one for each logit, or a number"
        if logits.dim() > 2 and pos_weight.numel() == logits.shape[1]:  # noqa: PLR2004  labels before places
            fix = "logits.movedim(1, -1), targets.movedim(1, -1) and pos_weight.flatten()"
            meaning += f"; labels come last here: pass {fix} if they are the second dimension, as in torch"
        check.has_shape("binary_cross_entropy", "pos_weight", pos_weight, labels, meaning)
        suspicion.which_dimension("binary_cross_entropy", "pos_weight", pos_weight, logits)
    check.same_device("binary_cross_entropy", pos_weight=pos_weight, logits=logits)
    check.same_precision("binary_cross_entropy", pos_weight=pos_weight, logits=logits)
    check.within("binary_cross_entropy", "pos_weight", pos_weight, FINITE_NON_NEGATIVE, "negatives over positives")
    return pos_weight.expand_as(logits).contiguous()


_LOGITS: Final = (Input("logits", ("...",)), Input("targets", ("...",), "probability"))
_HARD: Final = (Input("logits", ("...",)), Input("targets", ("...",), "hard_label"))
_FOCUS: Final = (0.0, 5.0, 0.1)

SPECS: Final = (
    Spec(
        title="Binary cross-entropy",
        family="classification",
        function=binary_cross_entropy,
        module=BinaryCrossEntropy,
        summary="Yes or no, or many labels that do not exclude each other.",
        formula=r"\ell = -t \log \sigma(x) - (1 - t) \log \sigma(-x)",
        slope=r"\ell' = \sigma(x) - t",
        inputs=_LOGITS,
        range=NON_NEGATIVE,
        parameters=(
            Parameter("pos_weight", "factor of the positive term", FINITE_NON_NEGATIVE, "w_+", slider=(0.1, 20.0, 0.1)),
            Parameter("label_smoothing", "share spread over yes and no", UNIT, r"\varepsilon"),
        ),
        aliases=("bce", "log loss", "logistic loss", "sigmoid cross-entropy", "bce with logits"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=pos_weight)",
                "broadcasts pos_weight; NaN for an infinite logit on the right side",
            ),
            Equivalent("Keras", "keras.losses.BinaryCrossentropy(from_logits=True)(targets, logits)", "targets first"),
            Equivalent("optax", "optax.sigmoid_binary_cross_entropy(logits, targets).mean()"),
        ),
        convention="Logits only; with probabilities it warns.",
        sources=(Source("Good 1952, Rational Decisions"),),
        elementwise=True,
    ),
    Spec(
        title="Focal",
        family="classification",
        function=focal,
        module=Focal,
        summary="Rare positives among a flood of easy negatives.",
        formula=r"\ell = -\alpha_t (1 - p_t)^{\gamma} \log p_t",
        slope=r"\ell' = \alpha_t (1 - 2t)(1 - p_t)^{\gamma}\left((1 - p_t) - \gamma p_t \log p_t\right)",
        inputs=_HARD,
        range=NON_NEGATIVE,
        parameters=(
            Parameter("gamma", "how much easy examples are turned down", FINITE_NON_NEGATIVE, r"\gamma", slider=_FOCUS),
            Parameter("alpha", "weight of the positives", UNIT, r"\alpha", slider=(0.0, 1.0, 0.05)),
        ),
        aliases=("focal loss", "sigmoid focal loss", "retinanet loss"),
        equivalents=(
            Equivalent(
                "torchvision",
                "torchvision.ops.sigmoid_focal_loss(logits, targets, alpha, gamma)",
                "defaults to alpha 0.25 and no reduction; alpha -1 for none",
            ),
            Equivalent(
                "Keras",
                "keras.losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=alpha, from_logits=True)",
                "targets first",
            ),
            Equivalent("optax", "optax.sigmoid_focal_loss(logits, targets, alpha, gamma)", "no reduction"),
        ),
        convention="No alpha unless asked for; the mean, not the sum over positives.",
        sources=(Source("Lin, Goyal, Girshick, He, Dollár 2017, Focal Loss for Dense Object Detection", "equation 5"),),
        elementwise=True,
    ),
    Spec(
        title="Asymmetric",
        family="classification",
        function=asymmetric,
        module=Asymmetric,
        summary="Many labels of which few apply: easy negatives are thrown away.",
        formula=r"\ell = -t(1 - p)^{\gamma_+}\log p - (1 - t)\,m^{\gamma_-}\log(1 - m),\quad m = \max(p - c, 0)",
        slope=r"\ell' = \frac{\partial \ell}{\partial p}\,p(1 - p)",
        inputs=_HARD,
        range=NON_NEGATIVE,
        parameters=(
            Parameter("gamma_negative", "focusing of negatives", FINITE_NON_NEGATIVE, r"\gamma_-", slider=_FOCUS),
            Parameter("gamma_positive", "focusing of positives", FINITE_NON_NEGATIVE, r"\gamma_+", slider=_FOCUS),
            Parameter("clip", "shift of negatives", Domain(0.0, 1.0, high_open=True), "c", slider=(0.0, 0.5, 0.01)),
        ),
        aliases=("asl", "asymmetric loss"),
        equivalents=(
            Equivalent(
                "the authors", "AsymmetricLoss(4, 1, 0.05)(logits, targets)", "sums; adds 1e-8 in the logarithms"
            ),
        ),
        sources=(Source("Ridnik et al. 2020, Asymmetric Loss for Multi-Label Classification", "equation 7"),),
        elementwise=True,
        smooth="once",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
