"""Gated linear units: one half of a projection, the gate, is activated and multiplies the other.

Dimension names: `...` is any shape; D is `d_model`, H is `d_hidden`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

import torch
import torch.fx
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from slopes._core import check
from slopes._core.errors import DtypeError, ShapeError
from slopes._core.module import Module
from slopes._core.numerics import logistic as _logistic
from slopes._core.settings import STATE
from slopes._core.spec import Equivalent, Input, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pointwise import gaussian, logistic
from slopes.kernels.pointwise.executor import Pointwise

Half = Literal["first", "second"]


def glu(value: Tensor, gate: Tensor | None = None, *, gate_half: Half = "second") -> Tensor:
    """Return value · σ(gate) for each element.

    Args:
        value: `[...]`, any floating dtype; or `[..., 2H]` with both halves packed in the last dimension.
        gate: `[...]`, the half that is activated; None where `value` is packed.
        gate_half: Which half of a packed `value` is the gate.

    Returns:
        `[...]`, or `[..., H]` for packed input; dtype of `value`.

    Raises:
        DtypeError: An argument is not a tensor of floating numbers, or their dtypes differ.
        ShapeError: The halves differ in shape, or the packed dimension is odd.
        OptionError: `gate_half` is neither `"first"` nor `"second"`.

    Notes:
        Only the inputs are kept for the backward pass.

    Examples:
        >>> glu(torch.tensor([2.0]), torch.tensor([0.0]))
        tensor([1.])
    """
    return _gated("glu", _GLU, _GLU, value, gate, gate_half)


def swiglu(value: Tensor, gate: Tensor | None = None, *, gate_half: Half = "second") -> Tensor:
    """Return value · gate · σ(gate) for each element: the unit of LLaMA, Mistral and PaLM.

    Args:
        value: `[...]`, any floating dtype; or `[..., 2H]` with both halves packed in the last dimension.
        gate: `[...]`, the half that is activated; None where `value` is packed.
        gate_half: Which half of a packed `value` is the gate; the first in most fused LLaMA projections.

    Returns:
        `[...]`, or `[..., H]` for packed input; dtype of `value`.

    Raises:
        DtypeError: An argument is not a tensor of floating numbers, or their dtypes differ.
        ShapeError: The halves differ in shape, or the packed dimension is odd.
        OptionError: `gate_half` is neither `"first"` nor `"second"`.

    Notes:
        Only the inputs are kept for the backward pass.

    Examples:
        >>> swiglu(torch.tensor([2.0]), torch.tensor([1.0]))
        tensor([1.4621])
    """
    return _gated("swiglu", _SWIGLU, _SWIGLU_AUDITED, value, gate, gate_half)


def geglu(value: Tensor, gate: Tensor | None = None, *, gate_half: Half = "second") -> Tensor:
    """Return value · gate · Φ(gate) for each element: the unit of T5 1.1 and Gemma.

    Args:
        value: `[...]`, any floating dtype; or `[..., 2H]` with both halves packed in the last dimension.
        gate: `[...]`, the half that is activated; None where `value` is packed.
        gate_half: Which half of a packed `value` is the gate.

    Returns:
        `[...]`, or `[..., H]` for packed input; dtype of `value`.

    Raises:
        DtypeError: An argument is not a tensor of floating numbers, or their dtypes differ.
        ShapeError: The halves differ in shape, or the packed dimension is odd.
        OptionError: `gate_half` is neither `"first"` nor `"second"`.

    Notes:
        The exact GELU; T5 and Gemma themselves use its tanh form, for which `GatedFFN` has `"gelu_tanh"`. Only the
        inputs are kept for the backward pass.

    Examples:
        >>> geglu(torch.tensor([2.0]), torch.tensor([1.0]))
        tensor([1.6827])
    """
    return _gated("geglu", _GEGLU, _GEGLU_AUDITED, value, gate, gate_half)


class GLU(Module, of=glu):
    """Module of `glu`."""

    gate_half: Half = "second"


class SwiGLU(Module, of=swiglu):
    """Module of `swiglu`."""

    gate_half: Half = "second"


class GeGLU(Module, of=geglu):
    """Module of `geglu`."""

    gate_half: Half = "second"


class GatedFFN(nn.Module):
    """The feed-forward block (act(x W_gate) ⊙ x W_up) W_down, without biases, as LLaMA has it.

    Its parameters are named as in a LLaMA MLP (`gate_proj`, `up_proj`, `down_proj`), so that `load_state_dict` takes
    one as it is.

    Args:
        d_model: Size of the input and the output.
        d_hidden: Size in between. By default 2/3 of 4 · d_model, rounded to the nearest multiple of `multiple_of`:
            three matrices then have as many parameters as the two of a plain block.
        activation: `"swish"`, `"gelu"`, `"gelu_tanh"` or `"sigmoid"`.
        multiple_of: What the default of `d_hidden` is rounded to.
        device: Where the parameters are made.
        dtype: Their dtype.

    Examples:
        >>> block = GatedFFN(64)
        >>> block.d_hidden, sum(p.numel() for p in block.parameters()), 2 * 64 * 256
        (168, 32256, 32768)
    """

    def __init__(
        self,
        d_model: int,
        d_hidden: int | None = None,
        activation: Literal["swish", "gelu", "gelu_tanh", "sigmoid"] = "swish",
        *,
        multiple_of: int = 8,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        d_model = check.count("GatedFFN", "d_model", d_model)
        multiple_of = check.count("GatedFFN", "multiple_of", multiple_of)
        if d_hidden is None:
            d_hidden = max(round(8 * d_model / 3 / multiple_of), 1) * multiple_of
        self.d_hidden = check.count("GatedFFN", "d_hidden", d_hidden)
        check.choice("GatedFFN", "activation", activation, tuple(_UNITS))
        self.d_model, self.activation = d_model, activation
        self.gate_proj = nn.Linear(d_model, self.d_hidden, bias=False, device=device, dtype=dtype)
        self.up_proj = nn.Linear(d_model, self.d_hidden, bias=False, device=device, dtype=dtype)
        self.down_proj = nn.Linear(self.d_hidden, d_model, bias=False, device=device, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output, `[..., D]`, for `x` of `[..., D]`."""
        default, audited = _UNITS[self.activation]
        unit = audited if STATE.exact else default
        down: Tensor = self.down_proj(unit(self.up_proj(x), self.gate_proj(x)))
        return down

    def extra_repr(self) -> str:
        """Return what `print` shows beside the three projections."""
        return f"d_model={self.d_model}, d_hidden={self.d_hidden}, activation={self.activation!r}"


