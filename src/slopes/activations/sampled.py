"""A class drawn by chance, in a way that lets a gradient through: Gumbel-softmax.

Dimension names: `...` is any shape; C is the dimension that is normalised.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.spec import FINITE_POSITIVE, UNIT, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.activations.normalized import rows_checked, softmax


def gumbel_softmax(
    x: Tensor,
    *,
    temperature: float = 1.0,
    hard: bool = False,
    dim: int = -1,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Return softmax((x + g)/T) over `dim`, g Gumbel noise: a soft draw from the classes with logits x.

    Args:
        x: `[..., C, ...]`, any floating dtype: logits, or log-probabilities.
        temperature: T, above 0. Towards 0 the result becomes one class, drawn with the probabilities of softmax(x).
        hard: Whether to return that class, exactly 1, the others 0, with the gradient of the soft draw.
        dim: The dimension to normalise.
        noise: Shape of `x`, its dtype or float32 beside 16 bits: g, drawn before, as -log(-log u); drawn here if None.
        generator: Source of chance, where `noise` is drawn here.

    Returns:
        Shape and dtype of `x`; each row sums to 1.

    Raises:
        DeviceError: `generator` or `noise` is on another device than `x`.
        DtypeError: `x` or `noise` is not a tensor of floating numbers, or their dtypes do not fit.
        OptionError: `temperature` is not in (0, ∞), `hard` is no flag, or `x` has no dimension `dim`.
        ShapeError: `x` is 0-d, or `noise` has another shape.

    Notes:
        `hard` is the straight-through estimator: the gradient is that of the soft draw, biased for what the hard one
        is. Noise is drawn in float32 beside 16 bits, where torch draws in 16, which has few values; of one seed the
        draw in float32 is torch's own.

    Examples:
        >>> gumbel_softmax(torch.tensor([0.0, 1.0]), noise=torch.tensor([1.0, 0.0]))
        tensor([0.5000, 0.5000])
        >>> gumbel_softmax(torch.zeros(3), hard=True, generator=torch.Generator().manual_seed(0)).sum()
        tensor(1.)
    """
    temperature = rows_checked("gumbel_softmax", x, dim, temperature, None)
    check.flag("gumbel_softmax", "hard", hard)
    if noise is None:
        check.generator("gumbel_softmax", generator, x=x)
        noise = _gumbel(x, generator)
    else:
        check.floating("gumbel_softmax", noise=noise)
        check.same_device("gumbel_softmax", x=x, noise=noise)
        check.same_shape("gumbel_softmax", x=x, noise=noise)
        check.learned_dtype("gumbel_softmax", x, noise=noise)
    soft = softmax(x.to(wide(x.dtype)) + noise, dim=dim, temperature=temperature)
    if hard and x.shape[dim]:
        first = soft.detach().argmax(dim, keepdim=True)
        one = torch.zeros_like(soft).scatter(dim, first, 1.0)
        soft = one + (soft - soft.detach())  # the second part is 0, so that the first stays exact
    return soft.to(x.dtype)


class GumbelSoftmax(Module, of=gumbel_softmax):
    """Module of `gumbel_softmax`."""

    temperature: float = 1.0
    hard: bool = False
    dim: int = -1


def _gumbel(x: Tensor, generator: torch.Generator | None) -> Tensor:
    """Return numbers whose largest, added to logits, is drawn as softmax says: minus the log of exponential ones."""
    drawn = torch.empty_like(x, dtype=wide(x.dtype), requires_grad=False)
    drawn = drawn.exponential_() if generator is None else drawn.exponential_(generator=generator)
    return -drawn.clamp(min=torch.finfo(drawn.dtype).tiny).log()


_LOGITS: Final = (Input("x", ("...", "C")), Input("noise", ("...", "C"), optional=True))

SPECS: Final = (
    Spec(
        title="Gumbel-softmax",
        family="normalized",
        function=gumbel_softmax,
        module=GumbelSoftmax,
        summary="Draw a class and still learn: discrete codes, architecture search, routing.",
        formula=r"p_i = \frac{e^{(x_i + g_i) / T}}{\sum_j e^{(x_j + g_j) / T}},\quad g_i = -\log(-\log u_i)",
        slope=r"\frac{\partial p_i}{\partial x_j} = \frac{p_i (\delta_{ij} - p_j)}{T}",
        inputs=_LOGITS,
        range=UNIT,
        parameters=(
            Parameter("temperature", "how near to one class", FINITE_POSITIVE, "T", slider=(0.05, 5.0, 0.05)),
            Parameter("hard", "one class, with the soft gradient", choices=("True", "False")),
        ),
        aliases=("concrete distribution", "straight through gumbel", "gumbel max"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.gumbel_softmax(x, tau=temperature, hard=False, dim=dim)",
                "draws in the dtype of x; takes no generator",
            ),
        ),
        convention="`temperature` divides, and is tau elsewhere; the noise may be given.",
        sources=(
            Source("Jang, Gu, Poole 2016, Categorical Reparameterization with Gumbel-Softmax", "equation 2"),
            Source("Maddison, Mnih, Teh 2016, The Concrete Distribution"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
