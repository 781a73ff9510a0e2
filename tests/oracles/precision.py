"""Exact arithmetic for the oracles: tensors as mpmath numbers, and digits enough for whatever cancels.

Every oracle is the definition as a textbook prints it, so it loses digits wherever the definition does
(1 - p, 1 + erf(x), log of a sum). Nothing is rearranged against that; the digits are raised instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache, wraps
from itertools import chain
from typing import Any, Final, TypeVar

import torch
from mpmath import mp, mpf
from torch import Tensor

DIGITS: Final = 50
UNDERFLOW_DIGITS: Final = 400  # beyond the smallest float64, 4.9e-324
LARGEST_LOGIT: Final = 1024  # beyond it every power of exp(-x) worth asking for underflows

Result = TypeVar("Result")

# mpmath rounds every copy and every negation to the current precision: what tests do with an oracle's answer
# must not fall back to its 15 digits.
mp.dps = DIGITS


def exact(value: object) -> object:
    """Turn tensors, floats and nested sequences into mpmath numbers, without rounding; leave the rest."""
    if isinstance(value, Tensor):
        return exact(value.detach().to(torch.float64).tolist() if value.is_floating_point() else value.tolist())
    if isinstance(value, float):
        return mpf(value)
    if isinstance(value, list | tuple):
        return [exact(entry) for entry in value]
    return value


def numbers_in(value: object) -> Iterator[mpf]:
    """Walk over every finite real number in nested lists."""
    if isinstance(value, mpf) and mp.isfinite(value):
        yield value
    elif isinstance(value, list):
        yield from chain.from_iterable(numbers_in(entry) for entry in value)


def digits_for(*values: object) -> int:
    """Say how many digits leave at least fifty after the worst cancellation that these inputs can cause.

    exp(-x) beside 1 costs x / log(10) digits, erf(x) beside 1 costs x² / log(10), and a small x beside 1 costs
    -log10(x). Results smaller than any float64 may lose theirs, unless a small power brings them back, for
    which 2·x are kept.
    """
    # The exponents say enough, and cost nothing at any precision.
    exponents = [number._mpf_[2] + number._mpf_[3] for number in numbers_in(list(values)) if number]
    if not exponents:
        return DIGITS
    largest = 2.0 ** min(max(exponents), 500)
    kept = 2 * largest if largest <= LARGEST_LOGIT else 0
    needed = min(largest**2, max(UNDERFLOW_DIGITS, kept))
    return DIGITS + int(max(needed, -min(exponents) * math.log10(2))) + 1


def careful(definition: Callable[..., Result]) -> Callable[..., Result]:
    """Give a definition exact inputs and enough digits; a call inside another never lowers them."""

    @wraps(definition)
    def evaluate(*inputs: object, **options: object) -> Result:
        inputs = tuple(exact(entry) for entry in inputs)
        options = {name: exact(option) for name, option in options.items()}
        with mp.workdps(max(mp.dps, digits_for(*inputs, *options.values()))):
            return definition(*inputs, **options)

    return evaluate


def gradient(
    definition: Callable[..., mpf], *inputs: object, argument: int = 0, **options: object
) -> mpf | list[object]:
    """Differentiate a number-valued definition by each number of one argument, numerically, one at a time.

    Shaped like that argument. An infinite entry gets 0, the limit: moving it changes nothing.
    """
    point = [exact(entry) for entry in inputs]
    with mp.workdps(digits_for(*point, *(exact(option) for option in options.values()))):
        return _partials(
            lambda moved: definition(*point[:argument], moved, *point[argument + 1 :], **options),
            point[argument],
        )


def remembered_gradient(definition: Callable[..., mpf], *inputs: object, argument: int = 0) -> mpf | list[object]:
    """Return the `gradient` of a definition without state, which is worked out once for inputs of the same numbers.

    Rows of few binary digits are the same in every dtype.
    """
    return _remembered(definition, argument, _frozen([exact(entry) for entry in inputs]))


@cache
def _remembered(definition: Callable[..., mpf], argument: int, inputs: Any) -> mpf | list[object]:  # noqa: ANN401
    return gradient(definition, *inputs, argument=argument)


def _frozen(value: object) -> object:
    return tuple(_frozen(entry) for entry in value) if isinstance(value, list) else value


def _partials(of: Callable[[object], mpf], at: object) -> mpf | list[object]:
    if not isinstance(at, list):
        return mp.diff(of, at) if mp.isfinite(at) else mpf(0)

    def with_entry(index: int) -> Callable[[object], mpf]:
        return lambda moved: of([*at[:index], moved, *at[index + 1 :]])

    return [_partials(with_entry(index), entry) for index, entry in enumerate(at)]


@careful
def weighted_mean(losses: Sequence[mpf], weights: Sequence[mpf] | None = None) -> mpf:
    """Return sum(weight · loss) / sum(weight), entries of weight 0 left out unread; 0 where none is left."""
    weights = weights or [mpf(1)] * len(losses)
    kept = [(weight, loss) for weight, loss in zip(weights, losses, strict=True) if weight != 0]
    total = mp.fsum(weight for weight, _ in kept)
    return mp.fsum(weight * loss for weight, loss in kept) / total if total else mpf(0)
