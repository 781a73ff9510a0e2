"""Diffusion: what a network that takes noise out of a sample is asked for, and what an error costs at each level.

Dimension names: `[B..., ...]` is the shape of the samples x; alpha and sigma have its first dimensions. The noised
sample is alpha · x + sigma · ε, and the signal-to-noise ratio is (alpha / sigma)².
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import (
    FINITE_NON_NEGATIVE,
    FINITE_POSITIVE,
    NON_NEGATIVE,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.generation.levels import LEVEL, SOME, check_levels, spread, within

Kind = Literal["epsilon", "sample", "velocity"]
Weighting = Literal["none", "snr", "min_snr", "edm", "p2"]
_KINDS: Final = ("epsilon", "sample", "velocity")
_WEIGHTINGS: Final = ("none", "snr", "min_snr", "edm", "p2")


class Diffused(NamedTuple):
    """What `diffusion_targets` returns: the noised sample that goes in, and what is to come out."""

    noised: Tensor
    targets: Tensor


def diffusion_targets(
    sample: Tensor, noise: Tensor, alpha: Tensor, sigma: Tensor, *, kind: Kind = "epsilon"
) -> Diffused:
    """Return alpha · sample + sigma · noise, and what a network is to predict from it.

    Args:
        sample: `[B..., ...]`, the clean sample x; any floating dtype.
        noise: `[B..., ...]`, ε, drawn from the standard normal.
        alpha: `[B...]`, share of the signal: one number for each sample, and 0-d is one for all.
        sigma: `[B...]`, share of the noise.
        kind: `"epsilon"` is the noise, `"sample"` the sample, `"velocity"` alpha · noise - sigma · sample.

    Returns:
        `(noised, targets)`, both of the sample's shape; float32 for 16-bit input; the sample's unit. No gradient goes
        to `alpha` and `sigma`.

    Raises:
        ShapeError: `noise` has another shape, or a level has not the first dimensions of `sample`.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `kind` is none of the three.

    Notes:
        Nothing asks for alpha² + sigma² = 1: alpha = 1 noises as EDM does, alpha = 1 - sigma as a rectified flow,
        whose own velocity, ε - x, is the target of `flow_matching`. The schedule is yours.
        Source: Salimans, Ho 2022, Progressive Distillation, section 4.

    Examples:
        >>> x, noise = torch.tensor([[1.0, -1.0]]), torch.tensor([[2.0, 0.0]])
        >>> diffusion_targets(x, noise, torch.tensor([0.8]), torch.tensor([0.6]), kind="velocity")
        Diffused(noised=tensor([[ 2.0000, -0.8000]]), targets=tensor([[1.0000, 0.6000]]))
    """
    check.choice("diffusion_targets", "kind", kind, _KINDS)
    check.alike("diffusion_targets", sample=sample, noise=noise)
    check_levels("diffusion_targets", sample, alpha=alpha, sigma=sigma)
    a, s = spread(alpha, sample), spread(sigma, sample)
    x, e = sample.to(a.dtype), noise.to(a.dtype)
    targets = {"epsilon": e, "sample": x, "velocity": a * e - s * x}
    return Diffused(a * x + s * e, targets[kind])


def diffusion_loss(
    predictions: Tensor,
    targets: Tensor,
    alpha: Tensor,
    sigma: Tensor,
    *,
    kind: Kind = "epsilon",
    weighting: Weighting = "none",
    gamma: float = 5.0,
    sigma_data: float = 0.5,
    p2_gamma: float = 1.0,
    p2_k: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return w · (predictions - targets)² of each element, reduced; w follows from the level of noise.

    With snr = (alpha / sigma)², an error in the sample weighs `"snr"`: snr, `"min_snr"`: min(snr, gamma), `"edm"`:
    snr + 1 / sigma_data², `"p2"`: snr / (p2_k + snr)^p2_gamma. The same error is larger by 1/√snr as one of epsilon's
    and by (alpha² + sigma²) / sigma as one of the velocity's; w makes up for it.

    Args:
        predictions: `[B..., ...]`, what the network says; any floating dtype.
        targets: `[B..., ...]`, what it was asked for: `diffusion_targets`.
        alpha: `[B...]`, share of the signal: one number for each sample, and 0-d is one for all; a constant.
        sigma: `[B...]`, share of the noise; a constant.
        kind: What is predicted: `"epsilon"`, `"sample"` or `"velocity"`.
        weighting: `"none"` (w is 1, whatever the kind), `"snr"`, `"min_snr"`, `"edm"` or `"p2"`.
        gamma: The cap of min_snr, above 0.
        sigma_data: The standard deviation of the data, for edm.
        p2_gamma: How much p2 turns down what is nearly clean; 0 makes it snr.
        p2_k: What p2 adds to the ratio, above 0.
        mask: `[B..., ...]` boolean, True where an element counts.
        weight: `[B..., ...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[B..., ...]` for `"none"`; float32 for 16-bit input; the sample's unit squared, at least 0.

    Raises:
        ShapeError: Shapes differ, or a level has not the first dimensions of `predictions`; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain.
        ValuesError: A level is not in [0, 1e9]; or with a weighting it says nothing of the sample: alpha below 1e-9
            for epsilon, sigma for sample, both for velocity; or infinities meet.

    Notes:
        Under one weighting a network's error costs the same, and pulls the same, whichever of the three it predicts.
        A plain mean of epsilon's errors is `"snr"`; that of the velocity's is snr + 1, edm of sigma_data = 1. w is no
        weight of the mean: the divisor stays the number of elements.
        Sources: Hang et al. 2023 (min_snr); Karras et al. 2022, table 1 (edm); Choi et al. 2022, equation 8 (p2).

    Examples:
        >>> level = torch.tensor([0.5])  # as much signal as noise
        >>> diffusion_loss(torch.tensor([[3.0]]), torch.tensor([[1.0]]), level, level, weighting="p2").item()
        2.0
    """
    name = "diffusion_loss"
    check.choice(name, "kind", kind, _KINDS)
    check.choice(name, "weighting", weighting, _WEIGHTINGS)
    options = _options(gamma, sigma_data, p2_gamma, p2_k)
    check.alike(name, predictions=predictions, targets=targets)
    check_levels(name, predictions, alpha=alpha, sigma=sigma)
    plan = reduce.plan(
        name, predictions.shape, predictions, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    weights = _weights(alpha, sigma, kind, weighting, options, predictions, plan.keep)
    return defined.reduced(_WEIGHTED_SQUARE, plan, predictions=predictions, targets=targets, weights=weights)


class DiffusionLoss(Module, of=diffusion_loss):
    """Module of `diffusion_loss`."""

    kind: Kind = "epsilon"
    weighting: Weighting = "none"
    gamma: float = 5.0
    sigma_data: float = 0.5
    p2_gamma: float = 1.0
    p2_k: float = 1.0
    reduction: Reduction = "mean"


def _options(gamma: float, sigma_data: float, p2_gamma: float, p2_k: float) -> tuple[float, ...]:
    name = "diffusion_loss"
    return (
        float(check.option(name, "gamma", gamma, FINITE_POSITIVE)),
        float(check.option(name, "sigma_data", sigma_data, FINITE_POSITIVE)),
        float(check.option(name, "p2_gamma", p2_gamma, FINITE_NON_NEGATIVE)),
        float(check.option(name, "p2_k", p2_k, FINITE_POSITIVE)),
    )


def _weights(
    alpha: Tensor,
    sigma: Tensor,
    kind: Kind,
    weighting: Weighting,
    options: tuple[float, ...],
    like: Tensor,
    keep: Tensor | None,
) -> Tensor:
    """Return w for each element, from levels that say something of the sample."""
    name = "diffusion_loss"
    within(name, "alpha", alpha, LEVEL, like, keep)
    within(name, "sigma", sigma, LEVEL, like, keep)
    if weighting == "none":
        return torch.ones((), dtype=spread(alpha, like).dtype, device=like.device).expand(like.shape)
    needed = {"epsilon": ("alpha", alpha), "sample": ("sigma", sigma), "velocity": ("alpha + sigma", alpha + sigma)}
    within(name, needed[kind][0], needed[kind][1], SOME, like, keep)
    # A squared error in the sample weighs signal / s; epsilon's is a / s of that, the velocity's (a + s)² / s.
    a, s = (level.detach().to(wide(level.dtype)).square() for level in (alpha, sigma))
    over = {"epsilon": a, "sample": s, "velocity": (a + s).square()}
    return spread(_signal(a, s, weighting, *options) / over[kind], like)


def _signal(
    a: Tensor, s: Tensor, weighting: Weighting, gamma: float, sigma_data: float, p2_gamma: float, p2_k: float
) -> Tensor:
    """Return the weight of an error in the sample, times sigma², from alpha² and sigma²."""
    if weighting == "min_snr":
        return torch.minimum(a, gamma * s)
    if weighting == "edm":
        return a + s / (sigma_data * sigma_data)
    return a * (p2_k + a / s) ** -p2_gamma if weighting == "p2" else a


def _weighted_square(p: Tensor, t: Tensor, w: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, None]]:
    r = p - t
    slope = 2 * (w * r)
    return w * (r * r), (slope, -slope, None)


