"""Gated linear units: one half of a projection, the gate, is activated and multiplies the other.

Dimension names: `...` is any shape; D is `d_model`, H is `d_hidden`.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError, ShapeError
from slopes._core.module import Module
from slopes._core.settings import STATE
from slopes._core.spec import FINITE, POSITIVE, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.activations import units
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
    return _gated("glu", units.GLU, units.GLU, value, gate, gate_half)


def swiglu(
    value: Tensor,
    gate: Tensor | None = None,
    *,
    gate_half: Half = "second",
    limit: float | None = None,
    alpha: float = 1.0,
    shift: float = 0.0,
) -> Tensor:
    """Return (value + shift) · gate · σ(alpha · gate) for each element: the unit of LLaMA, Mistral and PaLM.

    Args:
        value: `[...]`, any floating dtype; or `[..., 2H]` with both halves packed in the last dimension.
        gate: `[...]`, the half that is activated; None where `value` is packed.
        gate_half: Which half of a packed `value` is the gate; the first in most fused LLaMA projections.
        limit: Where the value is clamped on both sides and the gate above, above 0, or None; 7 in gpt-oss, which has
            `alpha=1.702` and `shift=1.0` beside it.
        alpha: Sharpness of the gate's sigmoid, any finite number.
        shift: What is added to the clamped value, any finite number.

    Returns:
        `[...]`, or `[..., H]` for packed input; dtype of `value`.

    Raises:
        DtypeError: An argument is not a tensor of floating numbers, or their dtypes differ.
        ShapeError: The halves differ in shape, or the packed dimension is odd.
        OptionError: `gate_half` is neither `"first"` nor `"second"`, or a number is outside its domain.

    Notes:
        At a limit itself the slope is that of the inside, as torch.clamp has it. gpt-oss packs gate and value in turns:
        pass packed[..., 1::2] and packed[..., ::2]. With an option the audited form runs, rounded once. Only the
        inputs are kept for the backward pass.

    Examples:
        >>> swiglu(torch.tensor([2.0]), torch.tensor([1.0]))
        tensor([1.4621])
        >>> swiglu(torch.tensor([9.0]), torch.tensor([0.0]), limit=7.0, alpha=1.702, shift=1.0)
        tensor([0.])
    """
    bound = math.inf if limit is None else check.option("swiglu", "limit", limit, POSITIVE)
    alpha = check.option("swiglu", "alpha", alpha, FINITE)
    shift = check.option("swiglu", "shift", shift, FINITE)
    if (bound, alpha, shift) == (math.inf, 1, 0):
        return _gated("swiglu", units.SWIGLU, units.SWIGLU_AUDITED, value, gate, gate_half)
    numbers = (float(bound), float(alpha), float(shift))
    return _gated("swiglu", units.CLAMPED_SWIGLU, units.CLAMPED_SWIGLU, value, gate, gate_half, *numbers)


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
    return _gated("geglu", units.GEGLU, units.GEGLU_AUDITED, value, gate, gate_half)


def reglu(value: Tensor, gate: Tensor | None = None, *, gate_half: Half = "second") -> Tensor:
    """Return value · max(gate, 0) for each element: the gated unit that is exactly 0 where its gate is closed.

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
        The slope by the gate is 0 at 0. Only the inputs are kept for the backward pass.

    Examples:
        >>> reglu(torch.tensor([2.0, 2.0]), torch.tensor([3.0, -3.0]))
        tensor([6., 0.])
    """
    return _gated("reglu", units.REGLU, units.REGLU, value, gate, gate_half)


def bilinear(value: Tensor, gate: Tensor | None = None, *, gate_half: Half = "second") -> Tensor:
    """Return value · gate for each element: a gated unit without an activation.

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
        Both halves do the same, and `gate_half` changes nothing but their names. Only the inputs are kept.

    Examples:
        >>> bilinear(torch.tensor([2.0, 2.0]), torch.tensor([3.0, -3.0]))
        tensor([ 6., -6.])
    """
    return _gated("bilinear", units.BILINEAR, units.BILINEAR, value, gate, gate_half)


class GLU(Module, of=glu):
    """Module of `glu`."""

    gate_half: Half = "second"


class SwiGLU(Module, of=swiglu):
    """Module of `swiglu`."""

    gate_half: Half = "second"
    limit: float | None = None
    alpha: float = 1.0
    shift: float = 0.0


class GeGLU(Module, of=geglu):
    """Module of `geglu`."""

    gate_half: Half = "second"


class ReGLU(Module, of=reglu):
    """Module of `reglu`."""

    gate_half: Half = "second"


class Bilinear(Module, of=bilinear):
    """Module of `bilinear`."""

    gate_half: Half = "second"


def _gated(
    function: str,
    default: Pointwise,
    audited: Pointwise,
    value: Tensor,
    gate: Tensor | None,
    gate_half: Half,
    *numbers: float,
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
        return audited(value, gate, *numbers)
    few = default is not audited and not torch.compiler.is_compiling() and value.numel() <= _FEW
    if few and value.dtype == wide(value.dtype):
        return default.value(value, gate)  # torch's own nodes, which keep a tensor more
    return default(value, gate, *numbers)


_FEW: Final = 1 << 15  # elements whose time is that of the calls
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
        parameters=(
            Parameter("limit", "where value and gate are clamped", POSITIVE),
            Parameter("alpha", "sharpness of the gate", FINITE),
            Parameter("shift", "what is added to the value", FINITE),
        ),
        aliases=("swish glu", "silu and mul", "clamped swiglu", "swigluoai"),
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
    Spec(
        title="ReGLU",
        family="gated",
        function=reglu,
        module=ReGLU,
        summary="A gated unit with exact zeros: as good as SwiGLU in Shazeer's tables, and sparse.",
        formula=r"f(v, g) = v \max(g,\, 0)",
        slope=r"\frac{\partial f}{\partial v} = \max(g,\, 0),\quad"
        r"\frac{\partial f}{\partial g} = v \text{ for } g > 0,\ 0 \text{ elsewhere}",
        inputs=_HALVES,
        aliases=("relu glu",),
        equivalents=(
            Equivalent("torch", "value * torch.relu(gate)", "keeps one more tensor for backward"),
            Equivalent("JAX", "value * jax.nn.relu(gate)"),
        ),
        convention="Two tensors, value first and gate second; packed input says which half is the gate.",
        sources=(Source("Shazeer 2020, GLU Variants Improve Transformer", "equation 5"),),
        smooth="no",
    ),
    Spec(
        title="Bilinear unit",
        family="gated",
        function=bilinear,
        module=Bilinear,
        summary="The product of two projections: a gated unit that can be taken apart by linear algebra.",
        formula=r"f(v, g) = v\,g",
        slope=r"\frac{\partial f}{\partial v} = g,\quad \frac{\partial f}{\partial g} = v",
        inputs=_HALVES,
        aliases=("bilinear glu",),
        equivalents=(Equivalent("torch", "value * gate"), Equivalent("JAX", "value * gate")),
        convention="Two tensors, or both packed in one.",
        sources=(
            Source("Dauphin et al. 2016, Language Modeling with Gated Convolutional Networks", "section 3"),
            Source("Shazeer 2020, GLU Variants Improve Transformer", "equation 5"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
