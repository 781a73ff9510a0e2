"""Logits of a model's output head that are not made, and follow what the model's own code does with them.

A model scales, caps, reshapes and shifts its logits before a loss sees them. `HeadLogits` answers these operations
with `LinearLogits` of other options, in closed form, and refuses every other one: logits are never wrong in silence.

Dimension names: V is the vocabulary, D the width of the hidden states, N the number of rows.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NoReturn, Self

import torch
from torch import Tensor
from torch.overrides import resolve_name
from torch.utils import _pytree as pytree

from slopes import losses
from slopes._core.linear_logits import LinearLogits
from slopes._core.reduce import Reduction
from slopes._core.tensors import wide
from slopes.integrations.head_arithmetic import ScaledLogits
from slopes.integrations.head_shapes import ShapedLogits
from slopes.integrations.unmade import UnmadeLogitsError, described, refuse
from slopes.losses.class_targets import IGNORE


class HeadLogits(ScaledLogits):
    """`LinearLogits` that a model's own code may scale, cap, shift, reshape, and give to `F.cross_entropy`.

    Args:
        hidden: `[..., D]`, any floating dtype: what went into the head.
        weight: `[V, D]`, dtype of `hidden`.
        bias: `[V]`, dtype of `hidden`.
        temperature: Divides the logits, above 0.
        soft_cap: Bounds them before that to (-soft_cap, soft_cap).

    Raises:
        UnmadeLogitsError: An operation has no closed form: it would need the logits as a tensor.

    Notes:
        In closed form: a product with or a quotient by a finite number, `tanh` once, a sign; on logits that are not
        capped also a product with a vector `[V]`, and, unless they are scaled, a bias `[V]`; a sum or difference of
        two, as LoRA makes it: [h₁, h₂] · [W₁, W₂]ᵀ, in the dtype of the first. Indices (masks too) of the dimensions
        before the last, `view`, `reshape`, `flatten`, `squeeze`, `transpose` and their like where they keep the last,
        iteration, `detach`, `clone`, `.float()`, `.to` of the dtype and device that they have. So Gemma's
        tanh(z / cap) · cap becomes `soft_cap=cap`, and Cohere's z · scale `temperature=1 / scale`. `F.cross_entropy`
        and `nn.CrossEntropyLoss` become `slopes.losses.cross_entropy`, whose mean is 0 where all targets are ignored,
        and torch's NaN. 16-bit logits are computed in float32 in any case, so that `.float()` changes nothing. Nothing
        writes in place: `z = z / 2` is taken, `z /= 2` is refused, as other names of the same logits would not see it.

    Examples:
        >>> logits = HeadLogits(torch.eye(2), torch.tensor([[4.0, 0.0], [0.0, 4.0], [0.0, 0.0]]))
        >>> capped = torch.tanh(logits / 2.0) * 2.0
        >>> capped.soft_cap, capped.temperature
        (2.0, 1.0)
        >>> torch.nn.functional.cross_entropy(capped, torch.tensor([0, 1]))
        tensor(0.2553)
    """

    def __setitem__(self, index: object, value: object) -> None:
        """Refuse: there is nothing to write to."""
        refuse(self, "an assignment to some of them")

    def __eq__(self, other: object) -> bool:
        """Refuse to compare entries; what is no number and no tensor differs, as torch has it."""
        if isinstance(other, Tensor | LinearLogits | int | float):
            refuse(self, "`==`")
        return NotImplemented

    def __ne__(self, other: object) -> bool:
        """Refuse likewise."""
        if isinstance(other, Tensor | LinearLogits | int | float):
            refuse(self, "`!=`")
        return NotImplemented

    __hash__ = object.__hash__

    def detach(self) -> Self:
        """Return the logits as constants."""
        bias = None if self.bias is None else self.bias.detach()
        return replace(self, hidden=self.hidden.detach(), weight=self.weight.detach(), bias=bias)

    @property
    def data(self) -> Self:
        """The logits as constants."""
        return self.detach()

    def clone(self, *, memory_format: torch.memory_format | None = None) -> Self:
        """Return the logits: nothing is ever written to them."""
        del memory_format
        return replace(self)

    def float(self) -> Self:
        """Return the logits as they are: 16-bit ones are computed in float32 in any case."""
        if self.dtype == torch.float64:
            refuse(self, "float() of float64")
        return self

    def to(self, *where: object, **options: object) -> Self:
        """Return the logits as they are, unless they are asked for in another dtype or on another device."""
        wanted = {self.dtype, torch.float32} if self.dtype != torch.float64 else {self.dtype}
        asked = [value for value in (*where, *options.values()) if not isinstance(value, bool)]
        if len(asked) == 1 and isinstance(asked[0], Tensor | LinearLogits):
            asked = [asked[0].dtype, asked[0].device]
        dtypes = [value for value in asked if isinstance(value, torch.dtype)]
        devices = [
            torch.empty(0, device=value).device for value in asked if isinstance(value, torch.device | str | int)
        ]
        known = len(dtypes) + len(devices) == len(asked)
        if not known or not wanted.issuperset(dtypes) or any(device != self.device for device in devices):
            refuse(self, f"to({', '.join(map(described, asked))})")
        return self

    def type_as(self, other: Tensor | LinearLogits) -> Self:
        """Return the logits as they are, unless another has another dtype or is elsewhere."""
        return self.to(other)

    def cpu(self) -> Self:
        """Return the logits as they are, on a CPU."""
        return self.to("cpu")

    def double(self) -> Self:
        """Return float64 logits as they are."""
        return self.to(torch.float64)

    def half(self) -> Self:
        """Return float16 logits as they are."""
        return self.to(torch.float16)

    def bfloat16(self) -> Self:
        """Return bfloat16 logits as they are."""
        return self.to(torch.bfloat16)

    def is_floating_point(self) -> bool:
        """Return that they are."""
        return True

    @property
    def is_cuda(self) -> bool:
        """Whether they are on a GPU."""
        return self.hidden.is_cuda

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what a tensor has and logits that are not made cannot have."""
        if name.startswith("_"):  # protocols ask: copy, pickle, numpy
            message = f"{type(self).__name__} has no attribute {name!r}"
            raise AttributeError(message)
        refuse(self, f"`{name}`")

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> object:
        """Answer torch's functions that are the methods here, and `F.cross_entropy`; refuse the others."""
        del types
        given = dict(options or {})
        if function is torch.nn.functional.cross_entropy:
            return _cross_entropy(*arguments, **given)
        name = getattr(function, "__name__", "")
        if "input" in given and not arguments:
            arguments = (given.pop("input"),)
        method = getattr(cls, name, None) if name in METHODS and function is getattr(torch, name, None) else None
        if method and arguments and isinstance(arguments[0], cls) and _takes(method, arguments, given):
            return method(*arguments, **given)
        asked = f"`{resolve_name(function) or function}`"
        return refuse(next(each for each in _leaves((arguments, options)) if isinstance(each, HeadLogits)), asked)


