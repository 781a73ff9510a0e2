"""More relatives of the ReLU: with a ceiling, a slope of chance, a square, a soft floor.

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
from slopes._core.numerics import quotient_of_any
from slopes._core.spec import (
    FINITE,
    FINITE_POSITIVE,
    NON_NEGATIVE,
    REALS,
    Domain,
    Equivalent,
    Parameter,
    Source,
    Spec,
)
from slopes._core.tensors import wide
from slopes.activations._forms import INPUT, choose, indicator
from slopes.kernels.pointwise.executor import Pointwise


def relu6(x: Tensor) -> Tensor:
    """Return min(max(x, 0), 6) for each element: a ReLU with a ceiling.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, in [0, 6].

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope is 1 between 0 and 6 and 0 elsewhere, both kinks included.

    Examples:
        >>> relu6(torch.tensor([-2.0, 3.0, 9.0]))
        tensor([0., 3., 6.])
    """
    return choose("relu6", x, F.relu6, _RELU6)


def rrelu(
    x: Tensor,
    *,
    lower: float = 0.125,
    upper: float = 1 / 3,
    training: bool = False,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return x for x > 0 and a · x elsewhere: a is drawn for each element in training, and is its mean otherwise.

    Args:
        x: `[...]`, any floating dtype.
        lower: Least slope of the negative side.
        upper: Largest one, above `lower`.
        training: Whether a is drawn, uniformly between the two; otherwise it is (lower + upper)/2.
        generator: Source of chance.

    Returns:
        `[...]`, dtype of `x`.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        DeviceError: `generator` is on another device than `x`.
        OptionError: An option is outside its domain, or `lower` is not below `upper`.

    Notes:
        At the kink the slope is that of the negative side. Slopes are drawn in float32 beside 16 bits. `RReLU` draws
        while it is in training mode.

    Examples:
        >>> rrelu(torch.tensor([-2.0, 3.0]), lower=0.25, upper=0.75)
        tensor([-1.,  3.])
    """
    lower = check.option("rrelu", "lower", lower, FINITE)
    upper = check.option("rrelu", "upper", upper, FINITE)
    check.ordered("rrelu", lower=lower, upper=upper)
    check.flag("rrelu", "training", training)
    if not training:
        return choose("rrelu", x, F.leaky_relu, _RRELU_MEAN, lower / 2 + upper / 2)
    check.floating("rrelu", x=x)
    check.generator("rrelu", generator, x=x)
    chance = {} if generator is None else {"generator": generator}
    slope = torch.empty(x.shape, dtype=wide(x.dtype), device=x.device).uniform_(lower, upper, **chance)
    return _RRELU(x, slope)


def relu_squared(x: Tensor) -> Tensor:
    """Return max(x, 0)² for each element.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, at least 0.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope is 2 max(x, 0), continuous, and grows without end. In float16 the value is infinite from x = 256 on.
        Only the input is kept for the backward pass, where torch.relu(x).square() keeps two tensors.

    Examples:
        >>> relu_squared(torch.tensor([-2.0, 0.5, 3.0]))
        tensor([0.0000, 0.2500, 9.0000])
    """
    check.floating("relu_squared", x=x)
    return _RELU_SQUARED(x)


def celu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """Return x for x > 0 and alpha · (e^(x/alpha) - 1) elsewhere, for each element: an ELU without a kink.

    Args:
        x: `[...]`, any floating dtype.
        alpha: The negative side tends to -alpha; above 0.

    Returns:
        `[...]`, dtype of `x`, above -alpha.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `alpha` is not in (0, ∞).

    Notes:
        Unlike `elu`, its slope is continuous for every alpha: 1 at 0, e^(x/alpha) below. torch's kernel magnifies the
        rounding of x/alpha in the tail of the slope; under `slopes.exact()` it is given back.

    Examples:
        >>> celu(torch.tensor([-2.0, 2.0]), alpha=2.0)
        tensor([-1.2642,  2.0000])
    """
    alpha = check.option("celu", "alpha", alpha, FINITE_POSITIVE)
    return choose("celu", x, F.celu, _CELU, alpha)


class ReLU6(Module, of=relu6):
    """Module of `relu6`."""


class RReLU(Module, of=rrelu):
    """Module of `rrelu`: it draws its slopes while it is in training mode."""

    lower: float = 0.125
    upper: float = 1 / 3

    def forward(self, x: Tensor, *, generator: torch.Generator | None = None) -> Tensor:
        """Return `rrelu` of `x`, with slopes of chance in training mode."""
        return rrelu(x, lower=self.lower, upper=self.upper, training=self.training, generator=generator)


class ReLUSquared(Module, of=relu_squared):
    """Module of `relu_squared`."""


class CELU(Module, of=celu):
    """Module of `celu`."""

    alpha: float = 1.0


def _sloped(x: Tensor, slope: Tensor | float) -> Tensor:
    """Return x where it is above 0 and slope · x elsewhere; 0 for a slope of 0, also at -∞."""
    return torch.where(x > 0, x, slope * x) if isinstance(slope, Tensor) or slope else x.clamp(min=0)


def _above(x: Tensor, below: Tensor | float) -> Tensor:
    """Return 1 where x > 0, `below` elsewhere, and NaN for NaN."""
    ones = torch.ones_like(x)
    return torch.where(x.isnan(), x, torch.where(x > 0, ones, below * ones))


def _celu(x: Tensor, alpha: float) -> Tensor:
    q, low = quotient_of_any(x.clamp(max=0), alpha)
    below = alpha * (torch.expm1(q) + low * torch.exp(q))
    return torch.where(x > 0, x, torch.where(q > _NOTHING, x, below))


