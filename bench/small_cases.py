"""What a small call costs: one thread, forward and backward, checks included, called as a training loop calls it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

from bench import published
from bench.memory import Step
from bench.steps import gates, labels, normal, numbers, of, rows, signs, step, widened
from bench.timing import Case, Prepared
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise

_CALLS: Final = 100
_ROWS: Final = 64


def _repeated(once: Step) -> Step:
    """Return a step of many calls on one thread, which returns what the last one gave."""

    def many() -> tuple[Tensor, ...]:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            for _ in range(_CALLS - 1):
                once()
            return once()
        finally:
            torch.set_num_threads(before)

    return many


def _small(
    ours: Callable[..., Tensor],
    peer: Callable[..., Tensor],
    inputs: Callable[[], Sequence[Tensor]],
    quick: bool,  # noqa: ARG001, FBT001  as cases are called; they are small anyway
    *,
    upstream: bool = False,
) -> Prepared:
    given = inputs()
    above = normal(*given[0].shape, seed=2) if upstream else None  # a row of ones has no slope through a softmax
    right = step(peer, *widened(given), upstream=None if above is None else above.double())
    mine, theirs = (_repeated(step(which, *given, upstream=above)) for which in (ours, peer))
    return Prepared(mine, theirs, right)


def _points() -> Sequence[Tensor]:
    return [normal(_ROWS, _ROWS).requires_grad_()]


def _loss(
    name: str,
    called: str,
    ours: Callable[..., Tensor],
    peer: Callable[..., Tensor],
    inputs: Callable[[], Sequence[Tensor]],
) -> Case:
    shape = "[64, 10]" if name == "cross_entropy" else f"{_ROWS} values"
    claim = f"{name} on {shape}, forward and backward, one thread, {_CALLS} calls"
    return Case(f"small.{name}", claim, called, of(_small, ours, peer, inputs), 2.0, rounds=41)


def _activation(
    name: str,
    called: str,
    ours: Callable[..., Tensor],
    peer: Callable[..., Tensor],
    inputs: Callable[[], Sequence[Tensor]] = _points,
) -> Case:
    claim = f"{name} on {_ROWS**2} values, forward and backward, one thread, {_CALLS} calls"
    return Case(f"small.{name}", claim, called, of(_small, ours, peer, inputs, upstream=True), 1.3, rounds=41)


SMALL: Final = (
    _loss("cross_entropy", "F.cross_entropy", L.cross_entropy, F.cross_entropy, partial(rows, 10, 10 * _ROWS)),
    _loss(
        "binary_cross_entropy",
        "F.binary_cross_entropy_with_logits",
        L.binary_cross_entropy,
        F.binary_cross_entropy_with_logits,
        partial(labels, _ROWS),
    ),
    _loss("mse", "F.mse_loss", L.mse, F.mse_loss, partial(numbers, _ROWS)),
    _loss("mae", "F.l1_loss", L.mae, F.l1_loss, partial(numbers, _ROWS)),
    _loss("huber", "F.huber_loss", L.huber, F.huber_loss, partial(numbers, _ROWS)),
    _loss("smooth_l1", "F.smooth_l1_loss", L.smooth_l1, F.smooth_l1_loss, partial(numbers, _ROWS)),
    _loss("hinge", "the formula in plain torch", L.hinge, published.hinge, partial(signs, _ROWS)),
    _activation("gelu", "F.gelu", A.gelu, F.gelu),
    _activation("sigmoid", "torch.sigmoid", A.sigmoid, torch.sigmoid),
    _activation("softmax", "torch.softmax", A.softmax, lambda x: torch.softmax(x, -1)),
    _activation(
        "swish_beta", "x * torch.sigmoid(2 * x)", lambda x: A.swish(x, beta=2.0), lambda x: x * torch.sigmoid(2 * x)
    ),
    _activation(
        "swiglu", "value * F.silu(gate)", A.swiglu, lambda value, gate: value * F.silu(gate), partial(gates, _ROWS**2)
    ),
)
