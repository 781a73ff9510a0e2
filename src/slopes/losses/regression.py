"""Losses between a number and its target: squared, absolute, Huber and smooth L1.

Dimension names: `...` is any shape. Residuals are predictions - targets.
"""

from __future__ import annotations

from typing import Final

import torch.fx
from torch import Tensor
from torch.nn import functional

from slopes._core import check
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_POSITIVE, NON_NEGATIVE, Equivalent, Parameter, Source, Spec
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.residuals import PAIR, between


def mse(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the squared residual (predictions - targets)² of each element, reduced.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the targets' unit squared, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a prediction and its target are infinite together.

    Notes:
        The gradient is 2 (predictions - targets). Some texts draw ½r² and call it MSE: that is `huber` with a large
        delta. `weight` divides by the sum of the weights; texts that divide by n want `denominator=n`.

    Examples:
        >>> mse(torch.tensor([210.0, 340.0, 400.0]), torch.tensor([200.0, 350.0, 180.0])).item()
        16200.0
    """
    return between("mse", _MSE, predictions, targets, mask, weight, reduction, denominator)


def mae(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the absolute residual |predictions - targets| of each element, reduced.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the targets' unit, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a prediction and its target are infinite together.

    Notes:
        The gradient is the sign of the residual, 0 at 0.

    Examples:
        >>> mae(torch.tensor([210.0, 340.0, 400.0]), torch.tensor([200.0, 350.0, 180.0])).item()
        80.0
    """
    return between("mae", _MAE, predictions, targets, mask, weight, reduction, denominator)


def huber(
    predictions: Tensor,
    targets: Tensor,
    *,
    delta: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return ½r² for |r| <= delta and delta (|r| - ½ delta) beyond, r the residual, reduced.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        delta: Where the parabola turns into a line; above 0, in the targets' unit.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the targets' unit squared, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `delta`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a prediction and its target are infinite together.

    Notes:
        The gradient is r, clipped to [-delta, delta]. It equals `smooth_l1` at 1 only: smooth_l1 with beta is
        huber with delta = beta, divided by beta.

    Examples:
        >>> houses = torch.tensor([210.0, 340.0, 400.0]), torch.tensor([200.0, 350.0, 180.0])
        >>> huber(*houses, delta=15.0, reduction="none")
        tensor([  50.0000,   50.0000, 3187.5000])
    """
    delta = check.option("huber", "delta", delta, FINITE_POSITIVE)
    return between("huber", _HUBER, predictions, targets, mask, weight, reduction, denominator, float(delta))


def smooth_l1(
    predictions: Tensor,
    targets: Tensor,
    *,
    beta: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return r² / (2 beta) for |r| <= beta and |r| - ½ beta beyond, r the residual, reduced.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        beta: Where the parabola turns into a line; above 0, in the targets' unit.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the targets' unit, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `beta`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a prediction and its target are infinite together.

    Notes:
        The gradient is r / beta, clipped to [-1, 1]: far from the target it does not depend on beta.

    Examples:
        >>> smooth_l1(torch.tensor([0.5, 3.0]), torch.zeros(2), reduction="none")
        tensor([0.1250, 2.5000])
    """
    beta = check.option("smooth_l1", "beta", beta, FINITE_POSITIVE)
    return between("smooth_l1", _SMOOTH_L1, predictions, targets, mask, weight, reduction, denominator, float(beta))


class MSE(Module, of=mse):
    """Module of `mse`."""

    reduction: Reduction = "mean"


class MAE(Module, of=mae):
    """Module of `mae`."""

    reduction: Reduction = "mean"


class Huber(Module, of=huber):
    """Module of `huber`."""

    delta: float = 1.0
    reduction: Reduction = "mean"


class SmoothL1(Module, of=smooth_l1):
    """Module of `smooth_l1`."""

    beta: float = 1.0
    reduction: Reduction = "mean"


def _mse(p: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = p - t
    return r * r, (2 * r, -2 * r)


def _mae(p: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = p - t
    side = r.sign()
    return r.abs(), (side, -side)


def _huber(p: Tensor, t: Tensor, delta: float) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = p - t
    inner = r.clamp(-delta, delta)
    return inner * (r - 0.5 * inner), (inner, -inner)


def _smooth_l1(p: Tensor, t: Tensor, beta: float) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = p - t
    inner = r.clamp(-beta, beta) / beta
    return inner * (r - 0.5 * beta * inner), (inner, -inner)


_MSE: Final = Pointwise.sharing("MSE", _mse, tensors=2, kernel=functional.mse_loss)
_MAE: Final = Pointwise.sharing("MAE", _mae, tensors=2, kernel=functional.l1_loss)
_HUBER: Final = Pointwise.sharing(
    "Huber", _huber, tensors=2, kernel=lambda p, t, delta: functional.huber_loss(p, t, delta=delta)
)
_SMOOTH_L1: Final = Pointwise.sharing(
    "SmoothL1", _smooth_l1, tensors=2, kernel=lambda p, t, beta: functional.smooth_l1_loss(p, t, beta=beta)
)

SPECS: Final = (
    Spec(
        title="Mean squared error",
        family="regression",
        function=mse,
        module=MSE,
        summary="The mean of a quantity with roughly normal noise; large errors rule.",
        formula=r"\ell = (\hat y - y)^2",
        slope=r"\ell' = 2(\hat y - y)",
        inputs=PAIR,
        range=NON_NEGATIVE,
        aliases=("l2", "squared error", "quadratic loss", "mean squared error"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.mse_loss(predictions, targets)", "broadcasts, with a warning"),
            Equivalent("Keras", "keras.losses.MeanSquaredError()(targets, predictions)", "targets first"),
            Equivalent("optax", "optax.squared_error(predictions, targets).mean()"),
        ),
        convention="(y - t)² without a factor ½; optax.l2_loss and some texts have ½.",
        sources=(Source("Legendre 1805, the method of least squares"),),
        elementwise=True,
    ),
    Spec(
        title="Mean absolute error",
        family="regression",
        function=mae,
        module=MAE,
        summary="The median of a quantity; every error pulls with the same force.",
        formula=r"\ell = |\hat y - y|",
        slope=r"\ell' = \operatorname{sign}(\hat y - y)",
        inputs=PAIR,
        range=NON_NEGATIVE,
        aliases=("l1", "absolute error", "mean absolute error", "laplace"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.l1_loss(predictions, targets)", "broadcasts, with a warning"),
            Equivalent("Keras", "keras.losses.MeanAbsoluteError()(targets, predictions)", "targets first"),
        ),
        sources=(Source("Laplace 1774, the first law of errors"),),
        elementwise=True,
        smooth="no",
        kinks=(0.0,),
    ),
    Spec(
        title="Huber",
        family="regression",
        function=huber,
        module=Huber,
        summary="A mean that outliers cannot drag: boxes, rewards, sensors.",
        formula=r"\ell = \tfrac12 r^2 \text{ for } |r| \le \delta,\ \delta(|r| - \tfrac12\delta) \text{ beyond}",
        slope=r"\ell' = \min(\max(r, -\delta), \delta)",
        inputs=PAIR,
        range=NON_NEGATIVE,
        parameters=(
            Parameter(
                "delta", "where the parabola turns into a line", FINITE_POSITIVE, r"\delta", slider=(0.1, 5.0, 0.1)
            ),
        ),
        aliases=("huber loss", "robust loss"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.huber_loss(predictions, targets, delta=delta)",
                "broadcasts, with a warning",
            ),
            Equivalent("Keras", "keras.losses.Huber(delta=delta)(targets, predictions)", "targets first"),
            Equivalent("optax", "optax.huber_loss(predictions, targets, delta).mean()"),
        ),
        convention="Equal to smooth_l1 only at 1: smooth_l1(beta) = huber(delta=beta) / beta.",
        sources=(Source("Huber 1964, Robust Estimation of a Location Parameter"),),
        elementwise=True,
        smooth="once",
    ),
    Spec(
        title="Smooth L1",
        family="regression",
        function=smooth_l1,
        module=SmoothL1,
        summary="Box regression in detectors: L1 whose tip is rounded off.",
        formula=r"\ell = \frac{r^2}{2\beta} \text{ for } |r| \le \beta,\ |r| - \tfrac12\beta \text{ beyond}",
        slope=r"\ell' = \min(\max(r/\beta, -1), 1)",
        inputs=PAIR,
        range=NON_NEGATIVE,
        parameters=(
            Parameter(
                "beta", "where the parabola turns into a line", FINITE_POSITIVE, r"\beta", slider=(0.1, 5.0, 0.1)
            ),
        ),
        aliases=("smooth l1 loss",),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.smooth_l1_loss(predictions, targets, beta=beta)",
                "broadcasts, with a warning",
            ),
            Equivalent("slopes", "slopes.losses.huber(predictions, targets, delta=beta) / beta"),
        ),
        convention="Huber divided by its threshold: the slope far out is 1, whatever beta.",
        sources=(Source("Girshick 2015, Fast R-CNN", "equation 3"),),
        elementwise=True,
        smooth="once",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
