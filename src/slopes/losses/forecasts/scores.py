"""Scores of a whole forecast against what came: the continuous ranked probability score, of a bell and of an ensemble.

Dimension names: `...` is any shape; M is the number of members of an ensemble.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.errors import ShapeError
from slopes._core.module import Module
from slopes._core.numerics import horner
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise

_ROOT_HALF: Final = 0.7071067811865476
_ONE_OVER_ROOT_PI: Final = 0.5641895835477563
_HALF_LOG_2: Final = 0.34657359027997264
# erf(u) = u P(u²): Maclaurin's coefficients 2/√π (-1)^n / (n! (2n + 1)), enough for u up to 0.5 in float64.
_ERF: Final = (
    1.1283791670955126,
    -0.37612638903183754,
    0.11283791670955126,
    -0.026866170645131252,
    0.005223977625442188,
    -0.0008548327023450853,
    0.00012055332981789664,
    -1.4925650358406252e-05,
    1.6462114365889246e-06,
    -1.6365844691234924e-07,
    1.4807192815879217e-08,
    -1.2290555301717926e-09,
    9.422759064650411e-11,
)


def crps_gaussian(
    mean: Tensor,
    log_variance: Tensor,
    target: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return σ (z (2Φ(z) - 1) + 2φ(z) - 1/√π), z = (target - mean) / σ, of each element, reduced.

    Args:
        mean: `[...]`, any floating dtype.
        log_variance: `[...]`, the logarithm of σ²: any real number, as `gaussian_nll` takes it.
        target: `[...]`.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the target's unit, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        The area between the forecast's distribution function and the step at the target, squared. The gradient by the
        mean is 2Φ(-z) - 1, so that a far target pulls with 1 and no more; by the log-variance it is
        ½σ (2φ(z) - 1/√π), 0 at |z| = √log 2. Far off it is |target - mean| - σ/√π, and for σ = 0 `mae`.

    Examples:
        >>> crps_gaussian(torch.tensor([0.0]), torch.tensor([0.0]), torch.tensor([0.0]), reduction="none")
        tensor([0.2337])
    """
    check.alike("crps_gaussian", mean=mean, log_variance=log_variance, target=target)
    plan = reduce.plan(
        "crps_gaussian", mean.shape, mean, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    return defined.reduced(_CRPS_GAUSSIAN, plan, mean=mean, log_variance=log_variance, target=target)


def crps_ensemble(
    members: Tensor,
    targets: Tensor,
    *,
    fair: bool = True,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the mean |member - target| less half the mean |member - other member|, of each ensemble, reduced.

    Args:
        members: `[..., M]`, equally likely forecasts in any order; any floating dtype; M at least 2 if fair.
        targets: `[...]`.
        fair: Whether the second mean is over the M (M - 1) pairs of two members, which makes the score unbiased in M,
            or over all M², which scores the ensemble as the distribution itself.
        mask: `[...]` boolean, True where an ensemble counts.
        weight: `[...]`, weight of each ensemble, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the targets' unit, at least 0.

    Raises:
        ShapeError: `members` does not have the shape of `targets` with M appended, or too few of them.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `fair`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or an entry is infinite, or nearly.

    Notes:
        The members are sorted, in O(M log M) time and O(M) memory, and the gaps between them added up with weights
        of at least 0, so that nothing cancels. The gradient by a member is sign(member - target) / M less what its
        rank gives; members that are equal share their ranks, and their gradients are the same. Where a member is on
        the target that sign is 0. Two members around the target have a fair score of 0 and no gradient.

    Examples:
        >>> crps_ensemble(torch.tensor([[1.0, 3.0, 4.0]]), torch.tensor([2.0]), reduction="none")  # 4/3 - 2/2
        tensor([0.3333])
    """
    check.floating("crps_ensemble", members=members, targets=targets)
    check.flag("crps_ensemble", "fair", fair)
    check.dimensions("crps_ensemble", "members", members, "[..., M]", 1)
    check.has_shape(
        "crps_ensemble", "members", members, [*targets.shape, members.shape[-1]], "the shape of `targets`, then M"
    )
    _enough("crps_ensemble", members, fair=fair)
    check.same_device("crps_ensemble", members=members, targets=targets)
    check.same_precision("crps_ensemble", members=members, targets=targets)
    plan = reduce.plan(
        "crps_ensemble",
        targets.shape,
        members,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    check.moderate("crps_ensemble", plan.keep, members=members, targets=targets)
    dtype = wide(members.dtype)
    apart = plan.neutral(members.to(dtype)) - plan.neutral(targets.to(dtype)).unsqueeze(-1)
    return defined.reduced(_CRPS_ENSEMBLE, plan, 1 if fair else 0, members=apart)


class CRPSGaussian(Module, of=crps_gaussian):
    """Module of `crps_gaussian`."""

    reduction: Reduction = "mean"


class CRPSEnsemble(Module, of=crps_ensemble):
    """Module of `crps_ensemble`."""

    fair: bool = True
    reduction: Reduction = "mean"


def _enough(function: str, members: Tensor, *, fair: bool) -> None:
    """Raise `ShapeError` where an ensemble has too few members."""
    if members.shape[-1] < 1 + fair:
        message = (
            f"{function}: `members` has shape {check.shape_of(members)}, expected at least {1 + fair} members in the "
            f"last dimension; draw more of them{', or pass fair=False' if members.shape[-1] else ''}."
        )
        raise ShapeError(message)


def _crps_gaussian(m: Tensor, s: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    most = torch.finfo(s.dtype).max
    sigma = torch.exp(0.5 * s)
    # 1/σ in two factors, each of them finite: a residual of 0 stays 0 whatever it is multiplied by.
    root = torch.exp(-0.25 * s).clamp(max=most)
    r = m - t
    u = (r * (_ROOT_HALF * root)) * root
    by_mean = _erf(u)
    spread = _ONE_OVER_ROOT_PI * torch.expm1(_HALF_LOG_2 - (u * u).clamp(max=most))  # 2φ(z) - 1/√π
    return r * by_mean + sigma * spread, (by_mean, 0.5 * sigma * spread, -by_mean)


def _erf(u: Tensor) -> Tensor:
    """Return erf(u) with a relative error of a few units: compilers have one that is only near 0 near 0."""
    near = u.clamp(-0.5, 0.5)
    return torch.where(u.abs() < 0.5, near * horner(near * near, _ERF), torch.erf(u))  # noqa: PLR2004


def _crps_ensemble(d: Tensor, fair: int) -> tuple[Tensor, tuple[Tensor]]:
    count = d.shape[-1]
    pairs = count * (count - fair)
    ordered = d.sort(-1).values
    rank = torch.arange(1, count + 1, dtype=d.dtype, device=d.device)
    zero = torch.zeros_like(ordered[..., :1])
    # Of each gap below the target, with k members at its left, k (k - fair) / pairs; above it by those at its right.
    below = torch.cat([ordered.clamp(max=0), zero], -1).diff(dim=-1)
    above = torch.cat([zero, ordered.clamp(min=0)], -1).diff(dim=-1)
    left, right = rank * (rank - fair) / pairs, (count + 1 - rank) * (count + 1 - rank - fair) / pairs
    value = (left * below + right * above).sum(-1)
    still = ordered.detach().contiguous()
    given = d.detach().contiguous()
    less = torch.searchsorted(still, given)
    more = count - torch.searchsorted(still, given, right=True)
    slope = ((count - fair) * d.detach().sign() - (less - more)) / pairs
    return value, (slope,)


_CRPS_GAUSSIAN: Final = Pointwise.sharing("CRPSGaussian", _crps_gaussian, tensors=3)
_CRPS_ENSEMBLE: Final = Pointwise.sharing("CRPSEnsemble", _crps_ensemble, tensors=1, rows=True)

SPECS: Final = (
    Spec(
        title="CRPS of a Gaussian",
        family="forecasts",
        function=crps_gaussian,
        module=CRPSGaussian,
        summary="A mean with its error bar, in the target's own unit: weather, loads, calibrated intervals.",
        formula=r"\ell = \sigma\left(z(2\Phi(z) - 1) + 2\varphi(z) - \frac{1}{\sqrt\pi}\right),"
        r"\quad z = \frac{y - \mu}{\sigma}",
        slope=r"\frac{\partial \ell}{\partial \mu} = 1 - 2\Phi(z),\quad"
        r"\frac{\partial \ell}{\partial \log\sigma^2} = \tfrac12\sigma\left(2\varphi(z) - \frac{1}{\sqrt\pi}\right)",
        inputs=(Input("mean", ("...",)), Input("log_variance", ("...",)), Input("target", ("...",))),
        range=NON_NEGATIVE,
        aliases=("crps", "continuous ranked probability score", "crps normal"),
        equivalents=(
            Equivalent("properscoring", "properscoring.crps_gaussian(target, mean, sigma)", "σ itself; NumPy"),
            Equivalent("scoringrules", "scoringrules.crps_normal(target, mean, sigma)", "target first, σ itself"),
        ),
        convention="Takes the log-variance, as gaussian_nll does, so that one head serves both.",
        sources=(Source("Gneiting et al. 2005, Calibrated Probabilistic Forecasting", "equation 5"),),
        elementwise=True,
    ),
    Spec(
        title="CRPS of an ensemble",
        family="forecasts",
        function=crps_ensemble,
        module=CRPSEnsemble,
        summary="Forecasts as samples: weather models, generative forecasters, no density needed.",
        formula=r"\ell = \frac1M \sum_i |x_i - y| - \frac{1}{2 M (M - 1)} \sum_{i,j} |x_i - x_j|",
        slope=r"\frac{\partial \ell}{\partial x_i} = \frac{\operatorname{sign}(x_i - y)}{M}"
        r" - \frac{\#\{x_j < x_i\} - \#\{x_j > x_i\}}{M (M - 1)}",
        inputs=(Input("members", ("...", "M")), Input("targets", ("...",))),
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(Parameter("fair", "over pairs of two members, not over all", choices=("True", "False")),),
        aliases=("fair crps", "ensemble crps", "sample crps", "almost fair crps"),
        equivalents=(
            Equivalent("properscoring", "properscoring.crps_ensemble(targets, members)", "fair=False; NumPy"),
            Equivalent(
                "scoringrules", "scoringrules.crps_ensemble(targets, members, estimator='fair')", "targets first"
            ),
        ),
        convention="Fair by default: in M unbiased, as training on few members wants it; fair=False has M² pairs.",
        sources=(
            Source("Gneiting, Raftery 2007, Strictly Proper Scoring Rules", "section 4.2"),
            Source("Ferro 2014, Fair Scores for Ensemble Forecasts"),
        ),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
