"""More smooth activations: CLIP's GELU, a ReLU by a square root, and what tanh leaves of a number.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.numerics import horner, magnitude, reflect
from slopes._core.spec import FINITE_POSITIVE, POSITIVE, REALS, Domain, Equivalent, Parameter, Source, Spec
from slopes.activations._forms import INPUT
from slopes.kernels.pointwise import logistic
from slopes.kernels.pointwise.executor import Pointwise

QUICK: Final = 1.702  # Hendrycks and Gimpel 2016: the sigmoid nearest to a normal distribution function
# x cosh x - sinh x is x³ times these of x²: 2k/(2k + 1)!, all positive, so that nothing cancels.
_SERIES: Final = tuple(2 * k / math.factorial(2 * k + 1) for k in range(1, 15))
_END: Final = 2.0  # from here on x - tanh x has lost no digit


def quick_gelu(x: Tensor) -> Tensor:
    """Return x σ(1.702 x) for each element: the GELU of CLIP's checkpoints, which is Swish with beta = 1.702.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, at least -0.16361.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        It differs from `gelu` by up to 0.0203; a checkpoint that was trained with one needs that one. Only the input
        is kept for the backward pass, and both tails keep their digits.

    Examples:
        >>> quick_gelu(torch.tensor([-1.0, 0.0, 1.0]))
        tensor([-0.1542,  0.0000,  0.8458])
    """
    check.floating("quick_gelu", x=x)
    return _QUICK_GELU(x, QUICK)


def squareplus(x: Tensor, *, b: float = 4.0) -> Tensor:
    """Return (x + √(x² + b)) / 2 for each element: a smooth ReLU made of algebra alone.

    Args:
        x: `[...]`, any floating dtype.
        b: How wide the bend is, above 0; at 0 the value is √b/2.

    Returns:
        `[...]`, dtype of `x`, at least 0.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `b` is not in (0, ∞).

    Notes:
        Written out, the two terms cancel for negative x, to 0 from x = -8192 on in float32, and x² overflows; here
        the tail is b/(4|x|) to the last digit. b = 4 has softplus' curvature at 0,
        b = 4 log(2)² its value there.

    Examples:
        >>> squareplus(torch.tensor([-1.5, 0.0, 1.5]))
        tensor([0.5000, 1.0000, 2.0000])
    """
    b = check.option("squareplus", "b", b, FINITE_POSITIVE)
    check.floating("squareplus", x=x)
    return _SQUAREPLUS(x, float(b))


def tanh_shrink(x: Tensor) -> Tensor:
    """Return x - tanh(x) for each element: almost nothing of a small number, all but 1 of a large one.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        Near 0 it is x³/3. There torch's x - tanh(x) cancels: in float32 more than half of its bits are gone at
        x = 0.01, and all at 0.0004. Here it is (x cosh x - sinh x)/cosh x below 2, by a series of positive terms.

    Examples:
        >>> tanh_shrink(torch.tensor([-1.0, 0.0, 0.001]))
        tensor([-2.3841e-01,  0.0000e+00,  3.3333e-10])
    """
    check.floating("tanh_shrink", x=x)
    return _TANH_SHRINK(x)


class QuickGELU(Module, of=quick_gelu):
    """Module of `quick_gelu`."""


class Squareplus(Module, of=squareplus):
    """Module of `squareplus`."""

    b: float = 4.0


class TanhShrink(Module, of=tanh_shrink):
    """Module of `tanh_shrink`."""


def _hypotenuse(a: Tensor, width: float) -> Tensor:
    """Return √(a² + width²) for a >= 0, which torch.hypot is; ONNX has none."""
    beyond, side = a > width, torch.full_like(a, width)
    longer, shorter = torch.where(beyond, a, side), torch.where(beyond, side, a)
    ratio = shorter / longer
    return longer * torch.sqrt(1 + ratio * ratio)


def _squareplus(x: Tensor, b: float) -> Tensor:
    a = magnitude(x)
    root = _hypotenuse(a, math.sqrt(b))
    return x.clamp(min=0) + (b / 4) / (root / 2 + a / 2)


def _squareplus_slope(x: Tensor, b: float) -> tuple[Tensor]:
    a, width = magnitude(x), math.sqrt(b)
    root = _hypotenuse(a, width)
    return (reflect(x, (width / root) * ((width / 4) / (root / 2 + a / 2))),)


def _tanh_shrink(x: Tensor) -> Tensor:
    inside = x.clamp(-_END, _END)
    square = inside * inside
    terms = _SERIES if x.dtype == torch.float64 else _SERIES[:9]
    near = inside * ((square * horner(square, terms)) / torch.cosh(inside))
    return torch.where(x.abs() < _END, near, x - torch.tanh(x))


def _tanh_shrink_slope(x: Tensor) -> tuple[Tensor]:
    root = torch.tanh(x)
    return (root * root,)


_QUICK_GELU: Final = Pointwise("QuickGELU", logistic.swish, logistic.swish_slope, narrow=True)
_SQUAREPLUS: Final = Pointwise("Squareplus", _squareplus, _squareplus_slope, narrow=True)
_TANH_SHRINK: Final = Pointwise("TanhShrink", _tanh_shrink, _tanh_shrink_slope, narrow=True)

SPECS: Final = (
    Spec(
        title="Quick GELU",
        family="smooth",
        function=quick_gelu,
        module=QuickGELU,
        summary="The GELU of CLIP and its descendants: a sigmoid in place of the normal distribution.",
        formula=r"f(x) = x\,\sigma(1.702\, x)",
        slope=r"f'(x) = \sigma(z) + z\,\sigma(z)\,\sigma(-z),\quad z = 1.702\, x",
        inputs=INPUT,
        range=Domain(low=-0.27846454276107380 / QUICK),
        aliases=("quickgelu", "sigmoid gelu", "clip gelu"),
        equivalents=(
            Equivalent("torch", "x * torch.sigmoid(1.702 * x)", "keeps three tensors for backward"),
            Equivalent("transformers", '"quick_gelu"'),
        ),
        sources=(Source("Hendrycks, Gimpel 2016, Gaussian Error Linear Units", "section 2"),),
        elementwise=True,
        monotone=False,
    ),
    Spec(
        title="Squareplus",
        family="smooth",
        function=squareplus,
        module=Squareplus,
        summary="A softplus without exponentials, whose negative tail ends as slowly as 1/x.",
        formula=r"f(x) = \frac{x + \sqrt{x^2 + b}}{2}",
        slope=r"f'(x) = \frac{1}{2} \left(1 + \frac{x}{\sqrt{x^2 + b}}\right)",
        inputs=INPUT,
        range=POSITIVE,
        parameters=(Parameter("b", "width of the bend", FINITE_POSITIVE, "b", slider=(0.1, 10.0, 0.1)),),
        aliases=("square plus",),
        equivalents=(
            Equivalent("torch", "(x + torch.sqrt(x * x + b)) / 2", "cancels for negative x, overflows for large ones"),
            Equivalent("JAX", "jax.nn.squareplus(x, b)", "likewise"),
            Equivalent("Keras", "keras.activations.squareplus(x, b)", "likewise"),
        ),
        sources=(Source("Barron 2021, Squareplus: A Softplus-Like Algebraic Rectifier", "equation 1"),),
        elementwise=True,
        monotone=True,
    ),
    Spec(
        title="Tanh shrink",
        family="smooth",
        function=tanh_shrink,
        module=TanhShrink,
        summary="A soft dead zone: what is near 0 vanishes as its cube.",
        formula=r"f(x) = x - \tanh(x)",
        slope=r"f'(x) = \tanh^2(x)",
        inputs=INPUT,
        range=REALS,
        aliases=("tanhshrink",),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.tanhshrink(x)", "cancels near 0"),
            Equivalent("Keras", "keras.activations.tanh_shrink(x)", "cancels near 0"),
        ),
        sources=(Source("Collobert, Kavukcuoglu, Farabet 2011, Torch7: A Matlab-like Environment"),),
        elementwise=True,
        monotone=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
