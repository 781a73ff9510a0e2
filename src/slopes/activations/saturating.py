"""Activations that flatten out on both sides: sigmoid, tanh, log-sigmoid and the piecewise linear sigmoid.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

from slopes._core.module import Module
from slopes._core.spec import Domain, Equivalent, Source, Spec
from slopes.activations._forms import INPUT, choose
from slopes.kernels.pointwise import logistic
from slopes.kernels.pointwise.executor import Pointwise


def sigmoid(x: Tensor) -> Tensor:
    """Return 1 / (1 + e^-x) for each element.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, in [0, 1].

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope σ(x) σ(-x) peaks at 0.25. torch takes it from the rounded output, so that in float32 it is 0 from
        x = 16.7 on; under `slopes.exact()` it comes from x and keeps its digits down to the smallest subnormal.

    Examples:
        >>> sigmoid(torch.tensor([0.0, 1.4]))
        tensor([0.5000, 0.8022])
    """
    return choose("sigmoid", x, torch.sigmoid, logistic.sigmoid)


def tanh(x: Tensor) -> Tensor:
    """Return (e^x - e^-x) / (e^x + e^-x) for each element.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, in [-1, 1].

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope 1 - tanh²(x) peaks at 1. torch takes it from the rounded output: 0 from x = 9.02 on in float32.
        Under `slopes.exact()` it comes from x.

    Examples:
        >>> tanh(torch.tensor([0.0, 1.0]))
        tensor([0.0000, 0.7616])
    """
    return choose("tanh", x, torch.tanh, _TANH)


def log_sigmoid(x: Tensor) -> Tensor:
    """Return log σ(x) = -softplus(-x) for each element.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, at most 0, in nats.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope is σ(-x).

    Examples:
        >>> log_sigmoid(torch.tensor([0.0, -100.0]))
        tensor([  -0.6931, -100.0000])
    """
    return choose("log_sigmoid", x, F.logsigmoid, logistic.log_sigmoid)


def hard_sigmoid(x: Tensor) -> Tensor:
    """Return min(max(x + 3, 0), 6) / 6 for each element: the sigmoid that MobileNetV3 computes.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, in [0, 1].

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope is 1/6 between -3 and 3 and 0 elsewhere, the kinks included; torch's kernel, the default, rounds it
        to float32 in float64 and has no second derivative, which the audited form has. Keras had another slope, 0.2,
        in its versions before 3.

    Examples:
        >>> hard_sigmoid(torch.tensor([-3.0, 0.0, 1.5]))
        tensor([0.0000, 0.5000, 0.7500])
    """
    return choose("hard_sigmoid", x, F.hardsigmoid, _HARD_SIGMOID)


class Sigmoid(Module, of=sigmoid):
    """Module of `sigmoid`."""


class Tanh(Module, of=tanh):
    """Module of `tanh`."""


class LogSigmoid(Module, of=log_sigmoid):
    """Module of `log_sigmoid`."""


class HardSigmoid(Module, of=hard_sigmoid):
    """Module of `hard_sigmoid`."""


def _hard_sigmoid_slope(x: Tensor) -> tuple[Tensor]:
    inside = (x.abs() < 3).to(x.dtype) / 6  # noqa: PLR2004  the kinks of the definition
    return (torch.where(x.isnan(), x, inside),)


_TANH: Final = Pointwise("Tanh", torch.tanh, logistic.tanh_slope, narrow=True)
_HARD_SIGMOID: Final = Pointwise("HardSigmoid", lambda x: (x + 3).clamp(0, 6) / 6, _hard_sigmoid_slope, narrow=True)

SPECS: Final = (
    Spec(
        title="Sigmoid",
        family="saturating",
        function=sigmoid,
        module=Sigmoid,
        summary="A probability from one logit; gates that open and close.",
        formula=r"\sigma(x) = \frac{1}{1 + e^{-x}}",
        slope=r"\sigma'(x) = \sigma(x)\,\sigma(-x)",
        inputs=INPUT,
        range=Domain(0.0, 1.0, low_open=True, high_open=True),
        aliases=("logistic", "expit", "standard logistic function"),
        equivalents=(
            Equivalent("torch", "torch.sigmoid(x)", "its slope is taken from the rounded output"),
            Equivalent("Keras", "keras.activations.sigmoid(x)"),
            Equivalent("JAX", "jax.nn.sigmoid(x)"),
        ),
        sources=(Source("Verhulst 1838, the logistic function"),),
        elementwise=True,
        monotone=True,
    ),
    Spec(
        title="Hyperbolic tangent",
        family="saturating",
        function=tanh,
        module=Tanh,
        summary="A bounded, zero-centred state: recurrent cells, control outputs.",
        formula=r"\tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}}",
        slope=r"\tanh'(x) = 1 - \tanh^2(x)",
        inputs=INPUT,
        range=Domain(-1.0, 1.0, low_open=True, high_open=True),
        aliases=("hyperbolic tangent",),
        equivalents=(
            Equivalent("torch", "torch.tanh(x)", "its slope is taken from the rounded output"),
            Equivalent("Keras", "keras.activations.tanh(x)"),
            Equivalent("JAX", "jax.nn.tanh(x)"),
        ),
        sources=(Source("LeCun, Bottou, Orr, Müller 1998, Efficient BackProp", "section 4.4"),),
        elementwise=True,
        monotone=True,
    ),
    Spec(
        title="Log-sigmoid",
        family="saturating",
        function=log_sigmoid,
        module=LogSigmoid,
        summary="The log of a probability, straight from its logit.",
        formula=r"\log \sigma(x) = -\log(1 + e^{-x})",
        slope=r"(\log\sigma)'(x) = \sigma(-x)",
        inputs=INPUT,
        range=Domain(high=0.0, high_open=True),
        aliases=("logsigmoid", "log sigmoid", "log expit"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.logsigmoid(x)"),
            Equivalent("Keras", "keras.activations.log_sigmoid(x)"),
            Equivalent("JAX", "jax.nn.log_sigmoid(x)"),
        ),
        elementwise=True,
        monotone=True,
    ),
    Spec(
        title="Hard sigmoid",
        family="saturating",
        function=hard_sigmoid,
        module=HardSigmoid,
        summary="A sigmoid of three straight pieces, for hardware without an exponential.",
        formula=r"f(x) = \frac{\min(\max(x + 3,\, 0),\, 6)}{6}",
        slope=r"f'(x) = \tfrac{1}{6} \text{ for } |x| < 3,\ 0 \text{ elsewhere}",
        inputs=INPUT,
        range=Domain(0.0, 1.0),
        aliases=("hardsigmoid", "hard sigmoid", "relu6(x + 3)/6"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.hardsigmoid(x)"),
            Equivalent("Keras", "keras.activations.hard_sigmoid(x)", "versions before 3 use clip(0.2 x + 0.5, 0, 1)"),
            Equivalent("JAX", "jax.nn.hard_sigmoid(x)"),
        ),
        convention="Slope 1/6, as in MobileNetV3, torch, JAX and Keras 3; not the 0.2 of Theano and Keras 2.",
        sources=(Source("Howard et al. 2019, Searching for MobileNetV3", "section 5.2"),),
        elementwise=True,
        smooth="no",
        kinks=(-3.0, 3.0),
        monotone=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
