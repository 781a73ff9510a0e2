"""Activations that cut, bend or bound the negative side: ReLU and its relatives.

Dimension names: `...` is any shape; C is the number of channels, dimension 1.
"""

from __future__ import annotations

from typing import Any, Final

import torch
import torch.fx
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from slopes._core import check
from slopes._core.module import Module
from slopes._core.settings import has_autocast, without_autocast
from slopes._core.spec import (
    FINITE,
    FINITE_NON_NEGATIVE,
    NON_NEGATIVE,
    REALS,
    Domain,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes.activations._forms import INPUT, choose
from slopes.kernels.pointwise.executor import Pointwise

# Klambauer et al. 2017, equation 14, solved to 17 digits: the fixed point of mean 0 and variance 1.
SELU_ALPHA: Final = 1.6732632423543772
SELU_SCALE: Final = 1.0507009873554805


def relu(x: Tensor) -> Tensor:
    """Return max(x, 0) for each element.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, at least 0.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope is 1 for x > 0 and 0 elsewhere, the kink at 0 included.

    Examples:
        >>> relu(torch.tensor([-2.0, 0.0, 3.0]))
        tensor([0., 0., 3.])
    """
    return choose("relu", x, torch.relu, _RELU)


def leaky_relu(x: Tensor, *, slope: float = 0.01) -> Tensor:
    """Return x for x > 0 and slope · x elsewhere, for each element.

    Args:
        x: `[...]`, any floating dtype.
        slope: Slope of the negative side, any finite number; 0.01 in the paper, 0.2 in most GANs.

    Returns:
        `[...]`, dtype of `x`.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `slope` is not a finite number.

    Notes:
        At the kink the slope is that of the negative side. Keras 3 has 0.2 for a default.

    Examples:
        >>> leaky_relu(torch.tensor([-2.0, 3.0]), slope=0.1)
        tensor([-0.2000,  3.0000])
    """
    slope = check.option("leaky_relu", "slope", slope, FINITE)
    if slope == 0:  # 0 · ∞ has no value
        return choose("leaky_relu", x, torch.relu, _RELU)
    return choose("leaky_relu", x, F.leaky_relu, _LEAKY_RELU, slope)


def prelu(x: Tensor, slope: Tensor | float) -> Tensor:
    """Return x for x > 0 and slope · x elsewhere, with a slope that can be learned.

    Args:
        x: `[...]`, or `[N, C, ...]` where there is one slope per channel; any floating dtype.
        slope: A number, a tensor with one element, or `[C]` for the channels in dimension 1 of `x`.

    Returns:
        Shape and dtype of `x`.

    Raises:
        DtypeError: `x` or `slope` is not a tensor of floating numbers, or the dtype of `slope` is neither that of `x`
            nor, beside 16 bits, float32.
        ShapeError: `slope` has neither one element nor one for each channel.

    Notes:
        At the kink the slope is that of the negative side.

    Examples:
        >>> prelu(torch.tensor([[-2.0, -2.0]]), torch.tensor([0.25, 0.5]))
        tensor([[-0.5000, -1.0000]])
    """
    check.floating("prelu", x=x)
    if not isinstance(slope, Tensor):
        slope = check.option("prelu", "slope", slope, FINITE)
        return leaky_relu(x, slope=slope)
    check.floating("prelu", x=x, slope=slope)
    check.same_device("prelu", x=x, slope=slope)
    check.learned_dtype("prelu", x, slope=slope)
    channels = x.shape[1] if x.dim() > 1 else 1
    if slope.numel() != 1:
        check.has_shape("prelu", "slope", slope, [channels], "one element, or one for each channel in dimension 1")
    shape = [1, -1, *(1,) * (x.dim() - 2)] if slope.numel() != 1 else [1] * x.dim()

    def audited(v: Tensor) -> Tensor:
        return _PRELU(v, slope.reshape(shape).expand_as(v))

    return choose(
        "prelu",
        x,
        lambda v: _prelu(v, slope.reshape(-1)) if v.dtype == slope.dtype else audited(v),
        audited,
    )


def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Return x for x > 0 and alpha · (e^x - 1) elsewhere, for each element.

    Args:
        x: `[...]`, any floating dtype.
        alpha: The negative side tends to -alpha; at least 0. Only with 1 is the slope continuous.

    Returns:
        `[...]`, dtype of `x`, above -alpha.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `alpha` is negative or not finite.

    Examples:
        >>> elu(torch.tensor([-1.0, 2.0]))
        tensor([-0.6321,  2.0000])
    """
    alpha = check.option("elu", "alpha", alpha, FINITE_NON_NEGATIVE)
    return choose("elu", x, F.elu, _ELU, alpha)


def selu(x: Tensor) -> Tensor:
    """Return λx for x > 0 and λα(e^x - 1) elsewhere, with the constants that keep mean 0 and variance 1.

    α = 1.6732632423543772, λ = 1.0507009873554805.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, above -1.7581.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        It normalises only where weights are initialised with variance 1/fan_in (LeCun) and dropout is alpha dropout:
        see `SELU`.

    Examples:
        >>> selu(torch.tensor([-1.0, 1.0]))
        tensor([-1.1113,  1.0507])
    """
    return choose("selu", x, F.selu, _SELU)


class ReLU(Module, of=relu):
    """Module of `relu`."""


class LeakyReLU(Module, of=leaky_relu):
    """Module of `leaky_relu`."""

    slope: float = 0.01


class PReLU(Module, of=prelu):
    """Module of `prelu`, whose slopes are parameters; `load_state_dict` takes a checkpoint of torch.nn.PReLU too.

    Args:
        channels: 1 for one slope, or the size of dimension 1 for one each.
        slope: Where the slopes start.
    """

    def __init__(self, *, channels: int = 1, slope: float = 0.25) -> None:
        super().__init__()
        self.channels = check.count("PReLU", "channels", channels)
        slope = check.option("PReLU", "slope", slope, FINITE)
        self.slope = nn.Parameter(torch.full((self.channels,), float(slope)))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:  # noqa: ANN401
        theirs, ours = f"{prefix}weight", f"{prefix}slope"
        if theirs in state_dict and ours not in state_dict:
            state_dict[ours] = state_dict.pop(theirs)
        super()._load_from_state_dict(state_dict, prefix, *rest)


class ELU(Module, of=elu):
    """Module of `elu`."""

    alpha: float = 1.0


class SELU(Module, of=selu):
    """Module of `selu`.

    Self-normalisation needs three things together: this activation, weights drawn with mean 0 and variance
    1/fan_in (`torch.nn.init.kaiming_normal_(weight, nonlinearity="linear")`, which is LeCun's rule) with biases of 0,
    and `torch.nn.AlphaDropout` in place of dropout. Then activations stay near mean 0 and variance 1 through any
    depth; a test sends them through 50 layers.
    """


def _prelu(x: Tensor, slope: Tensor) -> Tensor:
    if not has_autocast(x.device):
        return F.prelu(x, slope)
    with without_autocast(x.device):  # it would return 16 bits for float32
        return F.prelu(x, slope)


def _above(x: Tensor, above: Tensor | float, below: Tensor | float) -> Tensor:
    """Return `above` where x > 0, `below` elsewhere, and NaN for NaN."""
    ones = torch.ones_like(x)  # of two numbers torch.where makes a float32
    return torch.where(x.isnan(), x, torch.where(x > 0, above * ones, below))


def _below(x: Tensor) -> Tensor:
    """Return min(x, 0), so that the unused side of a selection has no infinite second derivative."""
    return x if torch.compiler.is_compiling() else x.clamp(max=0)


def _elu(x: Tensor, alpha: float, scale: float = 1.0) -> Tensor:
    return torch.where(x > 0, scale * x, (scale * alpha) * torch.expm1(_below(x)))


def _elu_slope(x: Tensor, alpha: float, scale: float = 1.0) -> tuple[Tensor]:
    return (torch.where(x > 0, scale, (scale * alpha) * torch.exp(_below(x))),)


_RELU: Final = Pointwise("ReLU", lambda x: x.clamp(min=0), lambda x: (_above(x, 1.0, 0.0),), narrow=True)
_LEAKY_RELU: Final = Pointwise(
    "LeakyReLU", lambda x, s: torch.where(x > 0, x, s * x), lambda x, s: (_above(x, 1.0, s),), narrow=True
)
_PRELU: Final = Pointwise(
    "PReLU",
    lambda x, s: torch.where(x > 0, x, s * x),
    lambda x, s: (_above(x, 1.0, s), x.clamp(max=0)),
    tensors=2,
    narrow=True,
)
_ELU: Final = Pointwise("ELU", _elu, _elu_slope, narrow=True)
_SELU: Final = Pointwise(
    "SELU",
    lambda x: _elu(x, SELU_ALPHA, SELU_SCALE),
    lambda x: _elu_slope(x, SELU_ALPHA, SELU_SCALE),
    narrow=True,
)

SPECS: Final = (
    Spec(
        title="ReLU",
        family="rectified",
        function=relu,
        module=ReLU,
        summary="The plain default of convolutional and feed-forward layers.",
        formula=r"f(x) = \max(x,\, 0)",
        slope=r"f'(x) = 1 \text{ for } x > 0,\ 0 \text{ elsewhere}",
        inputs=INPUT,
        range=NON_NEGATIVE,
        aliases=("rectified linear unit", "rectifier", "ramp"),
        equivalents=(
            Equivalent("torch", "torch.relu(x)"),
            Equivalent("Keras", "keras.activations.relu(x)"),
            Equivalent("JAX", "jax.nn.relu(x)"),
        ),
        sources=(Source("Nair, Hinton 2010, Rectified Linear Units Improve Restricted Boltzmann Machines"),),
        elementwise=True,
        smooth="no",
        kinks=(0.0,),
        monotone=True,
    ),
    Spec(
        title="Leaky ReLU",
        family="rectified",
        function=leaky_relu,
        module=LeakyReLU,
        summary="A ReLU whose units cannot die; the discriminators of GANs.",
        formula=r"f(x) = x \text{ for } x > 0,\ s x \text{ elsewhere}",
        slope=r"f'(x) = 1 \text{ for } x > 0,\ s \text{ elsewhere}",
        inputs=INPUT,
        range=REALS,
        parameters=(Parameter("slope", "slope of the negative side", FINITE, "s", slider=(-0.5, 1.0, 0.01)),),
        aliases=("leaky rectified linear unit", "lrelu", "leakyrelu"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.leaky_relu(x, negative_slope=slope)"),
            Equivalent("Keras", "keras.activations.leaky_relu(x, negative_slope=slope)", "its default is 0.2"),
            Equivalent("JAX", "jax.nn.leaky_relu(x, negative_slope=slope)"),
        ),
        sources=(Source("Maas, Hannun, Ng 2013, Rectifier Nonlinearities Improve Neural Network Acoustic Models"),),
        elementwise=True,
        smooth="no",
        kinks=(0.0,),
        monotone=True,
    ),
    Spec(
        title="PReLU",
        family="rectified",
        function=prelu,
        module=PReLU,
        summary="A leaky ReLU that learns its slope, one or one per channel.",
        formula=r"f(x) = x \text{ for } x > 0,\ a x \text{ elsewhere}",
        slope=r"f'(x) = 1 \text{ for } x > 0,\ a \text{ elsewhere}",
        inputs=(*INPUT, Input("slope", ("1",))),
        range=REALS,
        parameters=(
            Parameter(
                "slope", "learned slope of the negative side", FINITE, "a", slider=(-0.5, 1.0, 0.01), default=0.25
            ),
        ),
        aliases=("parametric relu", "parametric rectified linear unit"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.prelu(x, slope)"),
            Equivalent(
                "Keras", "keras.layers.PReLU()", "one slope per feature unless shared_axes is given; starts at 0"
            ),
        ),
        sources=(Source("He, Zhang, Ren, Sun 2015, Delving Deep into Rectifiers", "equation 1"),),
        elementwise=True,
        smooth="no",
        kinks=(0.0,),
        monotone=True,
    ),
    Spec(
        title="ELU",
        family="rectified",
        function=elu,
        module=ELU,
        summary="A ReLU with a soft negative floor, near zero mean.",
        formula=r"f(x) = x \text{ for } x > 0,\ \alpha (e^{x} - 1) \text{ elsewhere}",
        slope=r"f'(x) = 1 \text{ for } x > 0,\ \alpha e^{x} \text{ elsewhere}",
        inputs=INPUT,
        range=Domain(low=-1.0, low_open=True),
        parameters=(
            Parameter("alpha", "depth of the negative side", FINITE_NON_NEGATIVE, r"\alpha", slider=(0.0, 3.0, 0.05)),
        ),
        aliases=("exponential linear unit",),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.elu(x, alpha=alpha)"),
            Equivalent("Keras", "keras.activations.elu(x, alpha=alpha)"),
            Equivalent("JAX", "jax.nn.elu(x, alpha=alpha)"),
        ),
        sources=(Source("Clevert, Unterthiner, Hochreiter 2015, Fast and Accurate Deep Network Learning by ELUs"),),
        elementwise=True,
        smooth="once",
        monotone=True,
    ),
    Spec(
        title="SELU",
        family="rectified",
        function=selu,
        module=SELU,
        summary="Deep plain networks that keep mean 0 and variance 1 by themselves.",
        formula=r"f(x) = \lambda x \text{ for } x > 0,\ \lambda \alpha (e^{x} - 1) \text{ elsewhere}",
        slope=r"f'(x) = \lambda \text{ for } x > 0,\ \lambda \alpha e^{x} \text{ elsewhere}",
        inputs=INPUT,
        range=Domain(low=-SELU_ALPHA * SELU_SCALE, low_open=True),
        aliases=("scaled exponential linear unit",),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.selu(x)"),
            Equivalent("Keras", "keras.activations.selu(x)"),
            Equivalent("JAX", "jax.nn.selu(x)"),
        ),
        sources=(
            Source("Klambauer, Unterthiner, Mayr, Hochreiter 2017, Self-Normalizing Neural Networks", "equation 2"),
        ),
        elementwise=True,
        smooth="no",
        kinks=(0.0,),
        monotone=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
