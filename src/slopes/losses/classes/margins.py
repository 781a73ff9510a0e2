"""Losses of a score and its side beside the hinge: its square, and the logistic one.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.numerics import logistic, softplus
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.classes.sides import by_side


def squared_hinge(
    scores: Tensor,
    targets: Tensor,
    *,
    margin: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return max(0, margin - t s)² of each score s and target t of -1 or +1, reduced.

    Args:
        scores: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `scores`: boolean, or floating and each -1 or +1.
        margin: Lead that a score must have, at least 0.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the scores' unit squared, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: `scores` is not floating, `targets` neither that nor boolean, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is neither -1 nor +1, or a weight is negative or not finite.

    Notes:
        The gradient is -2 t max(0, margin - t s): it goes to 0 at the margin, where that of `hinge` jumps, and grows
        with a mistake. Keras turns labels of 0 into -1; here 0 is told apart from False, and is an error.

    Examples:
        >>> squared_hinge(torch.tensor([0.5, -2.0]), torch.tensor([True, True]), reduction="none")
        tensor([0.2500, 9.0000])
    """
    margin = check.option("squared_hinge", "margin", margin, FINITE_NON_NEGATIVE)
    rest = mask, weight, reduction, denominator
    return by_side("squared_hinge", _SQUARED_HINGE, targets, *rest, float(margin), scores=scores)


def soft_margin(
    scores: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return log(1 + e^(-t s)) of each score s and target t of -1 or +1, reduced.

    Args:
        scores: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `scores`: boolean, or floating and each -1 or +1.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: `scores` is not floating, `targets` neither that nor boolean, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is neither -1 nor +1, or a weight is negative or not finite.

    Notes:
        It is `binary_cross_entropy` for labels of -1 and +1. The gradient is -t σ(-t s). torch's soft_margin_loss makes
        e^(-t s) first, which is infinite from a score of 89 on the wrong side in float32, and its gradient NaN; here
        -100 costs 100.

    Examples:
        >>> soft_margin(torch.tensor([-100.0, 0.0]), torch.tensor([True, True]), reduction="none")
        tensor([100.0000,   0.6931])
    """
    return by_side("soft_margin", _SOFT_MARGIN, targets, mask, weight, reduction, denominator, scores=scores)


class SquaredHinge(Module, of=squared_hinge):
    """Module of `squared_hinge`."""

    margin: float = 1.0
    reduction: Reduction = "mean"


class SoftMargin(Module, of=soft_margin):
    """Module of `soft_margin`."""

    reduction: Reduction = "mean"


def _squared_hinge(s: Tensor, t: Tensor, margin: float) -> tuple[Tensor, tuple[Tensor, None]]:
    short = (margin - t * s).clamp(min=0)
    return short * short, (-2 * t * short, None)


def _soft_margin(s: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, None]]:
    lead = t * s
    _, wrong, e = logistic(lead)
    return softplus(-lead, e), (-t * wrong, None)


_SQUARED_HINGE: Final = Pointwise.sharing("SquaredHinge", _squared_hinge, tensors=2)
_SOFT_MARGIN: Final = Pointwise.sharing("SoftMargin", _soft_margin, tensors=2)
_SCORES: Final = (Input("scores", ("...",)), Input("targets", ("...",), "sign"))

SPECS: Final = (
    Spec(
        title="Squared hinge",
        family="classification",
        function=squared_hinge,
        module=SquaredHinge,
        summary="A decision with a margin, whose pull fades in at the margin and grows with the mistake.",
        formula=r"\ell = \max(0,\ m - t s)^2",
        slope=r"\ell' = -2 t \max(0,\ m - t s)",
        inputs=_SCORES,
        range=NON_NEGATIVE,
        parameters=(Parameter("margin", "lead that is asked for", FINITE_NON_NEGATIVE, "m", slider=(0.0, 3.0, 0.1)),),
        aliases=("l2 svm", "l2 hinge", "quadratic hinge"),
        equivalents=(
            Equivalent(
                "Keras", "keras.losses.SquaredHinge()(targets, scores)", "targets first; turns labels 0 into -1"
            ),
        ),
        convention="Targets are booleans, or -1 and +1; labels 0 and 1 are an error, not a guess.",
        sources=(Source("Tang 2013, Deep Learning using Linear Support Vector Machines", "equation 6"),),
        elementwise=True,
        smooth="once",
    ),
    Spec(
        title="Soft margin",
        family="classification",
        function=soft_margin,
        module=SoftMargin,
        summary="Cross-entropy of a yes or no, for labels of -1 and +1.",
        formula=r"\ell = \log\left(1 + e^{-t s}\right)",
        slope=r"\ell' = -t\,\sigma(-t s)",
        inputs=_SCORES,
        range=NON_NEGATIVE,
        aliases=("logistic margin", "soft margin loss", "binomial deviance"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.soft_margin_loss(scores, targets)",
                "infinite from a score of 89 on the wrong side in float32, its gradient NaN",
            ),
        ),
        convention="Targets are booleans, or -1 and +1; labels 0 and 1 are an error, not a guess.",
        sources=(Source("Friedman, Hastie, Tibshirani 2000, Additive Logistic Regression", "section 4"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
