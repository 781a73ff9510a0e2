"""Activations over a whole row: softmax and its logarithm, with temperature and mask.

Dimension names: `...` is any shape; C is the dimension that is normalised.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError
from slopes._core.module import Module
from slopes._core.settings import STATE, is_readable
from slopes._core.spec import FINITE_POSITIVE, UNIT, Domain, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.rows import shifted


def softmax(x: Tensor, *, dim: int = -1, temperature: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """Return e^(x/T) divided by its sum over `dim`.

    Args:
        x: `[..., C, ...]`, any floating dtype.
        dim: The dimension to normalise.
        temperature: T, above 0. Towards 0 all goes to the largest entry, towards ∞ all entries become equal.
        mask: Boolean, shape of `x`, True where an entry takes part.

    Returns:
        Shape and dtype of `x`; each row sums to 1. A row without an entry to choose from (all masked, or all -inf) has
        no distribution: it is all zeros, with zero gradient. An entry of +inf takes all; several share it.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers, or `mask` is not boolean.
        OptionError: `temperature` is not in (0, ∞), or `x` has no dimension `dim`.
        ShapeError: `x` is 0-d, or `mask` has another shape than `x`.

    Notes:
        16-bit input is computed in float32 and rounded once. By default, without mask and temperature, this is torch's
        own kernel, and the rows that it makes NaN are made again. On an accelerator, uncompiled, they stay NaN, since
        to look for them would stall it: pass a mask there (of all True, where nothing is to be left out).

    Examples:
        >>> softmax(torch.tensor([2.1, 0.8, -0.3]))
        tensor([0.7335, 0.1999, 0.0665])
        >>> softmax(torch.tensor([2.1, 0.8, -0.3]), temperature=0.5)
        tensor([0.9238, 0.0686, 0.0076])
    """
    temperature = _checked("softmax", x, dim, temperature, mask)
    if _plain(x, dim, temperature, mask):
        return _kernel(torch.softmax, x, dim, 0.0)
    kept = x if mask is None else torch.where(mask, x, -math.inf)
    p = shifted.softmax(_cooled(kept, dim, temperature), dim)
    return (p if mask is None else torch.where(mask, p, 0.0)).to(x.dtype)


def log_softmax(x: Tensor, *, dim: int = -1, temperature: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """Return the logarithm of `softmax`, computed without taking the logarithm of a small number.

    Args:
        x: `[..., C, ...]`, any floating dtype.
        dim: The dimension to normalise.
        temperature: T, above 0.
        mask: Boolean, shape of `x`, True where an entry takes part.

    Returns:
        Shape and dtype of `x`, at most 0, in nats; -∞ for a masked entry, with zero gradient. A row without an entry to
        choose from (all masked, or all -inf) is all -∞, with zero gradient. An entry of +inf takes all.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers, or `mask` is not boolean.
        OptionError: `temperature` is not in (0, ∞), or `x` has no dimension `dim`.
        ShapeError: `x` is 0-d, or `mask` has another shape than `x`.

    Notes:
        By default, without mask and temperature, this is torch's own kernel; of its NaN, see `softmax`.

    Examples:
        >>> log_softmax(torch.tensor([0.0, 0.0]))
        tensor([-0.6931, -0.6931])
    """
    temperature = _checked("log_softmax", x, dim, temperature, mask)
    if _plain(x, dim, temperature, mask):
        return _kernel(torch.log_softmax, x, dim, -math.inf)
    kept = x if mask is None else torch.where(mask, x, -math.inf)
    log_p = shifted.log_softmax(_cooled(kept, dim, temperature), dim)
    return (log_p if mask is None else torch.where(mask, log_p, -math.inf)).to(x.dtype)


class Softmax(Module, of=softmax):
    """Module of `softmax`."""

    dim: int = -1
    temperature: float = 1.0


class LogSoftmax(Module, of=log_softmax):
    """Module of `log_softmax`."""

    dim: int = -1
    temperature: float = 1.0


def _checked(function: str, x: Tensor, dim: int, temperature: float, mask: Tensor | None) -> float:
    """Check the arguments and return the temperature."""
    check.floating(function, x=x)
    check.dimensions(function, "x", x, "[..., C]", 1)
    if isinstance(dim, bool) or not isinstance(dim, int) or not -x.dim() <= dim < x.dim():
        message = (
            f"{function}: `dim` is {dim!r}, expected a dimension of `x`, which has shape {check.shape_of(x)}; use -1."
        )
        raise OptionError(message)
    temperature = check.option(function, "temperature", temperature, FINITE_POSITIVE)
    if mask is not None:
        check.boolean(function, "mask", mask, x.shape, "the shape of `x`; True where an entry takes part")
        check.same_device(function, x=x, mask=mask)
    return temperature


def _plain(x: Tensor, dim: int, temperature: float, mask: Tensor | None) -> bool:
    """Whether torch's own kernel does what is asked."""
    return x.shape[dim] == 0 or (temperature == 1 and mask is None and not STATE.exact)


