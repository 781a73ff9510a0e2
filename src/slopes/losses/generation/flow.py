"""Rectified flows: a straight line from the sample to the noise, the velocity along it, and the times to train at.

Dimension names: `[B..., ...]` is the shape of the samples x; the times have its first dimensions. At time t the line
is at (1 - t) · x + t · ε: 0 is clean, 1 is noise alone.
"""

from __future__ import annotations

import math
from typing import Any, Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.differences import difference
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import (
    FINITE,
    FINITE_POSITIVE,
    NON_NEGATIVE,
    UNIT,
    Domain,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.generation.levels import check_levels, spread, within

Weighting = Literal["none", "sigma_sqrt", "cosmap"]
Times = Literal["uniform", "logit_normal", "mode"]
_WEIGHTINGS: Final = ("none", "sigma_sqrt", "cosmap")
_TIMES: Final = ("uniform", "logit_normal", "mode")
_LATE: Final = Domain(1e-9, 1.0)  # of a time whose square is divided by
_MODES: Final = Domain(-1.0, 2.0 / (math.pi - 2.0))  # beyond it times are no longer in order of the uniform ones


def flow_matching(
    velocities: Tensor,
    sample: Tensor,
    noise: Tensor,
    t: Tensor,
    *,
    weighting: Weighting = "none",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return w(t) · (velocities - (noise - sample))² of each element, reduced: rectified flow.

    Args:
        velocities: `[B..., ...]`, what the network says at (1 - t) · sample + t · noise; any floating dtype.
        sample: `[B..., ...]`, the clean sample.
        noise: `[B..., ...]`, what the line ends in, drawn from the standard normal.
        t: `[B...]`, the time of each sample, in [0, 1]: the share of the noise; a constant.
        weighting: w: `"none"` is 1, `"sigma_sqrt"` 1 / t², `"cosmap"` 2 / (π (1 - 2t + 2t²)).
        mask: `[B..., ...]` boolean, True where an element counts.
        weight: `[B..., ...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[B..., ...]` for `"none"`; float32 for 16-bit input; the sample's unit squared, at least 0.

    Raises:
        ShapeError: Shapes differ, or `t` has not the first dimensions of `velocities`; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `weighting`, `reduction` or `denominator` is outside its domain.
        ValuesError: A time is not in [0, 1], for sigma_sqrt not above 1e-9; a weight is negative; or infinities meet.

    Notes:
        The velocity points from the sample to the noise, as in Stable Diffusion 3 and Flux; where time runs the other
        way (Lipman et al., Liu et al.), swap `sample` and `noise` and take 1 - t. w weighs errors in
        the velocity, as diffusers' scripts for Flux do; its script for SD3 weighs errors in the sample unless told not
        to, which are t times these, so that its sigma_sqrt is `"none"` here. SD3 itself trains with w = 1 at
        `flow_times`. w is no weight of the mean: the divisor stays the number of elements.
        Sources: Liu, Gong, Liu 2023, equation 1; Esser et al. 2024, section 3.1.

    Examples:
        >>> x, noise, t = torch.tensor([[1.0]]), torch.tensor([[3.0]]), torch.tensor([0.5])
        >>> flow_matching(torch.tensor([[1.0]]), x, noise, t, weighting="sigma_sqrt").item()  # (1 - 2)² · 4
        4.0
    """
    check.choice("flow_matching", "weighting", weighting, _WEIGHTINGS)
    check.alike("flow_matching", velocities=velocities, sample=sample, noise=noise)
    check_levels("flow_matching", velocities, t=t)
    plan = reduce.plan(
        "flow_matching",
        velocities.shape,
        velocities,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    within("flow_matching", "t", t, _LATE if weighting == "sigma_sqrt" else UNIT, velocities, plan.keep)
    weights = spread(_weights(t.detach().to(wide(t.dtype)), weighting), velocities)
    return defined.reduced(_FLOW, plan, velocities=velocities, sample=sample, noise=noise, weights=weights)


def flow_times(
    sample: Tensor,
    *,
    kind: Times = "uniform",
    mean: float = 0.0,
    std: float = 1.0,
    scale: float = 1.29,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return a random time in [0, 1] for each sample: where a flow is trained.

    Args:
        sample: `[B, ...]`, of which only the number, the dtype and the device are read.
        kind: `"uniform"`; `"logit_normal"` is σ(mean + std · n), n normal: mostly in the middle; `"mode"` is
            1 - u - scale · (cos²(πu/2) - 1 + u), u uniform: heavy in the middle, with the ends kept.
        mean: Of the logit; above 0 more noise.
        std: Of the logit, above 0.
        scale: Of mode, in [-1, 2 / (π - 2)]; above 0 favours the middle.
        generator: Source of chance.

    Returns:
        `[B]`; float32 for 16-bit input; without a graph.

    Raises:
        ShapeError: `sample` has no dimension.
        DtypeError: `sample` is not floating.
        DeviceError: `generator` is on another device.
        OptionError: An option is outside its domain.

    Notes:
        diffusers draws on the CPU; here the numbers are drawn where the sample is. The density takes the place of a
        weight: `flow_matching` at these times needs none. Shifting them for higher resolutions, s t / (1 + (s - 1) t),
        is a line of your own.
        Source: Esser et al. 2024, section 3.1.

    Examples:
        >>> x = torch.zeros(10_000, 8)
        >>> t = flow_times(x, kind="logit_normal", generator=torch.Generator().manual_seed(0))
        >>> round(((t > 0.25) & (t < 0.75)).float().mean().item(), 2)  # |n| < log 3, and 0.5 of uniform times
        0.73
    """
    check.choice("flow_times", "kind", kind, _TIMES)
    mean = float(check.option("flow_times", "mean", mean, FINITE))
    std = float(check.option("flow_times", "std", std, FINITE_POSITIVE))
    scale = float(check.option("flow_times", "scale", scale, _MODES))
    check.floating("flow_times", sample=sample)
    check.dimensions("flow_times", "sample", sample, "[B, ...]", 1)
    check.generator("flow_times", generator, sample=sample)
    how: dict[str, Any] = {"device": sample.device, "dtype": wide(sample.dtype)}
    if generator is not None:  # named only where there is one: with symbolic sizes torch.compile refuses None
        how["generator"] = generator
    if kind == "logit_normal":
        return torch.sigmoid(mean + std * torch.randn(sample.shape[:1], **how))
    u = torch.rand(sample.shape[:1], **how)
    return u if kind == "uniform" else 1 - u - scale * (torch.cos(math.pi / 2 * u).square() - 1 + u)


class FlowMatching(Module, of=flow_matching):
    """Module of `flow_matching`."""

    weighting: Weighting = "none"
    reduction: Reduction = "mean"


def _weights(t: Tensor, weighting: Weighting) -> Tensor:
    if weighting == "none":
        return torch.ones_like(t)
    rising = weighting == "sigma_sqrt"
    weights: Tensor = 1 / (t * t) if rising else (2 / math.pi) / ((1 - t).square() + t * t)
    return weights


def _flow(v: Tensor, x: Tensor, e: Tensor, w: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, None]]:
    high, low = difference(e, x)  # whose rounding is all that is left where the network is nearly right
    r = (v - high) - low
    slope = 2 * (w * r)
    return w * (r * r), (slope, slope, -slope, None)


_FLOW: Final = Pointwise.sharing("Flow", _flow, tensors=4)

SPECS: Final = (
    Spec(
        title="Flow matching",
        family="generation",
        function=flow_matching,
        module=FlowMatching,
        summary="A straight path from noise to data, by its velocity: Stable Diffusion 3, Flux, video.",
        formula=r"\ell = w(t)\left(\hat v - (\varepsilon - x)\right)^2",
        slope=r"\frac{\partial \ell}{\partial \hat v} = 2w(t)\left(\hat v - (\varepsilon - x)\right)",
        inputs=(
            Input("velocities", ("...", "D")),
            Input("sample", ("...", "D")),
            Input("noise", ("...", "D")),
            Input("t", ("...",), "probability"),
        ),
        range=NON_NEGATIVE,
        parameters=(Parameter("weighting", "what an error costs at each time", choices=_WEIGHTINGS),),
        aliases=("rectified flow", "conditional flow matching", "cfm", "velocity matching", "stochastic interpolant"),
        equivalents=(
            Equivalent(
                "diffusers",
                "(compute_loss_weighting_for_sd3(weighting, t) * (velocities - (noise - sample)) ** 2).mean()",
                "the weights of a [B] have to be reshaped by hand",
            ),
            Equivalent("torchcfm", "ConditionalFlowMatcher(sigma=0)", "time runs from noise to data"),
        ),
        convention="t is the share of the noise, and the velocity points towards it, as in Stable Diffusion 3.",
        sources=(
            Source("Liu, Gong, Liu 2023, Flow Straight and Fast", "equation 1"),
            Source("Lipman et al. 2023, Flow Matching for Generative Modeling"),
            Source("Esser et al. 2024, Scaling Rectified Flow Transformers", "section 3.1"),
        ),
    ),
    Spec(
        title="Times of a flow",
        tool=True,
        family="generation",
        function=flow_times,
        summary="At which times a flow is trained: all alike, or mostly in the middle.",
        formula=r"t = u,\quad \sigma(m + s\,n)\quad\text{or}\quad 1 - u - c\left(\cos^2\tfrac{\pi u}{2} - 1 + u\right)",
        inputs=(Input("sample", ("N", "D")),),
        output=("N",),
        range=UNIT,
        parameters=(
            Parameter("kind", "their distribution", choices=_TIMES),
            Parameter("mean", "of the logit", FINITE, "m", slider=(-2.0, 2.0, 0.1)),
            Parameter("std", "of the logit", FINITE_POSITIVE, "s", slider=(0.1, 2.0, 0.1)),
            Parameter("scale", "how much mode favours the middle", _MODES, "c", slider=(-1.0, 1.7, 0.1)),
        ),
        aliases=("timestep sampling", "logit-normal", "mode sampling", "time density"),
        equivalents=(
            Equivalent(
                "diffusers",
                "compute_density_for_timestep_sampling(kind, batch_size, mean, std, scale)",
                "draws on the CPU unless told; `mode` is any other word's uniform",
            ),
        ),
        sources=(Source("Esser et al. 2024, Scaling Rectified Flow Transformers", "section 3.1, equations 19, 20"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
