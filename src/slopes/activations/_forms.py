"""How an activation chooses between torch's kernel and the audited form. Every family uses this."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.settings import STATE, settled
from slopes._core.spec import Input
from slopes.kernels.pointwise import fused

# Activations whose audited form, fused, takes less time than torch's kernel (`python -m bench fused`).
EXACT_WHEN_FUSED: Final = ("elu", "mish", "selu")
INPUT = (Input("x", ("...",)),)


def indicator(x: Tensor, where: Tensor) -> Tensor:
    """Return 1 where the condition holds, 0 elsewhere, and NaN where x is."""
    return torch.where(x.isnan(), x, where.to(x.dtype))


def choose(
    function: str,
    x: Tensor,
    default: Callable[..., Tensor],
    audited: Callable[..., Tensor],
    *options: Any,  # noqa: ANN401  of the formula
) -> Tensor:
    """Check the input and return its activation in the precision that is set."""
    check.floating(function, x=x)
    exact = STATE.exact or (function in EXACT_WHEN_FUSED and fused.asked(x))
    return (audited if exact else default)(x, *settled(options))
