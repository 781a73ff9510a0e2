"""Likelihoods of counts with more zeros than their rate gives: some cannot be anything else.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch.fx
from torch import Tensor

from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import Equivalent, Input, Source, Spec
from slopes.kernels.pointwise import counts
from slopes.losses.counts.likelihood import of_counts


def zero_inflated_poisson_nll(
    zero_logit: Tensor,
    log_rate: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log(π [y = 0] + (1 - π) Poisson(y)) of each count y, π = σ(zero_logit), less log y!, reduced.

    Args:
        zero_logit: `[...]`, any floating dtype: the logit of a zero that could be nothing else; -∞ is Poisson.
        log_rate: `[...]`, the logarithm of the expected count of the others, any real number.
        targets: `[...]`, the shape of `log_rate`: whole numbers of at least 0, as floats; a constant.
        full: Add log targets!, so that it is the whole negative log-likelihood.
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
        ValuesError: A target is negative or no whole number, `weight` is negative or not finite, or infinities meet.

    Notes:
        The mean is (1 - π) e^log_rate. A zero pulls the logit by -σ(-z) times the chance that the count's own zero
        would not have been enough, in a product, so that neither a rare zero nor a sure one loses digits.

    Examples:
        >>> even, none = torch.tensor([0.0]), torch.tensor([-100.0])  # no rate: each zero is sure
        >>> zero_inflated_poisson_nll(even, none, torch.tensor([0.0])).abs().item() < 1e-30
        True
        >>> zero_inflated_poisson_nll(even, torch.tensor([0.0]), torch.tensor([1.0]))  # log 2 + 1
        tensor(1.6931)
    """
    given = {"zero_logit": zero_logit, "log_rate": log_rate}
    name, formula = "zero_inflated_poisson_nll", counts.ZERO_INFLATED_POISSON
    return of_counts(name, formula, given, targets, mask, weight, reduction, denominator, full=full)


def zero_inflated_negative_binomial_nll(
    zero_logit: Tensor,
    log_rate: Tensor,
    log_dispersion: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log(π [y = 0] + (1 - π) NB(y)) of each count y, π = σ(zero_logit), less log y!, reduced.

    Args:
        zero_logit: `[...]`, any floating dtype: the logit of a zero that could be nothing else.
        log_rate: `[...]`, the logarithm of the expected count μ of the others, any real number.
        log_dispersion: `[...]`, the logarithm of α in their variance μ + α μ², any real number.
        targets: `[...]`, the shape of `log_rate`: whole numbers of at least 0, as floats; a constant.
        full: Add log targets!, so that it is the whole negative log-likelihood.
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
        ValuesError: A target is negative or no whole number, `weight` is negative or not finite, or infinities meet.

    Notes:
        The negative binomial is that of `negative_binomial_nll`. A large dispersion gives zeros too: few data cannot
        tell the two apart. scvi-tools takes log θ = -log α.

    Examples:
        >>> zero = torch.tensor([0.0])  # half of the zeros are sure, and of the others p(0) is a half
        >>> zero_inflated_negative_binomial_nll(zero, zero, zero, zero)  # -log ¾
        tensor(0.2877)
    """
    given = {"zero_logit": zero_logit, "log_rate": log_rate, "log_dispersion": log_dispersion}
    name, formula = "zero_inflated_negative_binomial_nll", counts.ZERO_INFLATED_NEGATIVE_BINOMIAL
    return of_counts(name, formula, given, targets, mask, weight, reduction, denominator, full=full)


class ZeroInflatedPoissonNLL(Module, of=zero_inflated_poisson_nll):
    """Module of `zero_inflated_poisson_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


class ZeroInflatedNegativeBinomialNLL(Module, of=zero_inflated_negative_binomial_nll):
    """Module of `zero_inflated_negative_binomial_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


_ZERO: Final = Input("zero_logit", ("...",))
_RATE: Final = Input("log_rate", ("...",))
_COUNT: Final = Input("targets", ("...",), "count")

SPECS: Final = (
    Spec(
        title="Zero-inflated Poisson negative log-likelihood",
        family="counts",
        function=zero_inflated_poisson_nll,
        module=ZeroInflatedPoissonNLL,
        summary="Counts of which some are 0 because nothing could happen.",
        formula=r"\ell = -\log\left(\pi\,[y = 0] + (1 - \pi)\,e^{-\mu}\mu^{y}\right),\quad \pi = \sigma(z)",
        slope=r"\frac{\partial \ell}{\partial z} = \pi - P(\text{sure zero} \mid y)",
        inputs=(_ZERO, _RATE, _COUNT),
        aliases=("zip", "zip loss", "zero-inflated poisson", "excess zeros"),
        equivalents=(
            Equivalent(
                "Pyro",
                "-pyro.distributions.ZeroInflatedPoisson(log_rate.exp(), gate_logits=zero_logit).log_prob(targets)",
                "has log y! in it, takes the rate itself",
            ),
        ),
        convention="Logit and log-rate; leaves log y! out unless full=True.",
        sources=(Source("Lambert 1992, Zero-Inflated Poisson Regression", "section 2"),),
        elementwise=True,
    ),
    Spec(
        title="Zero-inflated negative binomial negative log-likelihood",
        family="counts",
        function=zero_inflated_negative_binomial_nll,
        module=ZeroInflatedNegativeBinomialNLL,
        summary="Counts that spread wide and of which some are 0 because nothing could happen.",
        formula=r"\ell = -\log\left(\pi\,[y = 0] + (1 - \pi)\,\mathrm{NB}(y)\right),\quad \pi = \sigma(z)",
        slope=r"\frac{\partial \ell}{\partial z} = \pi - P(\text{sure zero} \mid y)",
        inputs=(_ZERO, _RATE, Input("log_dispersion", ("...",)), _COUNT),
        aliases=("zinb", "zinb loss", "zero-inflated negative binomial"),
        equivalents=(
            Equivalent(
                "scvi-tools",
                "-ZeroInflatedNegativeBinomial(mu=log_rate.exp(), theta=(-log_dispersion).exp(), "
                "zi_logits=zero_logit).log_prob(targets)",
                "has log y! in it, adds 1e-8 inside logarithms",
            ),
        ),
        convention="Logit, log-rate and log-dispersion, variance = μ + α μ²; leaves log y! out unless full=True.",
        sources=(Source("Greene 1994, Accounting for Excess Zeros in Negative Binomial Regression Models"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
