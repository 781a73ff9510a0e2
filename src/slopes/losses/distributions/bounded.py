"""Likelihoods of a positive number, and of a share: gamma and beta, by their mean and how closely they keep to it.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_POSITIVE, Domain, Equivalent, Input, Source, Spec
from slopes.kernels.pointwise import defined, densities
from slopes.losses.likelihood import observed


def gamma_nll(
    log_mean: Tensor,
    log_shape: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log of the gamma density of each target, less log targets + ½ log 2π, reduced.

    Args:
        log_mean: `[...]`, any floating dtype: the logarithm of the mean μ, any real number.
        log_shape: `[...]`, the logarithm of the shape k, any real number: the variance is μ²/k.
        targets: `[...]`, a constant above 0.
        full: Add log targets + ½ log 2π, so that it is the whole negative log-likelihood.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `full`, `reduction` or `denominator` is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is not above 0, `weight` is negative or not finite, or infinities meet.

    Notes:
        With t = targets/μ - 1 it is k (t - log(1 + t)) + log Γ(k) - k log k + k - ½ log 2π. The gradient by the
        log-mean is -k t: relative errors, weighted by the shape. k = 1 is the exponential distribution. Means and
        shapes that are learned apart are uncorrelated, which scale or rate and shape are not.

    Examples:
        >>> log_mean, one = torch.tensor([2.0]).log(), torch.tensor([0.0])  # exponential: log 2 + 4/2
        >>> gamma_nll(log_mean, one, torch.tensor([4.0]), full=True)
        tensor(2.6931)
    """
    tensors = {"log_mean": log_mean, "log_shape": log_shape, "targets": targets}
    plan = observed("gamma_nll", mask, weight, reduction, denominator, full=full, **tensors)
    check.constant("gamma_nll", targets=targets)
    fix = "where 0 is possible use tweedie"
    check.within("gamma_nll", "targets", targets, FINITE_POSITIVE, fix, plan.keep)
    # What the formula takes for 0 does not count; a 0 that nobody saw shows.
    tensors["targets"] = targets.masked_fill(targets == 0, torch.nan)
    return defined.reduced(densities.GAMMA, plan, full, **tensors)


def beta_distribution_nll(
    mean_logit: Tensor,
    log_precision: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log of the beta density of each share y, less log y (1 - y) + ½ log 2π, reduced.

    Args:
        mean_logit: `[...]`, any floating dtype: the logit of the mean p, any real number.
        log_precision: `[...]`, the logarithm of φ = α + β, any real number: the variance is p (1 - p) / (1 + φ).
        targets: `[...]`, a constant above 0 and below 1.
        full: Add log y (1 - y) + ½ log 2π, so that it is the whole negative log-likelihood.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `full`, `reduction` or `denominator` is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is not between 0 and 1, `weight` is negative or not finite, or infinities meet.

    Notes:
        α = φp and β = φ(1 - p). It is φ KL(p ‖ y) of the two coins and what the gamma functions of α, β and φ are off
        Stirling's first terms: a large precision loses no digits. A share of exactly 0 or 1 has no density.

    Examples:
        >>> half, two = torch.tensor([0.0]), torch.tensor([2.0]).log()  # α = β = 1: every share alike
        >>> beta_distribution_nll(half, two, torch.tensor([0.25]), full=True).abs().item() < 1e-6
        True
    """
    tensors = {"mean_logit": mean_logit, "log_precision": log_precision, "targets": targets}
    plan = observed("beta_distribution_nll", mask, weight, reduction, denominator, full=full, **tensors)
    check.constant("beta_distribution_nll", targets=targets)
    fix = "for shares of 0 and 1 use binary_cross_entropy"
    check.within("beta_distribution_nll", "targets", targets, _BETWEEN, fix, plan.keep)
    # What the formula takes for 0 does not count; a 0 that nobody saw shows.
    tensors["targets"] = targets.masked_fill(targets == 0, torch.nan)
    return defined.reduced(densities.BETA, plan, full, **tensors)


class GammaNLL(Module, of=gamma_nll):
    """Module of `gamma_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


class BetaDistributionNLL(Module, of=beta_distribution_nll):
    """Module of `beta_distribution_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


_BETWEEN: Final = Domain(0.0, 1.0, low_open=True, high_open=True)

SPECS: Final = (
    Spec(
        title="Gamma negative log-likelihood",
        family="distributions",
        function=gamma_nll,
        module=GammaNLL,
        summary="Positive numbers by their mean, with errors in proportion to it.",
        formula=r"\ell = k\,(t - \log(1 + t)) + \log\Gamma(k) - k\log k + k - \tfrac12\log 2\pi,\quad t = y/\mu - 1",
        slope=r"\frac{\partial \ell}{\partial \log\mu} = k\,(1 - y/\mu)",
        inputs=(Input("log_mean", ("...",)), Input("log_shape", ("...",)), Input("targets", ("...",), "positive")),
        aliases=("gamma likelihood", "gamma regression", "exponential likelihood"),
        equivalents=(
            Equivalent(
                "torch",
                "-torch.distributions.Gamma(log_shape.exp(), (log_shape - log_mean).exp()).log_prob(targets)",
                "has log targets + ½ log 2π in it, takes the rate k/μ",
            ),
        ),
        convention="Mean and shape by their logarithms; leaves log targets and ½ log 2π out unless full=True.",
        sources=(Source("McCullagh, Nelder 1989, Generalized Linear Models", "chapter 8"),),
        elementwise=True,
    ),
    Spec(
        title="Beta negative log-likelihood",
        family="distributions",
        function=beta_distribution_nll,
        module=BetaDistributionNLL,
        summary="Shares between 0 and 1, with a precision of their own.",
        formula=r"\ell = \phi\,\mathrm{KL}(p \,\|\, y) + g(\phi p) + g(\phi (1 - p)) - g(\phi),"
        r"\quad g(x) = \log\Gamma(x) - x\log x + x - \tfrac12\log 2\pi",
        slope=r"\frac{\partial \ell}{\partial z} = \phi\,p\,(1 - p)\left(\psi(\phi p) - \psi(\phi(1 - p))"
        r" - \operatorname{logit} y\right)",
        inputs=(
            Input("mean_logit", ("...",)),
            Input("log_precision", ("...",)),
            Input("targets", ("...",), "probability"),
        ),
        aliases=("beta likelihood", "beta regression", "beta distribution"),
        equivalents=(
            Equivalent(
                "torch",
                "-torch.distributions.Beta(log_precision.exp() * torch.sigmoid(mean_logit), "
                "log_precision.exp() * torch.sigmoid(-mean_logit)).log_prob(targets)",
                "has log y (1 - y) + ½ log 2π in it, takes α and β",
            ),
        ),
        convention="Mean by its logit, precision by its logarithm; leaves log y (1 - y) and ½ log 2π out unless full.",
        sources=(Source("Ferrari, Cribari-Neto 2004, Beta Regression for Modelling Rates and Proportions"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
