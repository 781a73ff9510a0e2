"""More activations that flatten out on both sides: a straight piece, a ratio, and tanh stretched to a height.

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
from slopes._core.numerics import magnitude, quotient_of_any
from slopes._core.spec import FINITE, FINITE_POSITIVE, Domain, Equivalent, Parameter, Source, Spec
from slopes.activations._forms import INPUT, choose, indicator
from slopes.kernels.pointwise.executor import Pointwise

# LeCun 1989: tanh stretched so that f(1) = 1 and f(-1) = -1, to five digits.
LECUN_HEIGHT: Final = 1.7159
LECUN_WIDTH: Final = 1.5


def hard_tanh(x: Tensor, *, low: float = -1.0, high: float = 1.0) -> Tensor:
    """Return min(max(x, low), high) for each element: a tanh of three straight pieces.

    Args:
        x: `[...]`, any floating dtype.
        low: Least value, any finite number.
        high: Largest value, any finite number above `low`.

    Returns:
        `[...]`, dtype of `x`, in [low, high].

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: An end is not a finite number, or `low` is not below `high`.

    Notes:
        The slope is 1 between the ends and 0 elsewhere, both kinks included; that of torch.clamp is 1 there.

    Examples:
        >>> hard_tanh(torch.tensor([-2.0, 0.5, 3.0]))
        tensor([-1.0000,  0.5000,  1.0000])
    """
    low = check.option("hard_tanh", "low", low, FINITE)
    high = check.option("hard_tanh", "high", high, FINITE)
    check.ordered("hard_tanh", low=low, high=high)
    return choose("hard_tanh", x, F.hardtanh, _HARD_TANH, float(low), float(high))


def softsign(x: Tensor) -> Tensor:
    """Return x / (1 + |x|) for each element: like tanh, with tails that end as slowly as 1/x.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, in [-1, 1].

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope 1/(1 + |x|)² peaks at 1. In torch it is 0 from |x| = 1.8e19 on, where the square overflows, and an
        infinite x is NaN; here the slope goes on to the smallest number, and infinities give -1 and 1.

    Examples:
        >>> softsign(torch.tensor([-3.0, 0.0, 1.0]))
        tensor([-0.7500,  0.0000,  0.5000])
    """
    check.floating("softsign", x=x)
    return _SOFTSIGN(x)


def soft_cap(x: Tensor, *, cap: float = 30.0) -> Tensor:
    """Return cap · tanh(x / cap) for each element: x itself near 0, and never beyond the cap.

    Args:
        x: `[...]`, any floating dtype.
        cap: The height of both ends, above 0; 30 for Gemma 2's final logits, 50 for its attention.

    Returns:
        `[...]`, dtype of `x`, in [-cap, cap].

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.
        OptionError: `cap` is not in (0, ∞).

    Notes:
        The slope is 1 - tanh²(x/cap), from x and with its tail: what is written out takes it from the rounded output,
        0 from x = 9 cap on in float32, and rounds three times in 16 bits.

    Examples:
        >>> soft_cap(torch.tensor([-1e3, 0.5, 30.0]))
        tensor([-30.0000,   0.5000,  22.8478])
    """
    cap = check.option("soft_cap", "cap", cap, FINITE_POSITIVE)
    check.floating("soft_cap", x=x)
    return _STRETCHED_TANH(x, float(cap), float(cap))


def lecun_tanh(x: Tensor) -> Tensor:
    """Return 1.7159 tanh(2x/3) for each element: a tanh that has 1 at 1, and keeps its curvature for inputs there.

    Args:
        x: `[...]`, any floating dtype.

    Returns:
        `[...]`, dtype of `x`, in [-1.7159, 1.7159].

    Raises:
        DtypeError: `x` is not a tensor of floating numbers.

    Notes:
        The slope peaks at 1.1439 and comes from x, with its tail.

    Examples:
        >>> lecun_tanh(torch.tensor([-9.0, 0.0, 1.0]))
        tensor([-1.7159,  0.0000,  1.0000])
    """
    check.floating("lecun_tanh", x=x)
    return _STRETCHED_TANH(x, LECUN_WIDTH, LECUN_HEIGHT)


class HardTanh(Module, of=hard_tanh):
    """Module of `hard_tanh`."""

    low: float = -1.0
    high: float = 1.0


class Softsign(Module, of=softsign):
    """Module of `softsign`."""


class SoftCap(Module, of=soft_cap):
    """Module of `soft_cap`."""

    cap: float = 30.0


class LeCunTanh(Module, of=lecun_tanh):
    """Module of `lecun_tanh`."""


def _hard_tanh_slope(x: Tensor, low: float, high: float) -> tuple[Tensor]:
    return (indicator(x, (x > low) & (x < high)),)


def _softsign(x: Tensor) -> Tensor:
    largest = torch.finfo(x.dtype).max
    x = x.clamp(-largest, largest)
    return x / (1 + magnitude(x))


def _softsign_slope(x: Tensor) -> tuple[Tensor]:
    root = 1 / (1 + magnitude(x))
    return (root * root,)


def _stretched_tanh(x: Tensor, width: float, height: float) -> Tensor:
    q, _ = quotient_of_any(x, width)
    # Where tanh is the identity to the last digit, x/width may have lost some as a subnormal number.
    return torch.where(q.abs() < _NOTHING, x * (height / width), height * torch.tanh(q))


def _stretched_tanh_slope(x: Tensor, width: float, height: float) -> tuple[Tensor]:
    q, low = quotient_of_any(x, width)
    e = torch.exp(-2 * magnitude(q))
    e = e - e * (2 * torch.where(q < 0, -low, low))
    return ((4 * (height / width)) * (e / ((1 + e) * (1 + e))),)


_NOTHING: Final = 1e-20
_HARD_TANH: Final = Pointwise("HardTanh", lambda x, low, high: x.clamp(low, high), _hard_tanh_slope, narrow=True)
_SOFTSIGN: Final = Pointwise("Softsign", _softsign, _softsign_slope, narrow=True)
_STRETCHED_TANH: Final = Pointwise("StretchedTanh", _stretched_tanh, _stretched_tanh_slope, narrow=True)

SPECS: Final = (
    Spec(
        title="Hard tanh",
        family="saturating",
        function=hard_tanh,
        module=HardTanh,
        summary="A clamp between two ends: bounded outputs, binary networks, hardware without an exponential.",
        formula=r"f(x) = \min(\max(x,\, l),\, h)",
        slope=r"f'(x) = 1 \text{ for } l < x < h,\ 0 \text{ elsewhere}",
        inputs=INPUT,
        range=Domain(-1.0, 1.0),
        parameters=(
            Parameter("low", "least value", FINITE, "l", slider=(-6.0, 0.9, 0.1)),
            Parameter("high", "largest value", FINITE, "h", slider=(1.0, 6.0, 0.1)),
        ),
        aliases=("hardtanh", "clamp"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.hardtanh(x, low, high)"),
            Equivalent("Keras", "keras.activations.hard_tanh(x)", "between -1 and 1 only"),
            Equivalent("JAX", "jax.nn.hard_tanh(x)", "between -1 and 1 only"),
        ),
        sources=(Source("Collobert 2004, Large Scale Machine Learning", "section 5.3"),),
        elementwise=True,
        smooth="no",
        kinks=(-1.0, 1.0),
        monotone=True,
    ),
    Spec(
        title="Softsign",
        family="saturating",
        function=softsign,
        module=Softsign,
        summary="A bounded unit without an exponential, whose gradient fades slowly.",
        formula=r"f(x) = \frac{x}{1 + |x|}",
        slope=r"f'(x) = \frac{1}{(1 + |x|)^2}",
        inputs=INPUT,
        range=Domain(-1.0, 1.0, low_open=True, high_open=True),
        aliases=("soft sign", "elliotsig"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.softsign(x)", "NaN for an infinite x"),
            Equivalent("Keras", "keras.activations.softsign(x)"),
            Equivalent("JAX", "jax.nn.soft_sign(x)"),
        ),
        sources=(
            Source("Elliott 1993, A Better Activation Function for Artificial Neural Networks", "equation 2"),
            Source("Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks"),
        ),
        elementwise=True,
        smooth="once",
        monotone=True,
    ),
    Spec(
        title="Soft cap",
        family="saturating",
        function=soft_cap,
        module=SoftCap,
        summary="Logits that cannot run away: Gemma 2's attention and output.",
        formula=r"f(x) = c \tanh\left(\frac{x}{c}\right)",
        slope=r"f'(x) = 1 - \tanh^2\left(\frac{x}{c}\right)",
        inputs=INPUT,
        range=Domain(-30.0, 30.0, low_open=True, high_open=True),
        parameters=(Parameter("cap", "height of both ends", FINITE_POSITIVE, "c", slider=(0.5, 60.0, 0.5)),),
        aliases=("logit soft capping", "softcapping", "tanh capping"),
        equivalents=(
            Equivalent("torch", "cap * torch.tanh(x / cap)", "rounds three times in 16 bits; its slope has no tail"),
            Equivalent("transformers", "final_logit_softcapping=30.0, attn_logit_softcapping=50.0", "of Gemma 2"),
        ),
        convention="The range given is that of the default, 30.",
        sources=(
            Source("Gemma Team 2024, Gemma 2: Improving Open Language Models at a Practical Size", "section 2"),
            Source("Bello et al. 2016, Neural Combinatorial Optimization with Reinforcement Learning", "appendix A.1"),
        ),
        elementwise=True,
        monotone=True,
    ),
    Spec(
        title="LeCun's tanh",
        family="saturating",
        function=lecun_tanh,
        module=LeCunTanh,
        summary="The tanh of LeNet: targets of 1 and -1 lie where it is most curved.",
        formula=r"f(x) = 1.7159 \tanh\left(\frac{2x}{3}\right)",
        slope=r"f'(x) = 1.1439 \left(1 - \tanh^2\left(\frac{2x}{3}\right)\right)",
        inputs=INPUT,
        range=Domain(-LECUN_HEIGHT, LECUN_HEIGHT, low_open=True, high_open=True),
        aliases=("scaled tanh", "stretched tanh"),
        equivalents=(Equivalent("torch", "1.7159 * torch.tanh(2 * x / 3)", "its slope has no tail"),),
        sources=(Source("LeCun, Bottou, Orr, Müller 1998, Efficient BackProp", "section 4.4"),),
        elementwise=True,
        monotone=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