def _kernel(kernel: Callable[[Tensor, int], Tensor], x: Tensor, dim: int, nothing: float) -> Tensor:
    """Return torch's own softmax or log-softmax, `nothing` in a row of -inf alone; +inf takes all."""
    if x.shape[dim] == 0:
        return kernel(x, dim)
    if is_readable(x):
        p = kernel(x, dim)
        # A row of which one entry is NaN is so in every entry. On an accelerator nobody looks.
        if x.device.type != "cpu" or not math.isnan(p.detach().select(dim, 0).sum().item()):
            return p
    largest = x.detach().amax(dim, keepdim=True)
    infinite = torch.where((x == largest) | (largest < 0), 0.0, -math.inf).to(x.dtype)
    p = kernel(torch.where(largest.isinf(), infinite, x), dim)
    return torch.where(largest == -math.inf, nothing, p)


def _cooled(x: Tensor, dim: int, temperature: float) -> Tensor:
    """Return the logits over T. They are shifted first, so that a small T cannot overflow the largest one."""
    x = x.to(wide(x.dtype))
    if temperature == 1:
        return x
    return shifted.shift(x, dim)[0] / temperature


_LOGITS: Final = (Input("x", ("...", "C")),)
_TEMPERATURES: Final = (
    Parameter("temperature", "flattens above 1, sharpens below", FINITE_POSITIVE, "T", slider=(0.05, 20.0, 0.05)),
)

SPECS: Final = (
    Spec(
        title="Softmax",
        family="normalized",
        function=softmax,
        module=Softmax,
        summary="A distribution over exclusive classes; the weights of attention.",
        formula=r"p_i = \frac{e^{x_i / T}}{\sum_j e^{x_j / T}}",
        slope=r"\frac{\partial p_i}{\partial x_j} = \frac{p_i (\delta_{ij} - p_j)}{T}",
        inputs=_LOGITS,
        range=UNIT,
        parameters=_TEMPERATURES,
        aliases=("normalized exponential", "softargmax", "boltzmann", "gibbs"),
        equivalents=(
            Equivalent(
                "torch", "torch.softmax(x / temperature, dim)", "NaN for a logit of +inf or a row of -inf alone"
            ),
            Equivalent("Keras", "keras.activations.softmax(x)"),
            Equivalent("JAX", "jax.nn.softmax(x / temperature)", "its `where` leaves entries out as `mask` does here"),
        ),
        convention="`temperature` always divides; `mask` is True where an entry takes part.",
        sources=(Source("Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs"),),
    ),
    Spec(
        title="Log-softmax",
        family="normalized",
        function=log_softmax,
        module=LogSoftmax,
        summary="Log-probabilities of exclusive classes, safe for any logits.",
        formula=r"\log p_i = \frac{x_i}{T} - \log \sum_j e^{x_j / T}",
        slope=r"\frac{\partial \log p_i}{\partial x_j} = \frac{\delta_{ij} - p_j}{T}",
        inputs=_LOGITS,
        range=Domain(high=0.0),
        parameters=_TEMPERATURES,
        aliases=("logsoftmax", "log softmax"),
        equivalents=(
            Equivalent("torch", "torch.log_softmax(x / temperature, dim)"),
            Equivalent("Keras", "keras.activations.log_softmax(x)"),
            Equivalent("JAX", "jax.nn.log_softmax(x / temperature)"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
