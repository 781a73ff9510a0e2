"""Logits of a model's output head that are not made, and follow what the model's own code does with them.

A model scales, caps, reshapes and shifts its logits before a loss sees them. `HeadLogits` answers these operations
with `LinearLogits` of other options, in closed form, and refuses every other one: logits are never wrong in silence.

Dimension names: V is the vocabulary, D the width of the hidden states, N the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import EllipsisType
from typing import Any, Final, NoReturn, Self

import torch
from torch import Tensor
from torch.overrides import resolve_name
from torch.utils import _pytree as pytree

from slopes import losses
from slopes._core import check
from slopes._core.errors import DtypeError
from slopes._core.linear_logits import LinearLogits
from slopes._core.reduce import Reduction
from slopes.losses.categorical import IGNORE

Index = slice | EllipsisType
Number = float  # `float` is a method below
WHOLE: Final = slice(None)


class UnmadeLogitsError(DtypeError, AttributeError):
    """An operation that needs logits as a tensor, where they are not made; an AttributeError, for `hasattr` to ask."""


class HeadLogits(LinearLogits):
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
        In closed form: a product with or a quotient by a number above 0, `tanh` once, a bias `[V]` on logits that
        are neither scaled nor capped, slices of all dimensions but the last, `view` and `reshape` that keep the last,
        `.float()`, `.to` of the dtype and device that they have, `.contiguous()`. So Gemma's tanh(z / cap) · cap
        becomes `soft_cap=cap`, and Cohere's z · scale `temperature=1 / scale`. `F.cross_entropy` and
        `nn.CrossEntropyLoss` become `slopes.losses.cross_entropy`, whose mean is 0 where all targets are ignored, and
        torch's NaN. 16-bit logits are computed in float32 in any case, so that `.float()` changes nothing.

    Examples:
        >>> logits = HeadLogits(torch.eye(2), torch.tensor([[4.0, 0.0], [0.0, 4.0], [0.0, 0.0]]))
        >>> capped = torch.tanh(logits / 2.0) * 2.0
        >>> capped.soft_cap, capped.temperature
        (2.0, 1.0)
        >>> torch.nn.functional.cross_entropy(capped, torch.tensor([0, 1]))
        tensor(0.2553)
    """

    def __truediv__(self, number: Number) -> Self:
        """Return the logits divided by a number above 0."""
        return replace(self, temperature=self.temperature * self._factor("/", number))

    def __mul__(self, number: Number) -> Self:
        """Return the logits multiplied by a number above 0."""
        return replace(self, temperature=self.temperature / self._factor("*", number))

    __rmul__ = __mul__

    def tanh(self) -> Self:
        """Return their hyperbolic tangents: a cap of 1 on logits that a temperature divides."""
        if self.soft_cap is not None:
            _refuse(self, "tanh a second time")
        return replace(self, soft_cap=self.temperature)

    def __add__(self, bias: Tensor) -> Self:
        """Return the logits with one number more for each token of the vocabulary."""
        classes = self.shape[-1]
        if not isinstance(bias, Tensor) or bias.shape[-1:] != (classes,) or bias.numel() != classes:
            _refuse(self, f"+ {_described(bias)}")
        if self.soft_cap is not None or self.temperature != 1:
            _refuse(self, "+ a bias after a soft cap or a scale")
        bias = bias.reshape(classes)
        return replace(self, bias=bias if self.bias is None else self.bias + bias)

    __radd__ = __add__

    def __getitem__(self, index: Index | tuple[Index, ...]) -> Self:
        """Return the logits of some rows: slices of every dimension but the last."""
        parts = index if isinstance(index, tuple) else (index,)
        if not all(isinstance(part, slice | EllipsisType) for part in parts):
            _refuse(self, f"an index [{', '.join(map(_described, parts))}]")
        if _spread(parts, self.dim())[-1] != WHOLE:
            _refuse(self, "a slice of the vocabulary")
        return replace(self, hidden=self.hidden[index])

    def __iter__(self) -> Iterator[Self]:
        """Refuse: rows are tensors, which are not made."""
        _refuse(self, "iteration")

    def __setitem__(self, index: object, value: object) -> None:
        """Refuse: there is nothing to write to."""
        _refuse(self, "an assignment to some of them")

    def view(self, *shape: int | Sequence[int]) -> Self:
        """Return the logits in another shape that ends with the whole vocabulary."""
        return self._reshaped("view", shape)

    def reshape(self, *shape: int | Sequence[int]) -> Self:
        """Return the logits in another shape that ends with the whole vocabulary."""
        return self._reshaped("reshape", shape)

    def size(self, dim: int | None = None) -> torch.Size | int:
        """Return the shape, or one dimension of it."""
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        """Return how many logits there would be."""
        return self.shape.numel()

    def contiguous(self) -> Self:
        """Return the logits as they are."""
        return self

    def float(self) -> Self:
        """Return the logits as they are: 16-bit ones are computed in float32 in any case."""
        if self.dtype == torch.float64:
            _refuse(self, "float() of float64")
        return self

    def to(self, *where: object, **options: object) -> Self:
        """Return the logits as they are, unless they are asked for in another dtype or on another device."""
        wide = {self.dtype, torch.float32} if self.dtype != torch.float64 else {self.dtype}
        asked = [value for value in (*where, *options.values()) if not isinstance(value, bool)]
        dtypes = [value for value in asked if isinstance(value, torch.dtype)]
        devices = [
            torch.empty(0, device=value).device for value in asked if isinstance(value, torch.device | str | int)
        ]
        known = len(dtypes) + len(devices) == len(asked)
        if not known or not wide.issuperset(dtypes) or any(device != self.device for device in devices):
            _refuse(self, f"to({', '.join(map(_described, asked))})")
        return self

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what a tensor has and logits that are not made cannot have."""
        if name.startswith("_"):  # protocols ask: copy, pickle, numpy
            message = f"{type(self).__name__} has no attribute {name!r}"
            raise AttributeError(message)
        _refuse(self, f"`{name}`")

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> object:
        """Answer torch's functions: `tanh` and `F.cross_entropy`; refuse the others."""
        del types
        own = next(given for given in (*arguments, *(options or {}).values()) if isinstance(given, cls))
        if function is torch.tanh:
            return own.tanh()
        if function is torch.nn.functional.cross_entropy:
            return _cross_entropy(*arguments, **(options or {}))
        return _refuse(own, f"`{resolve_name(function) or function}`")

    def _factor(self, sign: str, number: object) -> Number:
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < math.inf:
            _refuse(self, f"{sign} {_described(number)}")
        return float(number)

    def _reshaped(self, name: str, shape: Sequence[int | Sequence[int]]) -> Self:
        sizes: tuple[Any, ...] = tuple(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)
        if not sizes or sizes[-1] != self.shape[-1]:
            _refuse(self, f"{name}({', '.join(map(str, sizes))})")
        return replace(self, hidden=self.hidden.reshape(*sizes[:-1], self.hidden.shape[-1]))


