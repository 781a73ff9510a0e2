"""Activations with a dead zone: what is small becomes a constant, and what is large stays, or is pulled by as much.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.numerics import excess, magnitude
from slopes._core.spec import FINITE, FINITE_NON_NEGATIVE, REALS, Domain, Equivalent, Parameter, Source, Spec
from slopes.activations._forms import INPUT, choose, indicator
from slopes.kernels.pointwise.executor import Pointwise


def threshold(x: Tensor, *, threshold: float = 1.0, value: float = 0.0) -> Tensor:
    """Return x where it is above a threshold, and a constant elsewhere, for each element.

    Args:
        x: `[...]`, any floating dtype.
        threshold: Where the line begins, any finite number.
        value: What stands at and below it, any finite number.

    Returns:
        `[...]`, dtype of `x`.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `threshold` or `value` is not a finite number.

    Notes:
        The defaults are the thresholded ReLU of the paper, which jumps; only where the two numbers are equal is it
        continuous. The slope is 0 at the threshold itself.

    Examples:
        >>> threshold(torch.tensor([0.5, 1.0, 3.0]))
        tensor([0., 0., 3.])
    """
    threshold = check.option("threshold", "threshold", threshold, FINITE)
    value = check.option("threshold", "value", value, FINITE)
    return choose("threshold", x, F.threshold, _THRESHOLD, threshold, value)


def hard_shrink(x: Tensor, *, threshold: float = 0.5) -> Tensor:
    """Return x where |x| is above a threshold, and 0 elsewhere, for each element.

    Args:
        x: `[...]`, any floating dtype.
        threshold: Half the width of the dead zone, at least 0.

    Returns:
        `[...]`, dtype of `x`.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `threshold` is negative or not finite.

    Notes:
        The value jumps at both ends of the dead zone, which belong to it; the slope there is 0.

    Examples:
        >>> hard_shrink(torch.tensor([-2.0, 0.25, 0.5, 0.75]))
        tensor([-2.0000,  0.0000,  0.0000,  0.7500])
    """
    threshold = check.option("hard_shrink", "threshold", threshold, FINITE_NON_NEGATIVE)
    return choose("hard_shrink", x, F.hardshrink, _HARD_SHRINK, threshold)


def soft_shrink(x: Tensor, *, threshold: float = 0.5) -> Tensor:
    """Return sign(x) · max(|x| - threshold, 0) for each element: what is left of x when all of it is pulled to 0.

    Args:
        x: `[...]`, any floating dtype.
        threshold: How far each number is pulled, at least 0.

    Returns:
        `[...]`, dtype of `x`.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `threshold` is negative or not finite.

    Notes:
        It is the proximal operator of threshold · |x|. The slope is 0 in the dead zone, its ends included. torch
        rounds the threshold to the dtype first, so that next to it no digit is right; `slopes.exact()` does not.

    Examples:
        >>> soft_shrink(torch.tensor([-2.0, 0.25, 0.75]))
        tensor([-1.5000,  0.0000,  0.2500])
    """
    threshold = check.option("soft_shrink", "threshold", threshold, FINITE_NON_NEGATIVE)
    return choose("soft_shrink", x, F.softshrink, _SOFT_SHRINK, threshold)


class Threshold(Module, of=threshold):
    """Module of `threshold`."""

    threshold: float = 1.0
    value: float = 0.0


class HardShrink(Module, of=hard_shrink):
    """Module of `hard_shrink`."""

    threshold: float = 0.5


class SoftShrink(Module, of=soft_shrink):
    """Module of `soft_shrink`."""

    threshold: float = 0.5


def _soft_shrink(x: Tensor, threshold: float) -> Tensor:
    over = excess(magnitude(x), threshold).clamp(min=0)
    return torch.where(x < 0, -over, over)


_THRESHOLD: Final = Pointwise(
    "Threshold",
    lambda x, t, v: torch.where(excess(x, t) <= 0, torch.full_like(x, v), x),
    lambda x, t, v: (indicator(x, excess(x, t) > 0),),  # noqa: ARG005  of the same numbers
    narrow=True,
)
_HARD_SHRINK: Final = Pointwise(
    "HardShrink",
    lambda x, t: torch.where(excess(x.abs(), t) <= 0, torch.zeros_like(x), x),
    lambda x, t: (indicator(x, excess(x.abs(), t) > 0),),
    narrow=True,
)
_SOFT_SHRINK: Final = Pointwise(
    "SoftShrink", _soft_shrink, lambda x, t: (indicator(x, excess(x.abs(), t) > 0),), narrow=True
)
_DEAD_ZONE: Final = (
    Parameter("threshold", "half the width of the dead zone", FINITE_NON_NEGATIVE, r"\lambda", slider=(0.0, 3.0, 0.05)),
)

SPECS: Final = (
    Spec(
        title="Threshold",
        family="rectified",
        function=threshold,
        module=Threshold,
        summary="A ReLU that begins late: features that are weak are none.",
        formula=r"f(x) = x \text{ for } x > \theta,\ v \text{ elsewhere}",
        slope=r"f'(x) = 1 \text{ for } x > \theta,\ 0 \text{ elsewhere}",
        inputs=INPUT,
        range=Domain(low=0.0),
        parameters=(
            Parameter("threshold", "where the line begins", FINITE, r"\theta", slider=(-2.0, 4.0, 0.05)),
            Parameter("value", "what stands elsewhere", FINITE, "v", slider=(-3.0, 3.0, 0.05)),
        ),
        aliases=("thresholded relu", "thresholded rectified linear unit", "trec"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.threshold(x, threshold, value)", "has no defaults"),
            Equivalent("Keras", "keras.activations.threshold(x, threshold, value)", "has no defaults"),
        ),
        convention="The defaults are those of the paper and of Keras's former ThresholdedReLU.",
        sources=(Source("Konda, Memisevic, Krueger 2014, Zero-bias autoencoders", "equation 6"),),
        elementwise=True,
        smooth="no",
        kinks=(1.0,),
        monotone=True,
    ),
    Spec(
        title="Hard shrink",
        family="rectified",
        function=hard_shrink,
        module=HardShrink,
        summary="Keep what is large as it is, and drop what is small: thresholded codes and wavelets.",
        formula=r"f(x) = x \text{ for } |x| > \lambda,\ 0 \text{ elsewhere}",
        slope=r"f'(x) = 1 \text{ for } |x| > \lambda,\ 0 \text{ elsewhere}",
        inputs=INPUT,
        range=REALS,
        parameters=_DEAD_ZONE,
        aliases=("hardshrink", "hard thresholding"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.hardshrink(x, threshold)"),
            Equivalent("Keras", "keras.activations.hard_shrink(x, threshold)"),
        ),
        sources=(Source("Donoho, Johnstone 1994, Ideal Spatial Adaptation by Wavelet Shrinkage", "equation 9"),),
        elementwise=True,
        smooth="no",
        kinks=(-0.5, 0.5),
        monotone=True,
    ),
    Spec(
        title="Soft shrink",
        family="rectified",
        function=soft_shrink,
        module=SoftShrink,
        summary="Pull every number towards 0 by as much: the step of ISTA that makes codes sparse.",
        formula=r"f(x) = \operatorname{sign}(x) \max(|x| - \lambda,\, 0)",
        slope=r"f'(x) = 1 \text{ for } |x| > \lambda,\ 0 \text{ elsewhere}",
        inputs=INPUT,
        range=REALS,
        parameters=_DEAD_ZONE,
        aliases=("softshrink", "soft thresholding", "proximal operator of l1"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.softshrink(x, threshold)", "rounds the threshold to the dtype"),
            Equivalent("Keras", "keras.activations.soft_shrink(x, threshold)"),
        ),
        sources=(Source("Donoho, Johnstone 1994, Ideal Spatial Adaptation by Wavelet Shrinkage", "equation 10"),),
        elementwise=True,
        smooth="no",
        kinks=(-0.5, 0.5),
        monotone=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
