"""Likelihoods with a location and a scale, and tails of their own: Laplace, Student's t, log-normal.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, numerics
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_POSITIVE, Equivalent, Input, Source, Spec
from slopes.kernels.pointwise import defined, densities, gamma
from slopes.losses.likelihood import observed


def laplace_nll(
    location: Tensor,
    log_scale: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return log_scale + |location - targets| / scale of each element, reduced.

    Args:
        location: `[...]`, any floating dtype: the median, which is the mean too.
        log_scale: `[...]`, the logarithm of the mean absolute deviation: any real number, so that no clamp is needed.
        targets: `[...]`.
        full: Add log 2, so that it is the whole negative log-likelihood.
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
        The gradient by the location is ±1/scale, and 0 on the target. The scale is not the standard deviation, which
        is √2 times as large. A location that fits exactly costs the log-scale, however far that has run.

    Examples:
        >>> laplace_nll(torch.tensor([1.0]), torch.tensor([2.0]).log(), torch.tensor([5.0]))  # log 2 + 4/2
        tensor(2.6931)
    """
    plan = observed(
        "laplace_nll",
        mask,
        weight,
        reduction,
        denominator,
        full=full,
        location=location,
        log_scale=log_scale,
        targets=targets,
    )
    constant = numerics.LOG_2 if full else 0.0
    return defined.reduced(densities.LAPLACE, plan, constant, location=location, log_scale=log_scale, targets=targets)