_ALIASES: Final = {
    "__truediv__": ("div", "divide", "true_divide"),
    "__mul__": ("mul", "multiply"),
    "__add__": ("add",),
    "__sub__": ("sub", "subtract"),
}
_CONVERSIONS: Final = {"__bool__", "__float__", "__int__", "__complex__", "__reversed__", "__array__"}


def _alias(operator: str, name: str) -> Callable[..., HeadLogits]:
    """Return the method of an operator's name, which has options that the operator has not."""

    def method(self: HeadLogits, *other: Any, **options: Any) -> HeadLogits:  # noqa: ANN401  whatever is given
        if len(other) != 1 or options:
            refuse(self, f"`{name}` with options")
        answer: HeadLogits = getattr(self, operator)(*other)
        return answer

    return method


def _refusing(name: str) -> Callable[..., NoReturn]:
    def method(self: HeadLogits, *_: object, **__: object) -> NoReturn:
        refuse(self, f"`{name}`")

    return method


for _operator, _names in _ALIASES.items():
    for _name in _names:
        setattr(HeadLogits, _name, _alias(_operator, _name))
_OPERATORS: Final = {name for name in vars(operator) if name.startswith("__")}
# Python looks for an operator in the class, past `__getattr__`; not to have it would be a TypeError, or silence.
for _name in _OPERATORS | {f"__r{name[2:]}" for name in _OPERATORS} | _CONVERSIONS:
    if _name in dir(Tensor) and getattr(HeadLogits, _name, None) is getattr(object, _name, None):
        setattr(HeadLogits, _name, _refusing(_name))
KINDS: Final = (HeadLogits, ScaledLogits, ShapedLogits)  # whose methods answer in a tensor's place
# The methods that torch has as functions too.
METHODS: Final = frozenset(name for kind in KINDS for name in vars(kind) if name[0] != "_" and hasattr(torch, name))


def _takes(method: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether a method has the options that torch's function was given."""
    try:
        inspect.signature(method).bind(*arguments, **options)
    except TypeError:
        return False
    return True


def _leaves(tree: object) -> list[Any]:
    """Return what arguments hold, however deep."""
    return pytree.tree_leaves(tree, is_leaf=lambda each: isinstance(each, LinearLogits))


def _cross_entropy(
    input: Tensor | HeadLogits,  # noqa: A002  torch's name
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,  # noqa: FBT001  likewise
    ignore_index: int = IGNORE,
    reduce: bool | None = None,  # noqa: FBT001  likewise
    reduction: Reduction = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return `F.cross_entropy` of rows of logits and class indices."""
    name = "F.cross_entropy"
    if not isinstance(input, HeadLogits):
        message = f"{name}: `target` is logits that are not made, expected class indices; swap the arguments."
        raise UnmadeLogitsError(message)
    if size_average is not None or reduce is not None:
        refuse(input, f"{name} with size_average or reduce")
    if input.dim() > 2:  # noqa: PLR2004  torch takes the second of several dimensions for the classes
        refuse(input, f"{name} of more than two dimensions")
    if isinstance(target, Tensor) and target.dtype.is_floating_point:
        refuse(input, f"{name} with distributions")
    return losses.cross_entropy(
        input,
        target,
        class_weight=weight,
        label_smoothing=label_smoothing,
        ignore_index=ignore_index,
        reduction=reduction,
    )


class _Rest:
    """What a tree keeps of logits beside the hidden states; equal to itself alone, as tensors compare entrywise."""

    def __init__(self, logits: HeadLogits) -> None:
        self.logits = logits


def _flattened(logits: HeadLogits) -> tuple[list[Tensor], _Rest]:
    return [logits.hidden], _Rest(logits)


def _unflattened(leaves: Any, rest: _Rest) -> Any:  # noqa: ANN401  a tree may hold anything in the place of a tensor
    (hidden,) = leaves
    if not isinstance(hidden, Tensor):
        return hidden
    own = rest.logits.dtype
    if wide(own) == hidden.dtype:  # FSDP's output_dtype widens what a model returns; 16-bit logits are wide in any case
        hidden = hidden.to(own)
    return replace(rest.logits, hidden=hidden)


# DistributedDataParallel with static_graph=True or unused parameters looks for the outputs' tensors in this way, and
# reduces no gradient in the first step where it finds none. The weight is no leaf of the tree: it would be cloned.
pytree.register_pytree_node(HeadLogits, _flattened, _unflattened)
