"""Activations over a whole row: softmax and its logarithm, with temperature and mask.

Dimension names: `...` is any shape; C is the dimension that is normalised.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, cast

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError, ShapeError
from slopes._core.module import Module
from slopes._core.settings import STATE, is_readable
from slopes._core.spec import FINITE, FINITE_POSITIVE, UNIT, Domain, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.rows import shifted


def softmax(
    x: Tensor,
    *,
    dim: int = -1,
    temperature: float = 1.0,
    mask: Tensor | None = None,
    sink: Tensor | float | None = None,
) -> Tensor:
    """Return e^(x/T) divided by its sum over `dim`, which a sink may be a part of.

    Args:
        x: `[..., C, ...]`, any floating dtype.
        dim: The dimension to normalise.
        temperature: T, above 0. Towards 0 all goes to the largest entry, towards ∞ all entries become equal.
        mask: Boolean, shape of `x`, True where an entry takes part.
        sink: One more logit of every row, which takes its share and is not returned: a finite number (0 for the
            softmax that is "off by one"), or a tensor that broadcasts to `x` with size 1 in `dim` (one of each head:
            `[H, 1, 1]`), dtype of `x` or float32 beside 16 bits.

    Returns:
        Shape and dtype of `x`; each row sums to 1, with a sink to less. A row without an entry to choose from (all
        masked, or all -inf) has no distribution: it is all zeros, with zero gradient. An entry of +inf takes all;
        several share it.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers, or `mask` is not boolean.
        OptionError: `temperature` is not in (0, ∞), `sink` is not finite, or `x` has no dimension `dim`.
        ShapeError: `x` is 0-d, `mask` has another shape than `x`, or `sink` does not broadcast to one logit a row.

    Notes:
        16-bit input is computed in float32 and rounded once. By default, without mask and temperature, this is torch's
        own kernel, and the rows that it makes NaN are made again. On an accelerator, uncompiled, they stay NaN, since
        to look for them would stall it: pass a mask there (of all True, where nothing is to be left out).

    Examples:
        >>> softmax(torch.tensor([2.1, 0.8, -0.3]))
        tensor([0.7335, 0.1999, 0.0665])
        >>> softmax(torch.tensor([2.1, 0.8, -0.3]), temperature=0.5)
        tensor([0.9238, 0.0686, 0.0076])
        >>> softmax(torch.zeros(3), sink=0.0)
        tensor([0.2500, 0.2500, 0.2500])
    """
    temperature = rows_checked("softmax", x, dim, temperature, mask)
    if sink is not None:
        return _with_sink("softmax", softmax, x, sink, dim, temperature, mask)
    if _plain(x, dim, temperature, mask):
        return _kernel(torch.softmax, x, dim, 0.0)
    kept = x if mask is None else torch.where(mask, x, -math.inf)
    p = shifted.softmax(_cooled(kept, dim, temperature), dim)
    return (p if mask is None else torch.where(mask, p, 0.0)).to(x.dtype)


def log_softmax(
    x: Tensor,
    *,
    dim: int = -1,
    temperature: float = 1.0,
    mask: Tensor | None = None,
    sink: Tensor | float | None = None,
) -> Tensor:
    """Return the logarithm of `softmax`, computed without taking the logarithm of a small number.

    Args:
        x: `[..., C, ...]`, any floating dtype.
        dim: The dimension to normalise.
        temperature: T, above 0.
        mask: Boolean, shape of `x`, True where an entry takes part.
        sink: One more logit of every row, as of `softmax`.

    Returns:
        Shape and dtype of `x`, at most 0, in nats; -∞ for a masked entry, with zero gradient. A row without an entry to
        choose from (all masked, or all -inf) is all -∞, with zero gradient. An entry of +inf takes all.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers, or `mask` is not boolean.
        OptionError: `temperature` is not in (0, ∞), `sink` is not finite, or `x` has no dimension `dim`.
        ShapeError: `x` is 0-d, `mask` has another shape than `x`, or `sink` does not broadcast to one logit a row.

    Notes:
        By default, without mask and temperature, this is torch's own kernel; of its NaN, see `softmax`.

    Examples:
        >>> log_softmax(torch.tensor([0.0, 0.0]))
        tensor([-0.6931, -0.6931])
    """
    temperature = rows_checked("log_softmax", x, dim, temperature, mask)
    if sink is not None:
        return _with_sink("log_softmax", log_softmax, x, sink, dim, temperature, mask)
    if _plain(x, dim, temperature, mask):
        return _kernel(torch.log_softmax, x, dim, -math.inf)
    kept = x if mask is None else torch.where(mask, x, -math.inf)
    log_p = shifted.log_softmax(_cooled(kept, dim, temperature), dim)
    return (log_p if mask is None else torch.where(mask, log_p, -math.inf)).to(x.dtype)


def softmin(x: Tensor, *, dim: int = -1, temperature: float = 1.0, mask: Tensor | None = None) -> Tensor:
    """Return e^(-x/T) divided by its sum over `dim`: the softmax of costs, where less is more.

    Args:
        x: `[..., C, ...]`, any floating dtype.
        dim: The dimension to normalise.
        temperature: T, above 0. Towards 0 all goes to the least entry.
        mask: Boolean, shape of `x`, True where an entry takes part.

    Returns:
        Shape and dtype of `x`; each row sums to 1. A row without an entry to choose from (all masked, or all +inf) is
        all zeros, with zero gradient. An entry of -inf takes all; several share it.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers, or `mask` is not boolean.
        OptionError: `temperature` is not in (0, ∞), or `x` has no dimension `dim`.
        ShapeError: `x` is 0-d, or `mask` has another shape than `x`.

    Notes:
        It is softmax(-x), to the last bit; a sign costs no digit.

    Examples:
        >>> softmin(torch.tensor([0.0, 0.6931472]))
        tensor([0.6667, 0.3333])
    """
    temperature = rows_checked("softmin", x, dim, temperature, mask)
    return softmax(-x, dim=dim, temperature=temperature, mask=mask)


class Softmax(Module, of=softmax):
    """Module of `softmax`."""

    dim: int = -1
    temperature: float = 1.0


class Softmin(Module, of=softmin):
    """Module of `softmin`."""

    dim: int = -1
    temperature: float = 1.0


class LogSoftmax(Module, of=log_softmax):
    """Module of `log_softmax`."""

    dim: int = -1
    temperature: float = 1.0


def rows_checked(function: str, x: Tensor, dim: int, temperature: float, mask: Tensor | None) -> float:
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


def _with_sink(
    function: str,
    of: Callable[..., Tensor],
    x: Tensor,
    sink: Tensor | float,
    dim: int,
    temperature: float,
    mask: Tensor | None,
) -> Tensor:
    """Return softmax or log-softmax of the rows and one logit more, without what that one gets."""
    shape = list(x.shape)
    shape[dim] = 1
    if isinstance(sink, Tensor) and sink.dim():
        check.floating(function, sink=sink)
        check.same_device(function, x=x, sink=sink)
        check.learned_dtype(function, x, sink=sink)
        try:
            fits = list(torch.broadcast_shapes(sink.shape, shape)) == shape  # type: ignore[no-untyped-call]
        except RuntimeError:
            fits = False
        if not fits:
            message = (
                f"{function}: `sink` has shape {check.shape_of(sink)}, expected one that broadcasts to one logit for "
                f"each row, {shape}; reshape it, for one sink per head to [H, 1, 1]."
            )
            raise ShapeError(message)
        logit = sink.to(x.dtype).expand(shape)
    else:
        logit = x.new_full(shape, check.option(function, "sink", cast("float", sink), FINITE))
    kept = None if mask is None else torch.cat([mask, torch.ones_like(logit, dtype=torch.bool)], dim)
    return of(torch.cat([x, logit], dim), dim=dim, temperature=temperature, mask=kept).narrow(dim, 0, x.shape[dim])


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
            Equivalent("transformers", "s_aux of its attention", "gpt-oss's sinks, as `sink` here, with shape [H]"),
            Equivalent("JAX", "jax.nn.softmax(x / temperature)", "its `where` leaves entries out as `mask` does here"),
        ),
        convention="`temperature` always divides, a sink too; `mask` is True where an entry takes part.",
        sources=(
            Source("Bridle 1990, Probabilistic Interpretation of Feedforward Classification Network Outputs"),
            Source("Xiao et al. 2023, Efficient Streaming Language Models with Attention Sinks", "equation 2"),
        ),
    ),
    Spec(
        title="Softmin",
        family="normalized",
        function=softmin,
        module=Softmin,
        summary="Shares of costs, distances or energies: the least gets the most.",
        formula=r"p_i = \frac{e^{-x_i / T}}{\sum_j e^{-x_j / T}}",
        slope=r"\frac{\partial p_i}{\partial x_j} = \frac{p_i (p_j - \delta_{ij})}{T}",
        inputs=_LOGITS,
        range=UNIT,
        parameters=_TEMPERATURES,
        aliases=("soft argmin",),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.softmin(x / temperature, dim)", "NaN for a row of +inf alone"),
            Equivalent("JAX", "jax.nn.softmax(-x / temperature)"),
        ),
        sources=(Source("Kendall et al. 2017, End-to-End Learning of Geometry and Context", "equation 1"),),
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