_WEIGHTED_SQUARE: Final = Pointwise.sharing("WeightedSquare", _weighted_square, tensors=3)

SPECS: Final = (
    Spec(
        title="Diffusion targets",
        tool=True,
        family="generation",
        function=diffusion_targets,
        summary="A sample drowned in noise, and what a network is to say of it: the noise, the sample, the velocity.",
        formula=r"x_t = \alpha x + \sigma\varepsilon,\quad v = \alpha\varepsilon - \sigma x",
        inputs=(
            Input("sample", ("...", "D")),
            Input("noise", ("...", "D")),
            Input("alpha", ("...",), "positive"),
            Input("sigma", ("...",), "positive"),
        ),
        parameters=(Parameter("kind", "what is predicted", choices=_KINDS),),
        aliases=("add noise", "forward process", "v-prediction", "epsilon prediction", "noising", "get_velocity"),
        equivalents=(
            Equivalent(
                "diffusers",
                "scheduler.add_noise(sample, noise, timesteps), scheduler.get_velocity(sample, noise, timesteps)",
                "takes steps of its own schedule, alpha = alphas_cumprod[t]^0.5",
            ),
        ),
        convention="alpha and sigma are given for each sample; the schedule is yours.",
        sources=(
            Source("Ho, Jain, Abbeel 2020, Denoising Diffusion Probabilistic Models", "equation 4"),
            Source("Salimans, Ho 2022, Progressive Distillation for Fast Sampling of Diffusion Models", "section 4"),
        ),
    ),
    Spec(
        title="Diffusion",
        family="generation",
        function=diffusion_loss,
        module=DiffusionLoss,
        summary="Denoising by the noise, the sample or the velocity, each level of noise weighed as a paper has it.",
        formula=r"\ell = w(\alpha, \sigma)\,(\hat y - y)^2",
        slope=r"\frac{\partial \ell}{\partial \hat y} = 2w\,(\hat y - y)",
        inputs=(
            Input("predictions", ("...", "D")),
            Input("targets", ("...", "D")),
            Input("alpha", ("...",), "positive"),
            Input("sigma", ("...",), "positive"),
        ),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("kind", "what is predicted", choices=_KINDS),
            Parameter("weighting", "what an error costs at each level of noise", choices=_WEIGHTINGS),
            Parameter("gamma", "cap of min-SNR", FINITE_POSITIVE, r"\gamma", slider=(0.5, 20.0, 0.5)),
            Parameter("sigma_data", "spread of the data", FINITE_POSITIVE, r"\sigma_d", slider=(0.1, 2.0, 0.1)),
            Parameter("p2_gamma", "how much p2 turns down", FINITE_NON_NEGATIVE, r"\gamma_2", slider=(0.0, 2.0, 0.1)),
            Parameter("p2_k", "what p2 adds to the ratio", FINITE_POSITIVE, "k", slider=(0.5, 5.0, 0.5)),
        ),
        aliases=("ddpm", "denoising loss", "min-snr", "edm", "p2 weighting", "snr weighting", "simple loss"),
        equivalents=(
            Equivalent(
                "diffusers",
                "train_text_to_image.py, --snr_gamma gamma",
                "averages each sample before it weighs it, the same number; no edm, no p2",
            ),
        ),
        convention="A weighting is of an error in the sample; for epsilon and velocity it is converted.",
        sources=(
            Source("Hang et al. 2023, Efficient Diffusion Training via Min-SNR Weighting Strategy", "section 3.4"),
            Source("Karras, Aittala, Aila, Laine 2022, Elucidating the Design Space of Diffusion Models", "table 1"),
            Source("Choi et al. 2022, Perception Prioritized Training of Diffusion Models", "equation 8"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
