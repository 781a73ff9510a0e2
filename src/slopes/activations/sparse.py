"""Distributions with exact zeros: sparsemax, and the entmax family between it and the softmax.

Dimension names: `...` is any shape; C is the dimension that is normalised.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.spec import UNIT, Domain, Equivalent, Input, Parameter, Source, Spec
from slopes.activations.normalized import rows_checked, softmax
from slopes.kernels.rows import shifted

_LEAST: Final = Domain(low=1.0, high_open=True)
_HALVINGS: Final = 60  # of an interval below 1, to float64's last digit


def sparsemax(x: Tensor, *, dim: int = -1, mask: Tensor | None = None) -> Tensor:
    """Return the distribution over `dim` that is nearest to x: max(x - τ, 0), with the τ that makes it sum to 1.

    Args:
        x: `[..., C, ...]`, any floating dtype.
        dim: The dimension to normalise.
        mask: Boolean, shape of `x`, True where an entry takes part.

    Returns:
        Shape and dtype of `x`; each row sums to 1, with exact zeros where x is 1 or more below the largest entry, and
        often earlier. A row without an entry to choose from is all zeros. An entry of +inf takes all; several share it.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers, or `mask` is not boolean.
        OptionError: `x` has no dimension `dim`.
        ShapeError: `x` is 0-d, or `mask` has another shape than `x`.

    Notes:
        The gradient is that of the entries above 0: what comes back, less its mean over them; 0 for the others. At
        the edge of the support, where an entry is just 0, it is the one from below. Computed in float64 where the
        device has it, and rounded once, since at that edge an entry is what is left of a subtraction.

    Examples:
        >>> sparsemax(torch.tensor([1.0, 0.5, -1.0]))
        tensor([0.7500, 0.2500, 0.0000])
    """
    rows_checked("sparsemax", x, dim, 1.0, mask)
    return _entmax(x, 2.0, dim, mask)


def entmax(x: Tensor, *, alpha: float = 1.5, dim: int = -1, mask: Tensor | None = None) -> Tensor:
    """Return max((alpha - 1) x - τ, 0)^(1/(alpha - 1)) over `dim`, with the τ that makes it sum to 1.

    Args:
        x: `[..., C, ...]`, any floating dtype.
        alpha: At least 1: 1 is the softmax, 2 is sparsemax, and the larger it is, the more entries are 0.
        dim: The dimension to normalise.
        mask: Boolean, shape of `x`, True where an entry takes part.

    Returns:
        Shape and dtype of `x`; each row sums to 1, with exact zeros for alpha above 1. A row without an entry to choose
        from is all zeros. An entry of +inf takes all; several share it.

    Raises:
        DtypeError: `x` is not a tensor of floating numbers, or `mask` is not boolean.
        OptionError: `alpha` is not in [1, ∞), or `x` has no dimension `dim`.
        ShapeError: `x` is 0-d, or `mask` has another shape than `x`.

    Notes:
        It maximises p · x plus Tsallis' entropy of order alpha. For 1.5 and 2 the support is found by sorting, and τ in
        closed form; for others by bisection and two steps of Newton, of which the derivatives are exact. Computed in
        float64 where the device has it, and rounded once. alpha has no gradient.

    Examples:
        >>> entmax(torch.tensor([2.0, 1.0, -2.0]))
        tensor([0.8307, 0.1693, 0.0000])
    """
    rows_checked("entmax", x, dim, 1.0, mask)
    alpha = check.option("entmax", "alpha", alpha, _LEAST)
    return softmax(x, dim=dim, mask=mask) if alpha == 1 else _entmax(x, float(alpha), dim, mask)


class Sparsemax(Module, of=sparsemax):
    """Module of `sparsemax`."""

    dim: int = -1


class Entmax(Module, of=entmax):
    """Module of `entmax`."""

    alpha: float = 1.5
    dim: int = -1


def _entmax(x: Tensor, alpha: float, dim: int, mask: Tensor | None) -> Tensor:
    if x.shape[dim] == 0:
        return x.clone()
    kept = x if mask is None else torch.where(mask, x, -math.inf)
    fine = torch.float32 if x.device.type == "mps" else torch.float64
    shifts, _ = shifted.shift(kept.to(fine), dim)
    nothing = (shifts == -math.inf).all(dim, keepdim=True)  # no entry to choose from
    far = -2 / (alpha - 1)  # an entry that is 1/(alpha - 1) below the largest is 0
    z = (alpha - 1) * torch.where(shifts < far, far, shifts)
    z = z.movedim(dim, -1)
    power = 1 / (alpha - 1)
    if alpha == 2:  # noqa: PLR2004  sparsemax
        tau = _linear_threshold(z)
    elif alpha == 1.5:  # noqa: PLR2004
        tau = _square_threshold(z)
    else:
        tau = _threshold(z, power)
    p = _raised(z - tau, power).movedim(-1, dim)
    return torch.where(nothing, 0.0, p).to(x.dtype)


def _raised(over: Tensor, power: float) -> Tensor:
    """Return max(over, 0)^power, with slope 0 where it is 0."""
    inside = torch.where(over <= 0, torch.ones_like(over), over)
    return torch.where(over <= 0, torch.zeros_like(over), inside**power if power != 1 else inside)


def _mean(z: Tensor, support: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many entries the support of each row has, and their mean."""
    count = support.sum(-1, keepdim=True).to(z.dtype)
    return count, torch.where(support, z, 0.0).sum(-1, keepdim=True) / count


