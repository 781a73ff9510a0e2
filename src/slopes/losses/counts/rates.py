"""Likelihoods of counts by the logarithm of their rate: Poisson, and negative binomial where they spread wider.

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


def poisson_nll(
    log_rate: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return e^log_rate - targets · log_rate of each count, reduced.

    Args:
        log_rate: `[...]`, any floating dtype: the logarithm of the expected count, any real number.
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
        The gradient is the rate less the count. An exposure (hours watched, people at risk) is a term of the log-rate:
        add its logarithm. With `full` the terms of a million are taken out by hand and the value keeps its digits;
        torch's `full=True` adds Stirling's formula, which is 0.04 off at a count of 2 and 0 at 1 and below.

    Examples:
        >>> poisson_nll(torch.tensor([0.0, 0.0]), torch.tensor([0.0, 3.0]), reduction="none")
        tensor([1., 1.])
        >>> poisson_nll(torch.tensor([0.0]), torch.tensor([3.0]), full=True)  # 1 + log 6
        tensor(2.7918)
    """
    given = {"log_rate": log_rate}
    return of_counts("poisson_nll", counts.POISSON, given, targets, mask, weight, reduction, denominator, full=full)


def negative_binomial_nll(
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
    """Return the negative binomial's -log p of each count, less log targets!, reduced.

    Args:
        log_rate: `[...]`, any floating dtype: the logarithm of the expected count μ, any real number.
        log_dispersion: `[...]`, the logarithm of α in variance = μ + α μ², any real number; -∞ is Poisson.
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
        With r = 1/α it is (r + y) log(1 + αμ) - y log μ - Σ log(1 + αk) over k < y; the sum is written by Stirling's
        rest, so that small dispersions go over into `poisson_nll` and large counts lose no digit. The gradient by the
        log-rate is (μ - y) / (1 + αμ): no count pulls harder than 1/α. Libraries differ in what they call the
        parameters: total_count is r, and the logits of torch.distributions are log αμ.

    Examples:
        >>> rate, dispersion = torch.tensor([0.0]), torch.tensor([0.0])  # 1 and 1: p is 1/2, 1/4, 1/8, ...
        >>> negative_binomial_nll(rate, dispersion, torch.tensor([2.0]), full=True)  # 3 log 2
        tensor(2.0794)
    """
    given = {"log_rate": log_rate, "log_dispersion": log_dispersion}
    return of_counts(
        "negative_binomial_nll",
        counts.NEGATIVE_BINOMIAL,
        given,
        targets,
        mask,
        weight,
        reduction,
        denominator,
        full=full,
    )


class PoissonNLL(Module, of=poisson_nll):
    """Module of `poisson_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


class NegativeBinomialNLL(Module, of=negative_binomial_nll):
    """Module of `negative_binomial_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


SPECS: Final = (
    Spec(
        title="Poisson negative log-likelihood",
        family="counts",
        function=poisson_nll,
        module=PoissonNLL,
        summary="Counts of events: the rate by its logarithm, more noise where more is expected.",
        formula=r"\ell = e^{s} - y\,s,\quad s = \log\mu",
        slope=r"\frac{\partial \ell}{\partial s} = \mu - y",
        inputs=(Input("log_rate", ("...",)), Input("targets", ("...",), "count")),
        aliases=("poisson", "poisson loss", "count regression", "poisson deviance"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.poisson_nll_loss(log_rate, targets, log_input=True)",
                "full=True adds Stirling's formula for log y!, and nothing at 1 and below",
            ),
            Equivalent("Keras", "keras.losses.Poisson()(targets, rate)", "targets first, the rate itself plus 1e-7"),
        ),
        convention="Takes the log-rate; leaves log y! out unless full=True.",
        sources=(Source("Nelder, Wedderburn 1972, Generalized Linear Models", "section 3.1"),),
        elementwise=True,
    ),
    Spec(
        title="Negative binomial negative log-likelihood",
        family="counts",
        function=negative_binomial_nll,
        module=NegativeBinomialNLL,
        summary="Counts that spread wider than Poisson's, with a dispersion of their own.",
        formula=r"\ell = (r + y)\log(1 + \alpha\mu) - y\log\mu - \sum_{k<y}\log(1 + \alpha k),\quad r = 1/\alpha",
        slope=r"\frac{\partial \ell}{\partial \log\mu} = \frac{\mu - y}{1 + \alpha\mu}",
        inputs=(
            Input("log_rate", ("...",)),
            Input("log_dispersion", ("...",)),
            Input("targets", ("...",), "count"),
        ),
        aliases=("nb loss", "nb2", "gamma-poisson", "overdispersed counts", "negative binomial"),
        equivalents=(
            Equivalent(
                "torch",
                "-torch.distributions.NegativeBinomial((-log_dispersion).exp(), "
                "logits=log_rate + log_dispersion).log_prob(targets)",
                "has log y! in it",
            ),
            Equivalent(
                "scipy",
                "-scipy.stats.nbinom.logpmf(targets, 1 / alpha, 1 / (1 + alpha * rate))",
                "has log y! in it, and takes the probability of a stop",
            ),
        ),
        convention="Mean and dispersion by their logarithms, variance = μ + α μ² (NB2); leaves log y! out unless full.",
        sources=(Source("Hilbe 2011, Negative Binomial Regression", "section 8.2"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
