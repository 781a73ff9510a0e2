"""What `torch.compile` sees of a loss that runs in blocks: one operator, which it calls and does not look into.

The operators of a loss called `name`:

- `slopes::name_total`: the sum of factor · loss over the rows, and its gradients, made in the same pass;
- `slopes::name_rows`: the loss of each row, and `slopes::name_slopes`, which makes the gradients in its backward pass.

An operator takes lists of tensors, none of which may be None; a layout in words says what is where. A number travels
as a tensor of one number: where an option changes from call to call, torch would bake that of one call into an operator
that takes it as a float, and give the next call a stale one in silence.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from slopes._core.tensors import wide

Gradients = list[Tensor | None]
Blocks = Callable[[Sequence[Any], Sequence[Any], Tensor | None, Sequence[bool]], tuple[Tensor, Gradients]]
Packed = tuple[list[Tensor], list[Tensor], list[Tensor], str]

_ARGUMENTS: Final = "Tensor[] tensors, Tensor[] extras, Tensor[] numbers, str layout"
_TENSOR: Final = "t"
_NUMBER: Final = "n"
_NOTHING: Final = "-"


class Nodes:
    """The operators of one loss.

    Args:
        name: What they are called by.
        blocks: As in `blockwise.Blockwise`.
        outputs: What follows the rows in the shape of the result.
    """

    def __init__(self, name: str, blocks: Blocks, outputs: tuple[int, ...] = ()) -> None:
        self._total = _total(name, blocks)
        self._rows = _rows(name, blocks, _slopes(name, blocks), outputs)

    def total(self, tensors: Sequence[Tensor | None], extras: Sequence[Any], factor: Tensor) -> Tensor:
        """Return the sum of factor · loss; the gradients are made on the way."""
        wanted = [t.requires_grad for t in tensors if t is not None]
        return self._total(*packed(tensors, extras), factor, wanted)[0]

    def rows(self, tensors: Sequence[Tensor | None], extras: Sequence[Any]) -> Tensor:
        """Return the loss of each row."""
        return self._rows(*packed(tensors, extras))


def as_tensor(number: float) -> Tensor:
    """Return a number as an operator takes it."""
    # A product, since that is what torch makes of a symbol without baking it in.
    return torch.ones((), dtype=torch.float64, device="cpu") * number


def packed(tensors: Sequence[Tensor | None], extras: Sequence[Any]) -> Packed:
    """Return what a loss takes as an operator takes it: tensors, other tensors, numbers, and where each of them goes.

    Of the extras, floats are numbers; booleans, integers and words stand in the layout itself.
    """
    layout = "".join(_NOTHING if t is None else _TENSOR for t in tensors)
    for extra in extras:
        layout += " " + _token(extra)
    kept = [t for t in tensors if t is not None]
    others = [t for t in extras if isinstance(t, Tensor)]
    return kept, others, [as_tensor(x) for x in extras if isinstance(x, float)], layout


def _token(extra: Any) -> str:  # noqa: ANN401  what a loss takes
    if extra is None:
        return _NOTHING
    if isinstance(extra, Tensor):
        return _TENSOR
    return _NUMBER if isinstance(extra, float) else repr(extra)


def _unpacked(
    tensors: Sequence[Tensor], extras: Sequence[Tensor], numbers: Sequence[Tensor], layout: str
) -> tuple[list[Tensor | None], list[Any]]:
    """Return the tensors and the extras as the loss takes them."""
    first, *tokens = layout.split(" ")
    others, floats = iter(extras), iter(numbers)

    def extra(token: str) -> Any:  # noqa: ANN401  what a loss takes
        if token == _NOTHING:
            return None
        if token == _TENSOR:
            return next(others)
        return next(floats).item() if token == _NUMBER else ast.literal_eval(token)

    return _placed(tensors, first, None), [extra(token) for token in tokens]


def _placed(values: Sequence[Any], layout: str, empty: Any) -> list[Any]:  # noqa: ANN401
    """Return the values at the places of tensors, and what stands for nothing at the others."""
    left = iter(values)
    return [empty if place == _NOTHING else next(left) for place in layout]


def _made(blocks: Blocks, given: Packed, factor: Tensor, wanted: Sequence[bool]) -> tuple[Tensor, list[Tensor]]:
    """Return the losses, and the gradients that are wanted of sum(factor · losses)."""
    inputs, extras = _unpacked(*given)
    losses, gradients = blocks(inputs, extras, factor, _placed(wanted, given[-1].split(" ")[0], empty=False))
    return losses, [g for g in gradients if g is not None]


def _like(tensors: Sequence[Tensor], wanted: Sequence[bool]) -> list[Tensor]:
    return [t.new_empty(t.shape, dtype=wide(t.dtype)) for t, w in zip(tensors, wanted, strict=True) if w]


def _no_gradients(arguments: Sequence[Any]) -> list[Any]:
    """Return None for each argument, in a list for each list of tensors; an empty list passes for one of those."""
    lists = (isinstance(given, list | tuple) and all(isinstance(t, Tensor) for t in given) for given in arguments)
    return [[None] * len(given) if many else None for given, many in zip(arguments, lists, strict=True)]


def _total(name: str, blocks: Blocks) -> Callable[..., tuple[Tensor, list[Tensor]]]:
    schema = f"({_ARGUMENTS}, Tensor factor, bool[] wanted) -> (Tensor, Tensor[])"

    @torch.library.custom_op(f"slopes::{name}_total", mutates_args=(), schema=schema)
    def total(*arguments: Any) -> tuple[Tensor, list[Tensor]]:  # noqa: ANN401  those of the schema
        *given, factor, wanted = arguments
        losses, gradients = _made(blocks, tuple(given), factor, wanted)
        return (losses * factor).sum(), gradients

    def fake(*arguments: Any) -> tuple[Tensor, list[Tensor]]:  # noqa: ANN401
        factor, wanted = arguments[-2:]
        return factor.new_empty(()), _like(arguments[0], wanted)

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, list[Tensor]]) -> None:  # noqa: ANN401
        ctx.save_for_backward(*output[1])
        ctx.dtypes, ctx.wanted, ctx.rest = [t.dtype for t in inputs[0]], inputs[-1], _no_gradients(inputs[1:])

    def backward(ctx: Any, upstream: Tensor, _: Any) -> tuple[Any, ...]:  # noqa: ANN401
        made = iter(ctx.saved_tensors)
        places = zip(ctx.dtypes, ctx.wanted, strict=True)
        gradients = [(next(made) * upstream).to(dtype) if w else None for dtype, w in places]
        return gradients, *ctx.rest

    total.register_fake(fake)
    total.register_autograd(backward, setup_context=setup_context)
    return total


def _slopes(name: str, blocks: Blocks) -> Callable[..., list[Tensor]]:
    schema = f"({_ARGUMENTS}, Tensor upstream, bool[] wanted) -> Tensor[]"

    @torch.library.custom_op(f"slopes::{name}_slopes", mutates_args=(), schema=schema)
    def slopes(*arguments: Any) -> list[Tensor]:  # noqa: ANN401  those of the schema
        *given, upstream, wanted = arguments
        return _made(blocks, tuple(given), upstream, wanted)[1]

    slopes.register_fake(lambda *arguments: _like(arguments[0], arguments[-1]))
    return slopes


def _rows(
    name: str, blocks: Blocks, slopes: Callable[..., list[Tensor]], outputs: tuple[int, ...]
) -> Callable[..., Tensor]:
    @torch.library.custom_op(f"slopes::{name}_rows", mutates_args=(), schema=f"({_ARGUMENTS}) -> Tensor")
    def rows(*given: Any) -> Tensor:  # noqa: ANN401  those of the schema
        inputs, extras = _unpacked(*given)
        return blocks(inputs, extras, None, [False] * len(inputs))[0]

    def fake(*given: Any) -> Tensor:  # noqa: ANN401
        first: Tensor = given[0][0]
        return first.new_empty((*first.shape[:-1], *outputs), dtype=wide(first.dtype))

    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401, ARG001
        *lists, ctx.layout = inputs
        ctx.save_for_backward(*(t for given in lists for t in given))
        ctx.counts, ctx.rest = [len(given) for given in lists], _no_gradients(inputs[1:])

    def backward(ctx: Any, upstream: Tensor) -> tuple[Any, ...]:  # noqa: ANN401
        saved = iter(ctx.saved_tensors)
        tensors, extras, numbers = ([next(saved) for _ in range(count)] for count in ctx.counts)
        wanted = [t.requires_grad for t in tensors]
        made = iter(slopes(tensors, extras, numbers, ctx.layout, upstream.contiguous(), wanted))
        return [next(made).to(t.dtype) if w else None for t, w in zip(tensors, wanted, strict=True)], *ctx.rest

    rows.register_fake(fake)
    rows.register_autograd(backward, setup_context=setup_context)
    return rows