def _sorted(z: Tensor) -> tuple[Tensor, Tensor]:
    """Return each row from its largest entry on, without a gradient, and the places from 1 on."""
    ordered = z.detach().sort(-1, descending=True).values
    return ordered, torch.arange(1, z.shape[-1] + 1, dtype=z.dtype, device=z.device)


def _linear_threshold(z: Tensor) -> Tensor:
    """Return τ with Σ max(z - τ, 0) = 1 (Martins and Astudillo 2016, algorithm 1), from the mean of the support."""
    ordered, places = _sorted(z)
    size = (1 + places * ordered > ordered.cumsum(-1)).sum(-1, keepdim=True).clamp(min=1)
    support = z.detach() >= ordered.gather(-1, size - 1)
    count, mean = _mean(z, support)
    return mean - 1 / count


def _square_threshold(z: Tensor) -> Tensor:
    """Return τ with Σ max(z - τ, 0)² = 1 (Peters, Niculae, Martins 2019, algorithm 2)."""
    ordered, places = _sorted(z)
    means = ordered.cumsum(-1) / places
    spread = places * ((ordered**2).cumsum(-1) / places - means**2)
    taus = means - ((1 - spread) / places).clamp(min=0).sqrt()
    size = (taus <= ordered).sum(-1, keepdim=True).clamp(min=1)
    support = z.detach() >= ordered.gather(-1, size - 1)
    count, mean = _mean(z, support)
    spread = torch.where(support, (z - mean) ** 2, 0.0).sum(-1, keepdim=True)
    return mean - ((1 - spread) / count).sqrt()


def _threshold(z: Tensor, power: float) -> Tensor:
    """Return τ with Σ max(z - τ, 0)^power = 1: by bisection, and two steps of Newton for value and derivatives.

    The first step has the right slope, and the second the right bend.
    """
    fixed = z.detach()
    top = fixed.amax(-1, keepdim=True)
    low, high = top - 1, top - z.shape[-1] ** (-1 / power)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = _raised(fixed - middle, power).sum(-1, keepdim=True) >= 1
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    tau = low
    for _ in range(2):
        over = z - tau
        total = _raised(over, power).sum(-1, keepdim=True) - 1
        steepness = torch.where(over <= 0, 0.0, power * _raised(over, power - 1)).sum(-1, keepdim=True)
        tau = tau + total / steepness
    return tau


_LOGITS: Final = (Input("x", ("...", "C")),)

SPECS: Final = (
    Spec(
        title="Sparsemax",
        family="normalized",
        function=sparsemax,
        module=Sparsemax,
        summary="A softmax that says no: weights that are exactly 0, for attention that can be read.",
        formula=r"p = \arg\min_{q \in \Delta} \|q - x\|^2,\quad p_i = \max(x_i - \tau,\, 0)",
        slope=r"\frac{\partial p_i}{\partial x_j} = \delta_{ij} - \frac{1}{|S|}"
        r" \text{ for } i, j \in S,\ 0 \text{ elsewhere}",
        inputs=_LOGITS,
        range=UNIT,
        aliases=("sparse softmax", "simplex projection"),
        equivalents=(
            Equivalent("entmax", "entmax.sparsemax(x, dim)", "NaN for a row of -inf alone"),
            Equivalent("Optax", "optax.projections.projection_simplex(x)", "of a vector"),
        ),
        sources=(Source("Martins, Astudillo 2016, From Softmax to Sparsemax", "equation 2"),),
        smooth="no",
    ),
    Spec(
        title="Entmax",
        family="normalized",
        function=entmax,
        module=Entmax,
        summary="Between softmax and sparsemax: a few exact zeros, and a smooth way to them.",
        formula=r"p_i = \max((\alpha - 1) x_i - \tau,\, 0)^{1 / (\alpha - 1)}",
        slope=r"\frac{\partial p_i}{\partial x_j} = g_i \left(\delta_{ij} - \frac{g_j}{\sum_k g_k}\right),"
        r"\quad g_i = p_i^{2 - \alpha}",
        inputs=_LOGITS,
        range=UNIT,
        parameters=(Parameter("alpha", "1 is the softmax, 2 sparsemax", _LEAST, r"\alpha", slider=(1.0, 4.0, 0.05)),),
        aliases=("entmax15", "alpha entmax", "tsallis softmax"),
        equivalents=(
            Equivalent("entmax", "entmax.entmax_bisect(x, alpha, dim)", "divides by the sum; alpha may be learned"),
        ),
        convention="alpha is a number without a gradient.",
        sources=(Source("Peters, Niculae, Martins 2019, Sparse Sequence-to-Sequence Models", "equation 10"),),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