def _gated(
    function: str, default: Pointwise, audited: Pointwise, value: Tensor, gate: Tensor | None, gate_half: Half
) -> Tensor:
    check.choice(function, "gate_half", gate_half, ("first", "second"))
    check.floating(function, value=value)
    if gate is None:
        if value.dim() == 0 or value.shape[-1] % 2:
            message = (
                f"{function}: packed `value` has shape {check.shape_of(value)}, expected an even last dimension that "
                f"holds both halves; pass `gate` as a tensor of its own otherwise."
            )
            raise ShapeError(message)
        first, second = value.chunk(2, -1)
        value, gate = (first, second) if gate_half == "second" else (second, first)
    elif not isinstance(gate, Tensor):
        message = (
            f"{function}: `gate` is {type(gate).__name__}, expected a torch.Tensor; "
            f"pass the half that is activated, or None if `value` is packed."
        )
        raise DtypeError(message)
    check.alike(function, value=value, gate=gate)
    check.same_dtype(function, value=value, gate=gate)
    if STATE.exact:
        return audited(value, gate)
    few = default is not audited and not torch.compiler.is_compiling() and value.numel() <= _FEW
    if few and value.dtype == wide(value.dtype):
        return default.value(value, gate)  # torch's own nodes, which keep a tensor more
    return default(value, gate)


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


_GLU: Final = _unit("GLU", lambda g: _logistic(g)[0], lambda g: logistic.sigmoid_slope(g)[0])
_ATEN: Final = torch.ops.aten
_FEW: Final = 1 << 15  # elements whose time is that of the calls
_SWIGLU: Final = _unit(
    "SwiGLU",
    F.silu,
    _by_torch(F.silu, _ATEN.silu_backward),
    _by_kernels(_ATEN.silu.out, _ATEN.silu_backward.grad_input),
)
_SWIGLU_AUDITED: Final = _unit(
    "SwiGLUExact", lambda g: logistic.swish(g, 1.0), lambda g: logistic.swish_slope(g, 1.0)[0]
)
_GEGLU: Final = _unit(
    "GeGLU",
    F.gelu,
    _by_torch(F.gelu, _ATEN.gelu_backward),
    _by_kernels(_ATEN.gelu.out, _ATEN.gelu_backward.grad_input),
)
_GEGLU_AUDITED: Final = _unit("GeGLUExact", gaussian.gelu, gaussian.gelu_slope)


