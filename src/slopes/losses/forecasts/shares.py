"""Errors in shares of the target, or of target and prediction: what people read in per cent.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.errors import ValuesError
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.settings import reads_values
from slopes._core.spec import NON_NEGATIVE, Domain, Equivalent, Input, Source, Spec
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.residuals import PAIR, between


def mape(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return |predictions - targets| / |targets| of each element, reduced: the error as a share of the target.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`; not 0.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; a share and no percentage, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A target that counts is 0, `weight` is negative or not finite, or infinities meet.

    Notes:
        A share of nothing does not exist: a target of 0 is an error here, where scikit-learn, Keras and torchmetrics
        divide by some 1e-16, 1e-7 or 1e-6 and let that one element rule the mean. Leave it out with
        mask=targets != 0, or take `smape` or `mase`. A negative target counts by its size. The gradient is the sign
        of the residual over |targets|, 0 at 0: small targets pull hardest, and forecasts come out low.

    Examples:
        >>> mape(torch.tensor([90.0, -3.0]), torch.tensor([100.0, -2.0]), reduction="none")
        tensor([0.1000, 0.5000])
    """
    check.alike("mape", predictions=predictions, targets=targets)
    plan = reduce.plan(
        "mape",
        predictions.shape,
        predictions,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    _no_zero("mape", targets, plan.keep)
    return defined.reduced(_MAPE, plan, predictions=predictions, targets=targets)


def smape(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return 2 |predictions - targets| / (|predictions| + |targets|) of each element, reduced.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; a share and no percentage, in [0, 2].

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or an element is infinite.

    Notes:
        Where prediction and target are both 0 it is 0. A target of 0 alone costs 2 whatever the prediction, and so does
        a prediction of the other sign: neither has a gradient. Elsewhere the gradient by the prediction is
        4 |targets| / (|predictions| + |targets|)² towards the target; on a prediction of 0, half of that. As in the M3
        and M4 competitions, but for their factor of 100; texts without the 2 end at 1.

    Examples:
        >>> smape(torch.tensor([3.0, 5.0, 0.0]), torch.tensor([1.0, 0.0, 0.0]), reduction="none")
        tensor([1., 2., 0.])
    """
    return between("smape", _SMAPE, predictions, targets, mask, weight, reduction, denominator)


class MAPE(Module, of=mape):
    """Module of `mape`."""

    reduction: Reduction = "mean"


class SMAPE(Module, of=smape):
    """Module of `smape`."""

    reduction: Reduction = "mean"


def _no_zero(function: str, targets: Tensor, keep: Tensor | None) -> None:
    """Raise `ValuesError` where a target that counts is 0."""
    if not reads_values(targets, keep):
        return
    wrong = targets == 0 if keep is None else (targets == 0) & keep
    if bool(wrong.any()):
        at = wrong.nonzero()[0].tolist()
        message = (
            f"{function}: `targets` is 0 at entry {at}, expected other numbers, since a share of 0 does not exist; "
            f"leave them out with mask=targets != 0, or use smape or mase."
        )
        raise ValuesError(message)


def _mape(p: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = p - t
    t = torch.where((t == 0) & (r == 0), 1.0, t)  # as of an element that does not count
    size = t.abs()
    by_prediction = r.sign() / size
    return r.abs() / size, (by_prediction, -by_prediction * (p / t))


def _smape(p: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    size = 0.5 * p.abs() + 0.5 * t.abs()  # halves, of which the sum is a number wherever both are
    nothing = size == 0
    size = torch.where(nothing, 1.0, size)
    r = 0.5 * p - 0.5 * t
    alike = 0.5 * r.sign() * (1 + p.sign() * t.sign()) / size
    return 2 * (r.abs() / size), (alike * (t.abs() / size), -alike * (p.abs() / size))


_MAPE: Final = Pointwise.sharing("MAPE", _mape, tensors=2)
_SMAPE: Final = Pointwise.sharing("SMAPE", _smape, tensors=2)

SPECS: Final = (
    Spec(
        title="Mean absolute percentage error",
        family="forecasts",
        function=mape,
        module=MAPE,
        summary="Forecasts of sales and loads that people read in per cent; no target may be 0.",
        formula=r"\ell = \frac{|\hat y - y|}{|y|}",
        slope=r"\ell' = \frac{\operatorname{sign}(\hat y - y)}{|y|}",
        inputs=(Input("predictions", ("...",)), Input("targets", ("...",), "nonzero")),
        range=NON_NEGATIVE,
        aliases=("percentage error", "relative error"),
        equivalents=(
            Equivalent("torch", "((predictions - targets).abs() / targets.abs()).mean()", "inf at a target of 0"),
            Equivalent(
                "Keras",
                "keras.losses.MeanAbsolutePercentageError()(targets, predictions)",
                "times 100; divides by 1e-7 at a target of 0",
            ),
            Equivalent(
                "scikit-learn",
                "sklearn.metrics.mean_absolute_percentage_error(targets, predictions)",
                "divides by 2.2e-16 at a target of 0",
            ),
        ),
        convention="A share, not per cent; a target of 0 is an error, where others divide by a tiny number.",
        sources=(Source("Makridakis 1993, Accuracy Measures: Theoretical and Practical Concerns"),),
        elementwise=True,
        smooth="no",
    ),
    Spec(
        title="Symmetric mean absolute percentage error",
        family="forecasts",
        function=smape,
        module=SMAPE,
        summary="A percentage error with an upper end, as forecasting competitions score it.",
        formula=r"\ell = \frac{2\,|\hat y - y|}{|\hat y| + |y|}",
        slope=r"\ell' = \pm\frac{4\,|y|}{(|\hat y| + |y|)^2} \text{ for equal signs},\ 0 \text{ else}",
        inputs=PAIR,
        range=Domain(0.0, 2.0),
        aliases=("symmetric percentage error", "m4 error"),
        equivalents=(
            Equivalent(
                "torch",
                "(2 * (predictions - targets).abs() / (predictions.abs() + targets.abs())).mean()",
                "NaN where both are 0",
            ),
            Equivalent("Darts", "darts.metrics.smape(targets, predictions)", "times 100; no gradient"),
        ),
        convention="From 0 to 2, not per cent, 0 where both are 0; texts without the factor 2 end at 1.",
        sources=(Source("Makridakis, Hibon 2000, The M3-Competition"),),
        elementwise=True,
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
