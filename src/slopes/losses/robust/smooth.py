"""Losses between a square near the target and a line far from it, without a seam: log-cosh.

Dimension names: `...` is any shape. Residuals are predictions - targets.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core.module import Module
from slopes._core.numerics import LOG_2
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, Equivalent, Source, Spec
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.residuals import PAIR, between


def log_cosh(
    predictions: Tensor,
    targets: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return log cosh r of each element, r the residual, reduced: ½r² near the target, |r| - log 2 far from it.

    Args:
        predictions: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `predictions`.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, since r has none here, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a prediction and its target are infinite together.

    Notes:
        The gradient is tanh r. cosh itself overflows at r = 89 in float32, and |r| + log(1 + e^(-2|r|)) - log 2 loses
        every digit of a small r; here neither happens. The bend is at 1 in the targets' own unit: divide both by
        another scale to move it.

    Examples:
        >>> log_cosh(torch.tensor([0.0, 100.0]), torch.zeros(2), reduction="none")
        tensor([ 0.0000, 99.3069])
    """
    return between("log_cosh", _LOG_COSH, predictions, targets, mask, weight, reduction, denominator)


class LogCosh(Module, of=log_cosh):
    """Module of `log_cosh`."""

    reduction: Reduction = "mean"


def _log_cosh(p: Tensor, t: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    r = p - t
    a = r.abs()
    low = a.clamp(max=1.0)
    grown = torch.expm1(low)
    near = torch.log1p(0.5 * grown * grown * torch.exp(-low))  # of cosh a - 1, which is kept whole
    far = a + torch.log1p(torch.exp(-2.0 * a)) - LOG_2
    slope = torch.tanh(r)
    return torch.where(a < 1, near, far), (slope, -slope)


_LOG_COSH: Final = Pointwise.sharing("LogCosh", _log_cosh, tensors=2)

SPECS: Final = (
    Spec(
        title="Log-cosh",
        family="robust",
        function=log_cosh,
        module=LogCosh,
        summary="A square that turns into a line without a seam: smooth everywhere, no number to choose.",
        formula=r"\ell = \log\cosh r",
        slope=r"\ell' = \tanh r",
        inputs=PAIR,
        range=NON_NEGATIVE,
        aliases=("logcosh", "log cosh", "log hyperbolic cosine"),
        equivalents=(
            Equivalent("Keras", "keras.losses.LogCosh()(targets, predictions)", "targets first"),
            Equivalent("optax", "optax.log_cosh(predictions, targets).mean()", "loses the digits of small residuals"),
        ),
        sources=(Source("Green 1990, Bayesian Reconstructions from Emission Tomography Data", "section IV"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
