"""Smooth activations that are nearly linear on the right: softplus, GELU, Swish, Mish, and hard-swish beside them.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import torch
import torch.fx
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from slopes._core import check
from slopes._core.errors import ShapeError
from slopes._core.module import Module
from slopes._core.settings import STATE, constant
from slopes._core.spec import FINITE, FINITE_POSITIVE, POSITIVE, Domain, Equivalent, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.activations._forms import INPUT, choose
from slopes.kernels.pointwise import fused, gaussian, logistic
from slopes.kernels.pointwise.executor import Pointwise


def softplus(x: Tensor, *, beta: float = 1.0) -> Tensor:
    """Return log(1 + e^(beta x)) / beta for each element: a smooth ReLU.

    Args:
        x: `[...]`, any floating dtype.
        beta: Sharpness, above 0; for large values it tends to the ReLU.

    Returns:
        `[...]`, dtype of `x`, at least 0.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `beta` is not in (0, ∞).

    Notes:
        The slope is σ(beta x). torch switches to the straight line at beta x = 20, which is wrong by 2e-9 in
        float64; under `slopes.exact()` there is no switch.

    Examples:
        >>> softplus(torch.tensor([0.0, 30.0]))
        tensor([ 0.6931, 30.0000])
    """
    beta = check.option("softplus", "beta", beta, _SHARPNESS)
    return choose("softplus", x, F.softplus, _SOFTPLUS, beta)


def gelu(x: Tensor, *, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """Return x Φ(x) for each element, Φ the distribution function of a standard normal.

    Args:
        x: `[...]`, any floating dtype.
        approximate: `"tanh"` gives x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, the form of GPT-2 and of JAX's default.

    Returns:
        `[...]`, dtype of `x`, at least -0.16998.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `approximate` is neither `"none"` nor `"tanh"`.

    Notes:
        The two forms differ by up to 4.7e-4. torch loses every digit of the negative tail to 1 + erf(x/√2), from
        x = -5.4 on in float32; under `slopes.exact()` the tail keeps its digits.

    Examples:
        >>> gelu(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1587,  0.0000,  0.8413])
    """
    check.choice("gelu", "approximate", approximate, ("none", "tanh"))
    if approximate == "tanh":
        return choose("gelu", x, lambda v: F.gelu(v, approximate="tanh"), _GELU_TANH)
    return choose("gelu", x, F.gelu, _GELU)


def swish(x: Tensor, *, beta: float | Tensor = 1.0) -> Tensor:
    """Return x σ(beta x) for each element; with beta = 1 it is the SiLU.

    Args:
        x: `[...]`, any floating dtype.
        beta: A finite number, or a tensor that broadcasts to the shape of `x`, the one argument here that
            broadcasts: `[]`, or `[C, 1, 1]` for channels. 0 gives x/2, a large number the ReLU.

    Returns:
        Shape and dtype of `x`.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers, or the dtype of `beta` is neither that of `x` nor, beside
            16 bits, float32.
        OptionError: `beta` is not a finite number.
        ShapeError: `beta` does not broadcast to the shape of `x`.

    Notes:
        torch has a kernel for beta = 1 only. For another number the default is x * torch.sigmoid(beta * x), whose tail
        magnifies the rounding of beta * x, and which is NaN where an infinite x meets a sigmoid of 0, as torch's kernel
        is. For 16-bit input, for a tensor and under `slopes.exact()` it is the audited form, which keeps nothing but
        its inputs for the backward pass.

    Examples:
        >>> swish(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.2689,  0.0000,  0.7311])
        >>> swish(torch.tensor([1.0]), beta=2.0)
        tensor([0.8808])
    """
    check.floating("swish", x=x)
    if isinstance(beta, Tensor):
        return _SWISH_LEARNED(x, _expanded(beta, x))
    beta = check.option("swish", "beta", beta, FINITE)
    if beta == 1 and not STATE.exact:
        return F.silu(x)
    if STATE.exact or x.dtype != wide(x.dtype) or fused.asked(x):
        return _SWISH(x, float(beta))
    beta = constant(float(beta))
    return x * torch.sigmoid(beta * x)


silu = swish


def mish(x: Tensor) -> Tensor:
    """Return x tanh(softplus(x)) for each element.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, at least -0.30884.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Examples:
        >>> mish(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.3034,  0.0000,  0.8651])
    """
    return choose("mish", x, F.mish, _MISH)


def hard_swish(x: Tensor) -> Tensor:
    """Return x min(max(x + 3, 0), 6) / 6 for each element: what MobileNetV3 really uses.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, at least -0.375.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        At the kinks, -3 and 3, the slope is that of the outer side: 0 and 1.

    Examples:
        >>> hard_swish(torch.tensor([-3.0, -1.5, 3.0]))
        tensor([-0.0000, -0.3750,  3.0000])
    """
    return choose("hard_swish", x, F.hardswish, _HARD_SWISH)


class Softplus(Module, of=softplus):
    """Module of `softplus`."""

    beta: float = 1.0


class GELU(Module, of=gelu):
    """Module of `gelu`."""

    approximate: Literal["none", "tanh"] = "none"


class Swish(Module, of=swish):
    """Module of `swish`.

    Args:
        beta: Sharpness; where it starts, if it is learned.
        learnable: Whether beta is a parameter.
    """

    def __init__(self, *, beta: float = 1.0, learnable: bool = False) -> None:
        super().__init__()
        self.learnable = learnable
        beta = check.option("Swish", "beta", beta, FINITE)
        self.beta: float | nn.Parameter = nn.Parameter(torch.tensor(float(beta))) if learnable else beta


class Mish(Module, of=mish):
    """Module of `mish`."""


class HardSwish(Module, of=hard_swish):
    """Module of `hard_swish`."""


SiLU = Swish

_SHARPNESS: Final = Domain(low=0.0, high=math.inf, low_open=True, high_open=True)


def _expanded(beta: Tensor, x: Tensor) -> Tensor:
    check.floating("swish", beta=beta)
    check.same_device("swish", x=x, beta=beta)
    check.learned_dtype("swish", x, beta=beta)
    try:
        fits = torch.broadcast_shapes(beta.shape, x.shape) == x.shape  # type: ignore[no-untyped-call]
    except RuntimeError:
        fits = False
    if not fits:
        message = (
            f"swish: `beta` has shape {check.shape_of(beta)}, expected one that broadcasts to the shape of `x`, "
            f"{check.shape_of(x)}; for one beta per channel in dimension 1 reshape it to [C, 1, ...]."
        )
        raise ShapeError(message)
    return beta.expand_as(x)


def _hard_swish_slope(x: Tensor) -> tuple[Tensor]:
    inside = torch.where(x >= 3, 1.0, (2 * x + 3) / 6)  # noqa: PLR2004  the kinks of the definition
    return (torch.where(x <= -3, 0.0, inside),)  # noqa: PLR2004


_SOFTPLUS: Final = Pointwise("Softplus", logistic.softplus, logistic.softplus_slope, narrow=True)
_GELU: Final = Pointwise("GELU", gaussian.gelu, lambda x: (gaussian.gelu_slope(x),), narrow=True)
_GELU_TANH: Final = Pointwise("GELUTanh", gaussian.gelu_tanh, lambda x: (gaussian.gelu_tanh_slope(x),), narrow=True)
_SWISH: Final = Pointwise("Swish", logistic.swish, logistic.swish_slope, narrow=True)
_SWISH_LEARNED: Final = Pointwise("SwishLearned", logistic.swish, logistic.swish_slope, tensors=2, narrow=True)
_MISH: Final = Pointwise("Mish", logistic.mish, logistic.mish_slope, narrow=True)
_HARD_SWISH: Final = Pointwise(
    "HardSwish", lambda x: x.clamp(min=-3) * ((x + 3).clamp(0, 6) / 6), _hard_swish_slope, narrow=True
)

SPECS: Final = (
    Spec(
        title="Softplus",
        family="smooth",
        function=softplus,
        module=Softplus,
        summary="A positive output: variances, rates, scales.",
        formula=r"f(x) = \frac{\log(1 + e^{\beta x})}{\beta}",
        slope=r"f'(x) = \sigma(\beta x)",
        inputs=INPUT,
        range=POSITIVE,
        parameters=(Parameter("beta", "sharpness", FINITE_POSITIVE, r"\beta", slider=(0.1, 10.0, 0.1)),),
        aliases=("smooth relu", "log1pexp"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.softplus(x, beta=beta)", "a straight line from beta x = 20 on"),
            Equivalent("Keras", "keras.activations.softplus(x)", "beta is 1"),
            Equivalent("JAX", "jax.nn.softplus(x)", "beta is 1"),
        ),
        sources=(
            Source("Dugas, Bengio, Bélisle, Nadeau, Garcia 2000, Incorporating Second-Order Functional Knowledge"),
        ),
        elementwise=True,
        monotone=True,
    ),
    Spec(
        title="GELU",
        family="smooth",
        function=gelu,
        module=GELU,
        summary="The feed-forward layers of BERT, GPT and the vision transformer.",
        formula=r"f(x) = x\,\Phi(x)",
        slope=r"f'(x) = \Phi(x) + x\,\varphi(x)",
        inputs=INPUT,
        range=Domain(low=-0.16997120747990369),
        parameters=(Parameter("approximate", "exact, or by tanh", latex="", choices=("none", "tanh")),),
        aliases=("gaussian error linear unit", "gelu_new", "gelu tanh"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.gelu(x, approximate=approximate)", "loses the negative tail"),
            Equivalent("Keras", "keras.activations.gelu(x, approximate=False)"),
            Equivalent("JAX", "jax.nn.gelu(x, approximate=False)", "its default is the tanh form"),
            Equivalent("transformers", '"gelu", and "gelu_new" for the tanh form'),
        ),
        convention="The default is the exact form, as in torch and Keras; JAX defaults to the tanh form.",
        sources=(Source("Hendrycks, Gimpel 2016, Gaussian Error Linear Units", "section 2"),),
        elementwise=True,
        monotone=False,
    ),
    Spec(
        title="Swish",
        family="smooth",
        function=swish,
        module=Swish,
        summary="The self-gated unit inside SwiGLU, EfficientNet and YOLO.",
        formula=r"f(x) = x\,\sigma(\beta x)",
        slope=r"f'(x) = \sigma(\beta x) + \beta x\,\sigma(\beta x)\,\sigma(-\beta x)",
        inputs=INPUT,
        range=Domain(low=-0.27846454276107380),
        parameters=(Parameter("beta", "sharpness of the gate", FINITE, r"\beta", slider=(0.0, 10.0, 0.1)),),
        aliases=("silu", "sigmoid linear unit", "sil"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.silu(x)", "beta is 1"),
            Equivalent("Keras", "keras.activations.silu(x)", "beta is 1"),
            Equivalent("JAX", "jax.nn.silu(x)", "beta is 1"),
        ),
        convention="The range given is that of beta = 1; the minimum is -0.27846/beta.",
        sources=(
            Source("Ramachandran, Zoph, Le 2017, Searching for Activation Functions", "equation 1"),
            Source("Elfwing, Uchibe, Doya 2017, Sigmoid-Weighted Linear Units", "equation 9"),
        ),
        elementwise=True,
        monotone=False,
    ),
    Spec(
        title="Mish",
        family="smooth",
        function=mish,
        module=Mish,
        summary="A smooth unit with a deeper dip; the detectors of YOLOv4.",
        formula=r"f(x) = x \tanh(\log(1 + e^{x}))",
        slope=r"f'(x) = \tanh(s) + x\,\sigma(x)\,\mathrm{sech}^2(s),\quad s = \log(1 + e^{x})",
        inputs=INPUT,
        range=Domain(low=-0.30884341301725043),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.mish(x)"),
            Equivalent("Keras", "keras.activations.mish(x)"),
            Equivalent("JAX", "jax.nn.mish(x)"),
        ),
        sources=(Source("Misra 2019, Mish: A Self Regularized Non-Monotonic Activation Function"),),
        elementwise=True,
        monotone=False,
    ),
    Spec(
        title="Hard-swish",
        family="smooth",
        function=hard_swish,
        module=HardSwish,
        summary="A Swish without an exponential: MobileNetV3 on a phone.",
        formula=r"f(x) = x\,\frac{\min(\max(x + 3,\, 0),\, 6)}{6}",
        slope=r"f'(x) = \tfrac{2x + 3}{6} \text{ for } |x| < 3,\ 0 \text{ or } 1 \text{ outside}",
        inputs=INPUT,
        range=Domain(low=-0.375),
        aliases=("hardswish", "hard swish", "h-swish", "hard silu"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.hardswish(x)"),
            Equivalent("Keras", "keras.activations.hard_silu(x)"),
            Equivalent("JAX", "jax.nn.hard_silu(x)"),
        ),
        sources=(Source("Howard et al. 2019, Searching for MobileNetV3", "section 5.2"),),
        elementwise=True,
        smooth="no",
        kinks=(-3.0, 3.0),
        monotone=False,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