def student_t_nll(
    location: Tensor,
    log_scale: Tensor,
    log_df: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log of Student's t of each element, less ½ log 2π, reduced.

    Args:
        location: `[...]`, any floating dtype: the median.
        log_scale: `[...]`, the logarithm of the scale σ: any real number.
        log_df: `[...]`, the logarithm of the degrees of freedom ν: any real number; ∞ is the normal distribution.
        targets: `[...]`.
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
        With z = (location - target) / σ it is log σ + ½(ν + 1) log(1 + z²/ν) + log Γ(ν/2) - log Γ((ν + 1)/2) +
        ½ log(ν/2), and what is left out is that of `gaussian_nll`, into which it goes over as ν grows. The pull of a
        target is largest at z = √ν and falls off beyond. The scale is not the standard deviation, which is
        σ √(ν/(ν - 2)) and infinite for ν of 2 and below. A fixed ν is torch.full_like(location, math.log(4)).

    Examples:
        >>> zeros = torch.zeros(2)  # ν = 1 is Cauchy's: log π, and log 2 more where z is 1
        >>> student_t_nll(zeros, zeros, zeros, torch.tensor([0.0, 1.0]), full=True, reduction="none")
        tensor([1.1447, 1.8379])
    """
    plan = observed(
        "student_t_nll",
        mask,
        weight,
        reduction,
        denominator,
        full=full,
        location=location,
        log_scale=log_scale,
        log_df=log_df,
        targets=targets,
    )
    constant = gamma.HALF_LOG_2PI if full else 0.0
    given = {"location": location, "log_scale": log_scale, "log_df": log_df, "targets": targets}
    return defined.reduced(densities.STUDENT_T, plan, constant, **given)


def log_normal_nll(
    location: Tensor,
    log_scale: Tensor,
    targets: Tensor,
    *,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return log_scale + ½ ((location - log targets) / scale)² of each element, reduced.

    Args:
        location: `[...]`, any floating dtype: the mean of the logarithm; e^location is the median.
        log_scale: `[...]`, the logarithm of the logarithm's standard deviation: any real number.
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
        It is `gaussian_nll` of log targets, at twice the log-scale. e^location is the median; the mean is e^(location +
        ½ scale²). To compare with the likelihood of another distribution of the same targets pass `full`, which has
        the log targets in it.

    Examples:
        >>> log_normal_nll(torch.tensor([0.0]), torch.tensor([0.0]), torch.tensor([2.0]).exp()).item()
        2.0
    """
    plan = observed(
        "log_normal_nll",
        mask,
        weight,
        reduction,
        denominator,
        full=full,
        location=location,
        log_scale=log_scale,
        targets=targets,
    )
    check.constant("log_normal_nll", targets=targets)
    fix = "where 0 is possible use tweedie"
    check.within("log_normal_nll", "targets", targets, FINITE_POSITIVE, fix, plan.keep)
    # What the formula takes for 0 does not count; a 0 that nobody saw shows.
    given = {"location": location, "log_scale": log_scale, "targets": targets.masked_fill(targets == 0, torch.nan)}
    return defined.reduced(densities.LOG_NORMAL, plan, full, **given)


class LaplaceNLL(Module, of=laplace_nll):
    """Module of `laplace_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


class StudentTNLL(Module, of=student_t_nll):
    """Module of `student_t_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


class LogNormalNLL(Module, of=log_normal_nll):
    """Module of `log_normal_nll`."""

    full: bool = False
    reduction: Reduction = "mean"


_LOCATION: Final = Input("location", ("...",))
_LOG_SCALE: Final = Input("log_scale", ("...",))
_TARGETS: Final = Input("targets", ("...",))

SPECS: Final = (
    Spec(
        title="Laplace negative log-likelihood",
        family="distributions",
        function=laplace_nll,
        module=LaplaceNLL,
        summary="The absolute error with its own error bar.",
        formula=r"\ell = \log b + \frac{|\hat y - y|}{b}",
        slope=r"\frac{\partial \ell}{\partial \hat y} = \frac{\operatorname{sign}(\hat y - y)}{b}",
        inputs=(_LOCATION, _LOG_SCALE, _TARGETS),
        aliases=("laplacian nll", "double exponential", "probabilistic mae"),
        equivalents=(
            Equivalent(
                "torch",
                "-torch.distributions.Laplace(location, log_scale.exp()).log_prob(targets)",
                "has log 2 in it, takes the scale itself",
            ),
        ),
        convention="Takes the log-scale, so that no clamp is needed; leaves log 2 out unless full=True.",
        sources=(Source("Laplace 1774, Mémoire sur la probabilité des causes par les événements"),),
        elementwise=True,
        smooth="no",
        kinks=(0.0,),
    ),
    Spec(
        title="Student's t negative log-likelihood",
        family="distributions",
        function=student_t_nll,
        module=StudentTNLL,
        summary="An error bar that bad targets do not widen: tails as heavy as the degrees of freedom say.",
        formula=r"\ell = \log\sigma + \tfrac{\nu+1}{2}\log\left(1 + \tfrac{z^2}{\nu}\right)"
        r" + \log\frac{\Gamma(\nu/2)\sqrt{\nu/2}}{\Gamma((\nu+1)/2)},\quad z = \frac{\hat y - y}{\sigma}",
        slope=r"\frac{\partial \ell}{\partial \hat y} = \frac{(\nu+1)\,z}{\sigma(\nu + z^2)}",
        inputs=(_LOCATION, _LOG_SCALE, Input("log_df", ("...",)), _TARGETS),
        aliases=("student t", "t distribution", "student-t likelihood", "cauchy likelihood", "robust nll"),
        equivalents=(
            Equivalent(
                "torch",
                "-torch.distributions.StudentT(log_df.exp(), location, log_scale.exp()).log_prob(targets)",
                "has ½ log 2π in it, takes the scale itself",
            ),
        ),
        convention="Scale and degrees of freedom by their logarithms; leaves ½ log 2π out, as gaussian_nll does.",
        sources=(Source("Lange, Little, Taylor 1989, Robust Statistical Modeling Using the t Distribution"),),
        elementwise=True,
    ),
    Spec(
        title="Log-normal negative log-likelihood",
        family="distributions",
        function=log_normal_nll,
        module=LogNormalNLL,
        summary="Positive numbers whose errors are ratios, with an error bar.",
        formula=r"\ell = \log\sigma + \tfrac12\left(\frac{\hat y - \log y}{\sigma}\right)^2",
        slope=r"\frac{\partial \ell}{\partial \hat y} = \frac{\hat y - \log y}{\sigma^2}",
        inputs=(_LOCATION, _LOG_SCALE, Input("targets", ("...",), "positive")),
        aliases=("lognormal", "log-normal likelihood", "galton"),
        equivalents=(
            Equivalent(
                "torch",
                "-torch.distributions.LogNormal(location, log_scale.exp()).log_prob(targets)",
                "has log targets + ½ log 2π in it, takes the scale itself",
            ),
        ),
        convention="Takes the log-scale; leaves log targets and ½ log 2π out unless full=True.",
        sources=(Source("Galton 1879, The Geometric Mean, in Vital and Social Statistics"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
