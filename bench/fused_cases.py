"""What `slopes.fused()` is worth: code that is not compiled itself, against torch's own operators in the same code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

import slopes
from bench import published
from bench.functions import FUNCTIONS
from bench.steps import gates, labels, normal, numbers, of, rows, signs, step, widened
from bench.timing import Case, Prepared
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise

_MANY: Final = 4_000_000
_FEW: Final = 200_000
_MILLIONS: Final = "4,000,000 float32, forward and backward"
_Inputs = Callable[[int], Sequence[Tensor]]


def _distributions(count: int) -> Sequence[Tensor]:
    rows = normal(count // 100, 100, scale=2.0), normal(count // 100, 100, scale=2.0, seed=1)
    return torch.log_softmax(rows[0], -1).requires_grad_(), torch.log_softmax(rows[1], -1)


def _fused(
    ours: Callable[..., Tensor],
    peer: Callable[..., Tensor],
    inputs: _Inputs,
    quick: bool,  # noqa: FBT001  as cases are called
    *,
    many: int = _MANY,
    exact: bool = False,
    upstream: bool = False,
) -> Prepared:
    given = inputs(_FEW if quick else many)
    above = torch.ones_like(given[0]) if upstream else None

    def applied(*tensors: Tensor) -> Tensor:
        with slopes.exact(exact):
            return ours(*tensors)

    one_by_one, peers = step(applied, *given, upstream=above), step(peer, *given, upstream=above)

    def fused() -> tuple[Tensor, ...]:
        with slopes.fused():
            return one_by_one()

    right = step(peer, *widened(given), upstream=None if above is None else above.double())
    return Prepared(fused, peers, right, eager=(one_by_one, peers))


def _kl(q: Tensor, p: Tensor) -> Tensor:
    return F.kl_div(q, p, reduction="batchmean", log_target=True)


def _two(act: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda value, gate: value * act(gate)


def _points(count: int) -> Sequence[Tensor]:
    return [normal(count, scale=3.0).requires_grad_()]


FUSED: Final = (
    Case(
        "fused.binary_cross_entropy",
        f"binary_cross_entropy, {_MILLIONS}",
        "F.binary_cross_entropy_with_logits",
        of(_fused, L.binary_cross_entropy, F.binary_cross_entropy_with_logits, labels),
        0.6,
    ),
    Case(
        "fused.focal",
        f"focal, alpha 0.25, gamma 2, {_MILLIONS}",
        "torchvision's formula in plain torch",
        of(_fused, partial(L.focal, alpha=0.25), published.focal, labels),
        0.2,
    ),
    Case(
        "fused.asymmetric",
        f"asymmetric, gammas 4 and 1, clip 0.05, {_MILLIONS}",
        "the authors' formula in plain torch",
        of(_fused, partial(L.asymmetric, reduction="sum"), published.asymmetric, labels),
        0.12,
    ),
    Case(
        "fused.smooth_l1",
        f"smooth_l1, {_MILLIONS}",
        "F.smooth_l1_loss",
        of(_fused, L.smooth_l1, F.smooth_l1_loss, numbers),
        1.0,
    ),
    Case("fused.huber", f"huber, {_MILLIONS}", "F.huber_loss", of(_fused, L.huber, F.huber_loss, numbers), 1.0),
    Case("fused.mse", f"mse, {_MILLIONS}", "F.mse_loss", of(_fused, L.mse, F.mse_loss, numbers), 1.0),
    Case(
        "fused.hinge",
        f"hinge, {_MILLIONS}",
        "the formula in plain torch",
        of(_fused, L.hinge, published.hinge, signs),
        1.0,
    ),
    Case(
        "fused.kl_divergence",
        "kl_divergence, [40000, 100] float32, forward and backward",
        "F.kl_div",
        of(_fused, lambda q, p: L.kl_divergence(p, q), _kl, _distributions),
        1.0,
    ),
    Case(
        "fused.cross_entropy_1000",
        "cross_entropy, [8192, 1000] float32, forward and backward",
        "F.cross_entropy",
        of(_fused, L.cross_entropy, F.cross_entropy, partial(rows, 1000), many=8192 * 1000),
        0.8,
    ),
    Case(
        "fused.cross_entropy_50257",
        "cross_entropy, [2048, 50257] float32, forward and backward",
        "F.cross_entropy",
        of(_fused, L.cross_entropy, F.cross_entropy, partial(rows, 50257), many=2048 * 50257),
        0.5,
        rounds=9,
    ),
    *(
        Case(
            f"fused.exact_{f.name}",
            f"{f.name} under exact(), {_MILLIONS}",
            f.called,
            of(_fused, f.ours, f.peer, _points, exact=True, upstream=True),
            1.2,
        )
        for f in FUNCTIONS
    ),
    Case(
        "fused.swiglu",
        f"swiglu, {_MILLIONS}",
        "value * F.silu(gate)",
        of(_fused, A.swiglu, _two(F.silu), gates, upstream=True),
        0.7,
    ),
    Case(
        "fused.geglu",
        f"geglu, {_MILLIONS}",
        "value * F.gelu(gate)",
        of(_fused, A.geglu, _two(F.gelu), gates, upstream=True),
        0.7,
    ),
)