def _celu_slope(x: Tensor, alpha: float) -> tuple[Tensor]:
    q, low = quotient_of_any(x.clamp(max=0), alpha)
    e = torch.exp(q)
    return (torch.where(x > 0, torch.ones_like(x), e + e * low),)


_NOTHING: Final = -1e-20  # above it e^q - 1 is q to the last digit, and x/alpha may be a subnormal number
_RELU6: Final = Pointwise(
    "ReLU6",
    lambda x: x.clamp(0, 6),
    lambda x: (indicator(x, (x > 0) & (x < 6)),),  # noqa: PLR2004  as its name says
    narrow=True,
)
_RRELU_MEAN: Final = Pointwise("RReLUMean", _sloped, lambda x, a: (_above(x, a),), narrow=True)
_RRELU: Final = Pointwise("RReLU", _sloped, lambda x, a: (_above(x, a), x.clamp(max=0)), tensors=2, narrow=True)
_RELU_SQUARED: Final = Pointwise(
    "ReLUSquared", lambda x: x.clamp(min=0) * x.clamp(min=0), lambda x: (2 * x.clamp(min=0),), narrow=True
)
_CELU: Final = Pointwise("CELU", _celu, _celu_slope, narrow=True)

SPECS: Final = (
    Spec(
        title="ReLU6",
        family="rectified",
        function=relu6,
        module=ReLU6,
        summary="A ReLU that ends at 6, for phones that compute in few bits.",
        formula=r"f(x) = \min(\max(x,\, 0),\, 6)",
        slope=r"f'(x) = 1 \text{ for } 0 < x < 6,\ 0 \text{ elsewhere}",
        inputs=INPUT,
        range=Domain(0.0, 6.0),
        aliases=("capped relu",),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.relu6(x)"),
            Equivalent("Keras", "keras.activations.relu6(x)"),
            Equivalent("JAX", "jax.nn.relu6(x)"),
        ),
        sources=(Source("Krizhevsky 2010, Convolutional Deep Belief Networks on CIFAR-10", "section 2.2"),),
        elementwise=True,
        smooth="no",
        kinks=(0.0, 6.0),
        monotone=True,
    ),
    Spec(
        title="RReLU",
        family="rectified",
        function=rrelu,
        module=RReLU,
        summary="A leaky ReLU whose slopes are drawn in training, against overfitting on little data.",
        formula=r"f(x) = x \text{ for } x > 0,\ a x \text{ elsewhere},\quad a \sim U(l, u)",
        slope=r"f'(x) = 1 \text{ for } x > 0,\ a \text{ elsewhere}",
        inputs=INPUT,
        range=REALS,
        parameters=(
            Parameter("lower", "least slope of the negative side", FINITE, "l", slider=(-0.5, 0.3, 0.005)),
            Parameter("upper", "largest slope of the negative side", FINITE, "u", slider=(0.31, 1.0, 0.005)),
        ),
        aliases=("randomized leaky relu", "randomized rectified linear unit"),
        equivalents=(Equivalent("torch", "torch.nn.functional.rrelu(x, lower, upper)", "takes no generator"),),
        sources=(Source("Xu, Wang, Chen, Li 2015, Empirical Evaluation of Rectified Activations", "section 2.4"),),
        elementwise=True,
        smooth="no",
        kinks=(0.0,),
        monotone=True,
    ),
    Spec(
        title="Squared ReLU",
        family="rectified",
        function=relu_squared,
        module=ReLUSquared,
        summary="The feed-forward layers of Primer, Nemotron and BitNet: sparse, and curved where it is not 0.",
        formula=r"f(x) = \max(x,\, 0)^2",
        slope=r"f'(x) = 2 \max(x,\, 0)",
        inputs=INPUT,
        range=NON_NEGATIVE,
        aliases=("relu2", "relu squared", "sqrrelu"),
        equivalents=(
            Equivalent("torch", "torch.relu(x).square()", "keeps two tensors for backward; rounds twice in 16 bits"),
            Equivalent("JAX", "jax.numpy.square(jax.nn.relu(x))"),
            Equivalent("transformers", '"relu2"'),
        ),
        sources=(Source("So et al. 2021, Primer: Searching for Efficient Transformers", "section 4"),),
        elementwise=True,
        smooth="once",
        monotone=True,
    ),
    Spec(
        title="CELU",
        family="rectified",
        function=celu,
        module=CELU,
        summary="An ELU that stays smooth whatever its depth.",
        formula=r"f(x) = x \text{ for } x > 0,\ \alpha (e^{x / \alpha} - 1) \text{ elsewhere}",
        slope=r"f'(x) = 1 \text{ for } x > 0,\ e^{x / \alpha} \text{ elsewhere}",
        inputs=INPUT,
        range=Domain(low=-1.0, low_open=True),
        parameters=(
            Parameter("alpha", "depth of the negative side", FINITE_POSITIVE, r"\alpha", slider=(0.1, 3.0, 0.05)),
        ),
        aliases=("continuously differentiable elu",),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.celu(x, alpha=alpha)"),
            Equivalent("Keras", "keras.activations.celu(x, alpha=alpha)"),
            Equivalent("JAX", "jax.nn.celu(x, alpha=alpha)"),
        ),
        sources=(Source("Barron 2017, Continuously Differentiable Exponential Linear Units", "equation 2"),),
        elementwise=True,
        smooth="once",
        monotone=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