def _gelu_tanh(x: Tensor) -> Tensor:
    return F.gelu(x, approximate="tanh")


_UNITS: Final = {
    "swish": (_SWIGLU, _SWIGLU_AUDITED),
    "gelu": (_GEGLU, _GEGLU_AUDITED),
    "gelu_tanh": (
        _unit(
            "GeGLUTanh",
            _gelu_tanh,
            _by_torch(_gelu_tanh, _ATEN.gelu_backward, approximate="tanh"),
            _by_kernels(_ATEN.gelu.out, _ATEN.gelu_backward.grad_input, approximate="tanh"),
        ),
        _unit("GeGLUTanhExact", gaussian.gelu_tanh, gaussian.gelu_tanh_slope),
    ),
    "sigmoid": (_GLU, _GLU),
}

_HALVES: Final = (Input("value", ("...",)), Input("gate", ("...",)))

SPECS: Final = (
    Spec(
        title="GLU",
        family="gated",
        function=glu,
        module=GLU,
        summary="A linear path that a sigmoid opens and closes.",
        formula=r"f(v, g) = v\,\sigma(g)",
        slope=r"\frac{\partial f}{\partial v} = \sigma(g),\quad"
        r"\frac{\partial f}{\partial g} = v\,\sigma(g)\,\sigma(-g)",
        inputs=_HALVES,
        aliases=("gated linear unit",),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.glu(packed)", "packed only; the second half is the gate"),
            Equivalent("JAX", "jax.nn.glu(packed)", "packed only; the second half is the gate"),
            Equivalent("Keras", "keras.activations.glu(packed)", "packed only; the second half is the gate"),
        ),
        convention="Two tensors, value first and gate second; packed input says which half is the gate.",
        sources=(Source("Dauphin, Fan, Auli, Grangier 2016, Language Modeling with Gated Convolutional Networks"),),
    ),
    Spec(
        title="SwiGLU",
        family="gated",
        function=swiglu,
        module=SwiGLU,
        summary="The feed-forward unit of LLaMA, Mistral, Qwen and PaLM.",
        formula=r"f(v, g) = v\,g\,\sigma(g)",
        slope=r"\frac{\partial f}{\partial v} = g\,\sigma(g),\quad"
        r"\frac{\partial f}{\partial g} = v\,(\sigma(g) + g\,\sigma(g)\,\sigma(-g))",
        inputs=_HALVES,
        aliases=("swish glu", "silu and mul"),
        equivalents=(
            Equivalent("torch", "value * torch.nn.functional.silu(gate)", "keeps one more tensor for backward"),
            Equivalent("JAX", "value * jax.nn.silu(gate)"),
            Equivalent("vLLM", "SiluAndMul()(packed)", "packed; the first half is the gate"),
        ),
        convention="Two tensors, value first and gate second; packed input says which half is the gate.",
        sources=(Source("Shazeer 2020, GLU Variants Improve Transformer", "equation 5"),),
    ),
    Spec(
        title="GeGLU",
        family="gated",
        function=geglu,
        module=GeGLU,
        summary="The feed-forward unit of T5 1.1 and Gemma.",
        formula=r"f(v, g) = v\,g\,\Phi(g)",
        slope=r"\frac{\partial f}{\partial v} = g\,\Phi(g),\quad"
        r"\frac{\partial f}{\partial g} = v\,(\Phi(g) + g\,\varphi(g))",
        inputs=_HALVES,
        aliases=("gelu glu", "gelu and mul"),
        equivalents=(
            Equivalent("torch", "value * torch.nn.functional.gelu(gate)", "keeps one more tensor for backward"),
            Equivalent("JAX", "value * jax.nn.gelu(gate, approximate=False)", "its default is the tanh form"),
        ),
        convention="The exact GELU; T5 and Gemma use the tanh form.",
        sources=(Source("Shazeer 2020, GLU Variants Improve Transformer", "equation 5"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
