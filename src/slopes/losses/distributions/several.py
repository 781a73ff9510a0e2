"""Likelihoods with more than an error bar: a mixture of Gaussians, and a distribution over Gaussians.

Dimension names: `...` is any shape; K is the number of components.
"""

from __future__ import annotations

from typing import Final

import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pointwise import defined, densities, gamma
from slopes.losses.likelihood import observed


def mixture_nll(
    logits: Tensor,
    mean: Tensor,
    log_scale: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log Σ softmax(logits) · Gaussian(targets; mean, scale) over K components, less ½ log 2π, reduced.

    Args:
        logits: `[..., K]`, any floating dtype: scores of the components before the softmax. -∞ takes one out.
        mean: `[..., K]`, the mean of each component.
        log_scale: `[..., K]`, the logarithm of each standard deviation: any real number.
        targets: `[...]`, a constant.
        full: Add ½ log 2π, so that it is the whole negative log-likelihood.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats.

    Raises:
        ShapeError: `mean` or `log_scale` differs from `logits`, `targets` from their leading shape, or K is 0.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `full`, `reduction` or `denominator` is outside its domain, or `targets` requires a gradient.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        Each component gets the gradient of its own `gaussian_nll`, times the chance that the target is its own. The
        likelihood has no bound: a component that sits on one target and shrinks costs less and less. Keep log_scale
        above a floor of your own where targets repeat.

    Examples:
        >>> logits, mean, log_scale = torch.zeros(3, 1, 2)  # two alike are one: ½ 2²
        >>> mixture_nll(logits, mean, log_scale, torch.tensor([2.0])).item()
        2.0
    """
    check.alike("mixture_nll", logits=logits, mean=mean, log_scale=log_scale)
    check.floating("mixture_nll", targets=targets)
    check.dimensions("mixture_nll", "logits", logits, "[..., K]", 1)
    check.filled("mixture_nll", "logits", logits, "[..., K]")
    check.has_shape("mixture_nll", "targets", targets, logits.shape[:-1], "the shape of `logits` without K")
    check.same_device("mixture_nll", logits=logits, targets=targets)
    check.same_precision("mixture_nll", logits=logits, targets=targets)
    check.constant("mixture_nll", targets=targets)
    check.flag("mixture_nll", "full", full)
    plan = reduce.plan(
        "mixture_nll", targets.shape, logits, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    constant = gamma.HALF_LOG_2PI if full else 0.0
    given = {"logits": logits, "mean": mean, "log_scale": log_scale, "targets": targets}
    return defined.reduced(densities.MIXTURE, plan, constant, **given)


def evidential(
    location: Tensor,
    log_nu: Tensor,
    log_excess: Tensor,
    log_beta: Tensor,
    targets: Tensor,
    *,
    strength: float = 0.01,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log of the evidence for each target, and strength · |location - targets| (2ν + α), reduced.

    Args:
        location: `[...]`, any floating dtype: the predicted mean γ.
        log_nu: `[...]`, the logarithm of ν, how many observations the mean is worth: any real number.
        log_excess: `[...]`, the logarithm of α - 1, any real number: α is above 1, where the variance is finite.
        log_beta: `[...]`, the logarithm of β, any real number: the expected variance is β / (α - 1).
        targets: `[...]`.
        strength: λ, how dear evidence is where the prediction is wrong, at least 0.
        full: Add ½ log 2π, so that the first part is the whole negative log-likelihood.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, the second part in the targets' unit.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `strength`, `full`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        The target of a normal-inverse-gamma distribution is Student's t with 2α degrees of freedom and the squared
        scale β (1 + ν) / (ν α). That fixes the scale, and not ν and β apart: what is read as the model's ignorance, β /
        (ν (α - 1)), is a heuristic (Meinert et al. 2023).

    Examples:
        >>> zero = torch.zeros(1)  # α = 2, so four degrees of freedom, of scale 1: log(8/3) is 0.98
        >>> evidential(zero, zero, zero, zero, zero, full=True)
        tensor(0.9808)
    """
    given = {"location": location, "log_nu": log_nu, "log_excess": log_excess, "log_beta": log_beta, "targets": targets}
    strength = float(check.option("evidential", "strength", strength, FINITE_NON_NEGATIVE))
    plan = observed("evidential", mask, weight, reduction, denominator, full=full, **given)
    constant = gamma.HALF_LOG_2PI if full else 0.0
    return defined.reduced(densities.EVIDENTIAL, plan, strength, constant, **given)


class MixtureNLL(Module, of=mixture_nll):
    """Module of `mixture_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


class Evidential(Module, of=evidential):
    """Module of `evidential`."""

    strength: float = 0.01
    full: bool = False
    reduction: Reduction = "mean"


_COMPONENTS: Final = ("...", "K")

SPECS: Final = (
    Spec(
        title="Mixture of Gaussians (mixture density network)",
        family="distributions",
        function=mixture_nll,
        module=MixtureNLL,
        summary="Targets that can lie in several places: as many means and error bars as there are.",
        formula=r"\ell = -\log\sum_k \pi_k \frac{1}{\sigma_k} e^{-\frac12 z_k^2},"
        r"\quad z_k = \frac{\mu_k - y}{\sigma_k}",
        slope=r"\frac{\partial \ell}{\partial \mu_k} = P(k \mid y)\,\frac{z_k}{\sigma_k}",
        inputs=(
            Input("logits", _COMPONENTS),
            Input("mean", _COMPONENTS),
            Input("log_scale", _COMPONENTS),
            Input("targets", ("...",)),
        ),
        output=("...",),
        aliases=("mdn", "mixture density network", "gaussian mixture", "gmm loss"),
        equivalents=(
            Equivalent(
                "torch",
                "-torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=logits), "
                "torch.distributions.Normal(mean, log_scale.exp())).log_prob(targets)",
                "has ½ log 2π in it, takes the scale itself",
            ),
        ),
        convention="Components last; scales by their logarithm; leaves ½ log 2π out, as gaussian_nll does.",
        sources=(Source("Bishop 1994, Mixture Density Networks", "equation 23"),),
    ),
    Spec(
        title="Evidential regression",
        family="distributions",
        function=evidential,
        module=Evidential,
        summary="A mean with its error bar, and how much both are worth.",
        formula=r"\ell = -\log \mathrm{St}\left(y;\ \gamma,\ \frac{\beta(1 + \nu)}{\nu\alpha},\ 2\alpha\right)"
        r" + \lambda\,|r|\,(2\nu + \alpha),\quad r = \gamma - y",
        slope=r"\frac{(2\alpha + 1)\,\nu r}{2\beta(1 + \nu) + \nu r^2} + \lambda\,\frac{r}{|r|}(2\nu + \alpha)",
        inputs=tuple(Input(name, ("...",)) for name in ("location", "log_nu", "log_excess", "log_beta", "targets")),
        parameters=(Parameter("strength", "the price of evidence", FINITE_NON_NEGATIVE, "λ", slider=(0, 1, 0.01)),),
        aliases=("deep evidential regression", "normal-inverse-gamma", "nig loss", "evidential uncertainty"),
        equivalents=(
            Equivalent(
                "evidential-deep-learning", "edl.losses.EvidentialRegression(y, out, coeff=strength)", "½ log 2π in it"
            ),
        ),
        convention="ν, α - 1 and β by their logarithms; leaves ½ log 2π out unless full=True.",
        sources=(Source("Amini et al. 2020, Deep Evidential Regression", "equations 8 and 9"),),
        elementwise=True,
        smooth="no",
        kinks=(0.0,),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