def _refuse(logits: HeadLogits, what: str) -> NoReturn:
    message = (
        f"hand_over_logits: the model or the training loop asks for {what} of logits {check.shape_of(logits)} that are "
        f"not made, expected scaling by a number above 0, one tanh, a bias, slices and shapes that keep the whole "
        f"vocabulary, F.cross_entropy, or a loss of slopes; take logits.materialize() if they fit into memory, or "
        f"undo the hand-over."
    )
    raise UnmadeLogitsError(message)


def _described(value: object) -> str:
    """Return how an error names an operand."""
    if isinstance(value, Tensor):
        return f"a tensor {check.shape_of(value)}"
    if isinstance(value, slice):
        return ":".join("" if end is None else str(end) for end in (value.start, value.stop))
    written = isinstance(value, int | float | str | torch.dtype | torch.device) or value is None
    return repr(value) if written else type(value).__name__


def _spread(parts: tuple[Index, ...], dimensions: int) -> list[Index]:
    """Return an index with a slice for every dimension."""
    missing = dimensions - sum(part is not Ellipsis for part in parts)
    if Ellipsis not in parts:
        return [*parts, *[WHOLE] * missing]
    at = parts.index(Ellipsis)
    return [*parts[:at], *[WHOLE] * missing, *parts[at + 1 :]]


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
        _refuse(input, f"{name} with size_average or reduce")
    if input.dim() > 2:  # noqa: PLR2004  torch takes the second of several dimensions for the classes
        _refuse(input, f"{name} of more than two dimensions")
    if isinstance(target, Tensor) and target.dtype.is_floating_point:
        _refuse(input, f"{name} with distributions")
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
    return replace(rest.logits, hidden=hidden) if isinstance(hidden, Tensor) else hidden


# DistributedDataParallel with static_graph=True or unused parameters looks for the outputs' tensors in this way, and
# reduces no gradient in the first step where it finds none. The weight is no leaf of the tree: it would be cloned.
pytree.register_pytree_node(HeadLogits, _flattened, _unflattened)
