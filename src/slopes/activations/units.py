"""What gated units are made of: the activation of the gate and its slope, by torch's kernels or audited.

Each name is a unit, value · act(gate), as a formula of two tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from slopes._core.numerics import logistic as _logistic
from slopes.activations._forms import indicator
from slopes.kernels.pointwise import gaussian, logistic
from slopes.kernels.pointwise.executor import Pointwise


def _unit(
    name: str,
    act: Callable[[Tensor], Tensor],
    slope: Callable[[Tensor], Tensor],
    into: tuple[Callable[..., None], Callable[..., None]] | None = None,
) -> Pointwise:
    def slopes(value: Tensor, gate: Tensor) -> tuple[Tensor, Tensor]:
        return act(gate), value * slope(gate)

    return Pointwise(name, lambda value, gate: value * act(gate), slopes, tensors=2, narrow=True, into=into)


def _by_kernels(
    forward: Callable[..., Tensor],
    backward: Callable[..., Tensor],
    **options: Any,  # noqa: ANN401
) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return the forward and the backward pass by torch's kernels, written in place: without a temporary.

    In blocks with temporaries SwiGLU takes 1.6 and GeGLU 1.4 times as long (`python -m bench.twins`).
    """

    def into(out: Tensor, value: Tensor, gate: Tensor) -> None:
        forward(gate, out=out, **options)
        out.mul_(value)

    def gradients(outs: Sequence[Tensor], upstream: Tensor, value: Tensor, gate: Tensor) -> None:
        by_value, by_gate = outs
        backward(upstream, gate, grad_input=by_gate, **options)
        by_gate.mul_(value)
        forward(gate, out=by_value, **options)
        by_value.mul_(upstream)

    return into, gradients


def _by_torch(
    act: Callable[[Tensor], Tensor],
    backward: Callable[..., Tensor],
    **options: Any,  # noqa: ANN401  of the kernel
) -> Callable[[Tensor], Tensor]:
    """Return the slope of a kernel of torch, from torch's own backward kernel."""

    def slope(gate: Tensor) -> Tensor:
        if torch.is_grad_enabled() and gate.requires_grad:  # a second derivative: through autograd
            ones = torch.ones_like(gate)
            return torch.autograd.grad(act(gate), gate, ones, create_graph=True)[0]
        return backward(torch.ones_like(gate), gate, **options)

    return slope


GLU: Final = _unit("GLU", lambda g: _logistic(g)[0], lambda g: logistic.sigmoid_slope(g)[0])
_ATEN: Final = torch.ops.aten
SWIGLU: Final = _unit(
    "SwiGLU",
    F.silu,
    _by_torch(F.silu, _ATEN.silu_backward),
    _by_kernels(_ATEN.silu.out, _ATEN.silu_backward.grad_input),
)
SWIGLU_AUDITED: Final = _unit(
    "SwiGLUExact", lambda g: logistic.swish(g, 1.0), lambda g: logistic.swish_slope(g, 1.0)[0]
)
GEGLU: Final = _unit(
    "GeGLU",
    F.gelu,
    _by_torch(F.gelu, _ATEN.gelu_backward),
    _by_kernels(_ATEN.gelu.out, _ATEN.gelu_backward.grad_input),
)
GEGLU_AUDITED: Final = _unit("GeGLUExact", gaussian.gelu, gaussian.gelu_slope)


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


UNITS: Final = {
    "swish": (SWIGLU, SWIGLU_AUDITED),
    "gelu": (GEGLU, GEGLU_AUDITED),
    "gelu_tanh": (
        _unit(
            "GeGLUTanh",
            _gelu_tanh,
            _by_torch(_gelu_tanh, _ATEN.gelu_backward, approximate="tanh"),
            _by_kernels(_ATEN.gelu.out, _ATEN.gelu_backward.grad_input, approximate="tanh"),
        ),
        _unit("GeGLUTanhExact", gaussian.gelu_tanh, gaussian.gelu_tanh_slope),
    ),
    "sigmoid": (GLU, GLU),
}
REGLU: Final = _unit(
    "ReGLU",
    torch.relu,
    lambda g: indicator(g, g > 0),
)
BILINEAR: Final = Pointwise(
    "Bilinear", lambda value, gate: value * gate, lambda value, gate: (gate, value), tensors=2, narrow=True
)


def _clamped(value: Tensor, gate: Tensor, limit: float, alpha: float, shift: float) -> Tensor:
    return (value.clamp(-limit, limit) + shift) * logistic.swish(gate.clamp(max=limit), alpha)


def _clamped_slopes(value: Tensor, gate: Tensor, limit: float, alpha: float, shift: float) -> tuple[Tensor, Tensor]:
    low = gate.clamp(max=limit)
    by_value = torch.where(value.abs() > limit, 0.0, logistic.swish(low, alpha))
    slope = (value.clamp(-limit, limit) + shift) * logistic.swish_slope(low, alpha)[0]
    return by_value, torch.where(gate > limit, 0.0, slope)


CLAMPED_SWIGLU: Final = Pointwise("ClampedSwiGLU", _clamped, _clamped_slopes, tensors=2, narrow=True)
