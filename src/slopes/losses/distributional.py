"""Losses that predict a distribution of numbers: its quantiles, or its mean and variance.

Dimension names: `...` is any shape; Q is the number of quantiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pointwise import defined, gamma
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.levels import AT_LEVELS, LEVEL, at_levels, checked


def quantile(
    predictions: Tensor,
    targets: Tensor,
    quantiles: Sequence[float],
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the pinball loss max(q u, (q - 1) u), u = targets - predictions, of each quantile, reduced.

    Args:
        predictions: `[..., Q]`, one prediction for each quantile; any floating dtype.
        targets: `[...]`.
        quantiles: The Q levels, each in (0, 1), in the order of the last dimension of `predictions`.
        mask: `[..., Q]` boolean, True where an element counts.
        weight: `[..., Q]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[..., Q]` for `"none"`; float32 for 16-bit input; the targets' unit, at least 0.

    Raises:
        ShapeError: `predictions` does not have the shape of `targets` with Q appended.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: A quantile is not in (0, 1), or `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        The gradient by the prediction is -q below the target, 1 - q above it, and 0 on it. At q = 0.5 it is half of
        `mae`. Nothing here keeps quantiles from crossing.

    Examples:
        >>> quantile(torch.tensor([[0.0], [2.0]]), torch.tensor([1.0, 1.0]), [0.9], reduction="none")
        tensor([[0.9000],
                [0.1000]])
    """
    return at_levels(
        "quantile", _QUANTILE, predictions, targets, "quantiles", quantiles, mask, weight, reduction, denominator
    )


def gaussian_nll(
    mean: Tensor,
    log_variance: Tensor,
    target: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return ½ (log_variance + (mean - target)² / variance) of each element, reduced.

    Args:
        mean: `[...]`, any floating dtype.
        log_variance: `[...]`, the logarithm of the variance: any real number, so that no clamp is needed.
        target: `[...]`.
        full: Add ½ log 2π, so that it is the whole negative log-likelihood.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `full`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        torch takes the variance itself and clamps it at 1e-6, which silently stops its gradient. A mean that fits
        exactly costs ½ log_variance at any log-variance, however far it has run.

    Examples:
        >>> gaussian_nll(torch.tensor([1.0]), torch.tensor([0.0]), torch.tensor([3.0])).item()
        2.0
    """
    check.alike("gaussian_nll", mean=mean, log_variance=log_variance, target=target)
    check.flag("gaussian_nll", "full", full)
    plan = reduce.plan(
        "gaussian_nll", mean.shape, mean, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    constant = gamma.HALF_LOG_2PI if full else 0.0
    return defined.reduced(_GAUSSIAN_NLL, plan, constant, mean=mean, log_variance=log_variance, target=target)


class Quantile(Module, of=quantile):
    """Module of `quantile`."""

    def __init__(self, quantiles: Sequence[float], *, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.quantiles = checked("quantile", "quantiles", quantiles)
        self.reduction: Reduction = reduction


class GaussianNLL(Module, of=gaussian_nll):
    """Module of `gaussian_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


def _quantile(p: Tensor, t: Tensor, q: Tensor, rest: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    u = t - p
    side = u.sign()
    slope = side * torch.where(u > 0, q, rest)
    return torch.maximum(q * u, -rest * u), (-slope, slope, None, None)


def _gaussian_nll(m: Tensor, s: Tensor, t: Tensor, constant: float) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    # The fourth root of the precision, and finite: a residual of 0 stays 0 whatever it is multiplied by.
    root = torch.exp(-0.25 * s).clamp(max=torch.finfo(s.dtype).max)
    u = ((m - t) * root) * root
    by_mean = (u * root) * root
    return 0.5 * (s + u * u) + constant, (by_mean, 0.5 * (1 - u * u), -by_mean)


_QUANTILE: Final = Pointwise.sharing("Quantile", _quantile, tensors=4)
_GAUSSIAN_NLL: Final = Pointwise.sharing("GaussianNLL", _gaussian_nll, tensors=3)


SPECS: Final = (
    Spec(
        title="Quantile (pinball)",
        family="regression",
        function=quantile,
        module=Quantile,
        summary="Any quantile of a quantity: intervals, stock levels, risk.",
        formula=r"\ell = \max(q u,\ (q - 1) u),\quad u = y - \hat y",
        slope=r"\frac{\partial \ell}{\partial \hat y} = -q \text{ below } y,\ 1 - q \text{ above}",
        inputs=AT_LEVELS,
        range=NON_NEGATIVE,
        parameters=(Parameter("q", "the level of the quantile", LEVEL, "q", slider=(0.05, 0.95, 0.05), default=0.9),),
        aliases=("pinball", "pinball loss", "quantile loss", "check loss", "tilted loss"),
        equivalents=(
            Equivalent(
                "scikit-learn",
                "sklearn.metrics.mean_pinball_loss(targets, predictions, alpha=q)",
                "targets first, one level",
            ),
        ),
        sources=(Source("Koenker, Bassett 1978, Regression Quantiles"),),
        smooth="no",
        kinks=(0.0,),
    ),
    Spec(
        title="Gaussian negative log-likelihood",
        family="regression",
        function=gaussian_nll,
        module=GaussianNLL,
        summary="A mean with its own error bar, where the noise varies.",
        formula=r"\ell = \tfrac12\left(s + (\mu - y)^2 e^{-s}\right),\quad s = \log\sigma^2",
        slope=r"\frac{\partial \ell}{\partial \mu} = (\mu - y)e^{-s},\quad"
        r"\frac{\partial \ell}{\partial s} = \tfrac12\left(1 - (\mu - y)^2 e^{-s}\right)",
        inputs=(Input("mean", ("...",)), Input("log_variance", ("...",)), Input("target", ("...",))),
        aliases=("gaussian likelihood", "heteroscedastic", "normal nll"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.gaussian_nll_loss(mean, target, log_variance.exp())",
                "target second, the variance itself, clamped at 1e-6",
            ),
        ),
        convention="Takes the log-variance, so that no clamp is needed; leaves ½ log 2π out unless full=True.",
        sources=(Source("Nix, Weigend 1994, Estimating the Mean and Variance of the Target Probability Distribution"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
