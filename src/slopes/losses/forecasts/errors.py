"""Errors by size: of logarithms, and in units of what a naive forecast is off by.

Dimension names: `...` is any shape; T is the number of steps of a forecast.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, POSITIVE, Domain, Equivalent, Input, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise

_ABOVE: Final = Domain(low=-1.0, low_open=True)


def msle(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return (log(1 + predictions) - log(1 + targets))² of each element, reduced.

    Args:
        predictions: `[...]`, any floating dtype; above -1.
        targets: `[...]`, the shape of `predictions`; above -1.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A number that counts is -1 or below, `weight` is negative or not finite, or infinities meet.

    Notes:
        A target of 0 costs log(1 + prediction)², and one between -1 and 0 has its logarithm too. Keras and some others
        raise what is below 0 to 0 instead, where the gradient vanishes in silence. The gradient by the prediction is
        2 (log(1 + p) - log(1 + t)) / (1 + p): too low costs more than too high by as much. The difference of the
        logarithms is made of the difference of the numbers, so that near a large target it keeps its digits.

    Examples:
        >>> msle(torch.tensor([0.0, 99.0]), torch.tensor([0.0, 9.0]), reduction="none")  # 0 and (log 10)²
        tensor([0.0000, 5.3019])
    """
    check.alike("msle", predictions=predictions, targets=targets)
    plan = reduce.plan(
        "msle",
        predictions.shape,
        predictions,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    for name, value in (("predictions", predictions), ("targets", targets)):
        fix = f"shift what is counted so that it starts at 0, or leave those out with mask={name} > -1"
        check.within("msle", name, value, _ABOVE, fix, plan.keep)
    return defined.reduced(_MSLE, plan, predictions=predictions, targets=targets)


def mase(
    predictions: Tensor,
    targets: Tensor,
    scale: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return |predictions - targets| / scale of each step, reduced: in units of what a naive forecast is off by.

    Args:
        predictions: `[..., T]`, any floating dtype.
        targets: `[..., T]`, the shape of `predictions`.
        scale: `[...]`, for each series the mean |y - y of a season earlier| of its history, in the targets' unit;
            above 0.
        mask: `[..., T]` boolean, True where an element counts.
        weight: `[..., T]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[..., T]` for `"none"`; float32 for 16-bit input; no unit, at least 0.

    Raises:
        ShapeError: Shapes differ, or `scale` has not one number for each series; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A scale that counts is 0 or below, `weight` is negative or not finite, or infinities meet.

    Notes:
        Targets of 0 and below are as good as others. With seasons of m steps the scale is
        (history[..., m:] - history[..., :-m]).abs().mean(-1), from the training part alone; of a series that never
        changed it is 0, which is an error. Below 1 a forecast beats the naive one. The gradient is the sign of the
        residual over `scale`, 0 at 0.

    Examples:
        >>> history = torch.tensor([[10.0, 12.0, 10.0, 12.0]])
        >>> scale = (history[..., 1:] - history[..., :-1]).abs().mean(-1)
        >>> mase(torch.tensor([[11.0, 16.0]]), torch.tensor([[10.0, 12.0]]), scale, reduction="none")
        tensor([[0.5000, 2.0000]])
    """
    check.floating("mase", scale=scale)
    check.alike("mase", predictions=predictions, targets=targets)
    check.dimensions("mase", "predictions", predictions, "[..., T]", 1)
    check.has_shape("mase", "scale", scale, predictions.shape[:-1], "one for each series: `predictions` without T")
    check.same_device("mase", predictions=predictions, scale=scale)
    check.same_precision("mase", predictions=predictions, scale=scale)
    plan = reduce.plan(
        "mase",
        predictions.shape,
        predictions,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    each = scale.to(wide(scale.dtype)).unsqueeze(-1).expand(predictions.shape)
    fix = "leave series that never changed out with mask=(scale > 0).unsqueeze(-1).expand_as(predictions)"
    check.within("mase", "scale", each, POSITIVE, fix, plan.keep)
    return defined.reduced(_MASE, plan, predictions=predictions, targets=targets, scale=each)


class MSLE(Module, of=msle):
    """Module of `msle`."""

    reduction: Reduction = "mean"


class MASE(Module, of=mase):
    """Module of `mase`."""

    reduction: Reduction = "mean"


def _msle(p: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    over = p >= t
    least = torch.where(over, t, p)
    apart = torch.where(over, p - t, t - p)
    size = torch.log1p(apart / (1 + least))
    d = torch.where(over, size, -size)
    return d * d, (2 * d / (1 + p), -2 * d / (1 + t))


def _mase(p: Tensor, t: Tensor, scale: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    r = p - t
    scale = torch.where((scale == 0) & (r == 0), 1.0, scale)  # as of an element that does not count
    value, slope = r.abs() / scale, r.sign() / scale
    return value, (slope, -slope, -value / scale)


_MSLE: Final = Pointwise.sharing("MSLE", _msle, tensors=2)
_MASE: Final = Pointwise.sharing("MASE", _mase, tensors=3)

SPECS: Final = (
    Spec(
        title="Mean squared logarithmic error",
        family="forecasts",
        function=msle,
        module=MSLE,
        summary="Amounts over several powers of ten: what counts is by which factor a forecast is off.",
        formula=r"\ell = \left(\log(1 + \hat y) - \log(1 + y)\right)^2",
        slope=r"\ell' = \frac{2\left(\log(1 + \hat y) - \log(1 + y)\right)}{1 + \hat y}",
        inputs=(Input("predictions", ("...",), "above_minus_one"), Input("targets", ("...",), "above_minus_one")),
        range=NON_NEGATIVE,
        aliases=("rmsle", "squared log error", "logarithmic error"),
        equivalents=(
            Equivalent("torch", "(torch.log1p(predictions) - torch.log1p(targets)).square().mean()"),
            Equivalent(
                "Keras", "keras.losses.MeanSquaredLogarithmicError()(targets, predictions)", "clips below at 1e-7"
            ),
            Equivalent("scikit-learn", "sklearn.metrics.mean_squared_log_error(targets, predictions)", "no gradient"),
        ),
        convention="Defined above -1 and an error elsewhere; RMSLE is the root of the mean.",
        sources=(Source("Kaggle 2012, Predict Grant Applications, the competition that made it known"),),
        elementwise=True,
    ),
    Spec(
        title="Mean absolute scaled error",
        family="forecasts",
        function=mase,
        module=MASE,
        summary="Many series of different sizes, each by what a naive forecast of it is off by.",
        formula=r"\ell = \frac{|\hat y - y|}{s},\quad s = \frac{1}{n - m}\sum_t |y_t - y_{t-m}|",
        slope=r"\ell' = \frac{\operatorname{sign}(\hat y - y)}{s}",
        inputs=(
            Input("predictions", ("...", "T")),
            Input("targets", ("...", "T")),
            Input("scale", ("...",), "positive"),
        ),
        range=NON_NEGATIVE,
        aliases=("scaled error", "mean scaled error"),
        equivalents=(
            Equivalent("torch", "((predictions - targets).abs() / scale.unsqueeze(-1)).mean()", "inf at a scale of 0"),
            Equivalent("Darts", "darts.metrics.mase(targets, predictions, history, m=m)", "scales itself; no gradient"),
        ),
        convention="The scale is an argument, so that it can come from the training part alone.",
        sources=(Source("Hyndman, Koehler 2006, Another Look at Measures of Forecast Accuracy", "section 3"),),
        smooth="no",
        kinks=(0.0,),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
