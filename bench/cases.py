"""One case per claim of the documentation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from tests.oracles import activations as oracle
from torch import Tensor

import slopes
from bench import published
from bench.functions import FUNCTIONS, Function
from bench.fused_cases import FUSED
from bench.linear_cases import LINEAR
from bench.pairwise_cases import CASES as PAIRWISE
from bench.series import Series
from bench.small_cases import SMALL
from bench.steps import normal, of, step
from bench.timing import Case, Prepared
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise

MANY: Final = 4_000_000
FEW: Final = 200_000


def _activation(function: Function, quick: bool, *, exact: bool) -> Prepared:  # noqa: FBT001  as cases are called
    x = normal(FEW if quick else MANY, scale=3.0).requires_grad_()
    upstream = torch.ones_like(x)

    def under(of: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def applied(x: Tensor) -> Tensor:
            with slopes.exact(exact):
                return of(x)

        return applied

    ours = under(function.ours) if exact else function.ours
    right = partial(_right_activation, function, x)
    eager = step(ours, x, upstream=upstream), step(function.peer, x, upstream=upstream)
    if not exact:
        return Prepared(*eager, right)
    torch.compiler.reset()
    compiled = [torch.compile(of, fullgraph=True, dynamic=False) for of in (ours, function.peer)]
    return Prepared(*(step(of, x, upstream=upstream) for of in compiled), right, eager=eager)


def _right_activation(function: Function, x: Tensor) -> tuple[Tensor, ...]:
    points = x.detach().double().numpy()
    return tuple(
        torch.from_numpy(of(function.oracle, points, **function.options))
        for of in (oracle.fast_value, oracle.fast_slope)
    )


def _gated(ours: Callable[..., Tensor], act: Callable[[Tensor], Tensor], quick: bool) -> Prepared:  # noqa: FBT001
    count = FEW if quick else MANY
    value = normal(count).requires_grad_()
    gate = normal(count + 1, scale=3.0)[1:].clone().requires_grad_()
    upstream = torch.ones_like(value)

    def two_operators(value: Tensor, gate: Tensor) -> Tensor:
        return value * act(gate)

    wide = [t.detach().double().requires_grad_() for t in (value, gate)]
    return Prepared(
        step(ours, value, gate, upstream=upstream),
        step(two_operators, value, gate, upstream=upstream),
        step(two_operators, *wide, upstream=upstream.double()),
        forward=lambda: ours(value, gate),
        inputs=(value, gate),
    )


def _binary(
    ours: Callable[..., Tensor],
    peer: Callable[..., Tensor],
    quick: bool,  # noqa: FBT001  as cases are called
    *,
    hard: bool = True,
    compiled: bool = False,
) -> Prepared:
    logits = normal(FEW if quick else MANY, scale=3.0).requires_grad_()
    targets = torch.rand(logits.shape, generator=torch.Generator().manual_seed(1))
    if hard:
        targets = (targets < 0.1).float()
    wide = logits.detach().double().requires_grad_()
    right = step(peer, wide, targets.double())
    if compiled:
        torch.compiler.reset()
        mine, theirs = (torch.compile(of, fullgraph=True, dynamic=False) for of in (ours, peer))
        return Prepared(step(mine, logits, targets), step(theirs, logits, targets), right)
    return Prepared(
        step(ours, logits, targets),
        step(peer, logits, targets),
        right,
        forward=lambda: ours(logits, targets),
        inputs=(logits, targets),
    )


def _cross_entropy(rows: int, classes: int, quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
    if quick:
        rows, classes = max(rows // 32, 1), max(classes // 8, 2)
    logits = normal(rows, classes, scale=2.0).requires_grad_()
    targets = torch.randint(classes, (rows,), generator=torch.Generator().manual_seed(1))
    wide = logits.detach().double().requires_grad_()
    return Prepared(
        step(L.cross_entropy, logits, targets),
        step(F.cross_entropy, logits, targets),
        step(F.cross_entropy, wide, targets),
        forward=lambda: L.cross_entropy(logits, targets),
        inputs=(logits, targets),
    )


def _focal(logits: Tensor, targets: Tensor) -> Tensor:
    return L.focal(logits, targets, alpha=0.25, gamma=2.0)


def _asymmetric(logits: Tensor, targets: Tensor) -> Tensor:
    return L.asymmetric(logits, targets, reduction="sum")


_MILLIONS: Final = "4,000,000 float32, forward and backward"

CASES: Final[tuple[Case | Series, ...]] = (
    *(
        Case(f"default.{f.name}", f"{f.name}, {_MILLIONS}", f.called, of(_activation, f, exact=False), 1.05)
        for f in FUNCTIONS
    ),
    *(
        Case(
            f"exact.{f.name}",
            f"{f.name} under exact(), {_MILLIONS}, both compiled",
            f.called,
            of(_activation, f, exact=True),
            1.3,
        )
        for f in FUNCTIONS
    ),
    Case("gated.swiglu", f"swiglu, {_MILLIONS}", "value * F.silu(gate)", of(_gated, A.swiglu, F.silu), 1.0, keep=0.0),
    Case("gated.geglu", f"geglu, {_MILLIONS}", "value * F.gelu(gate)", of(_gated, A.geglu, F.gelu), 1.0, keep=0.0),
    Case(
        "binary.binary_cross_entropy",
        f"binary_cross_entropy, soft targets, {_MILLIONS}",
        "F.binary_cross_entropy_with_logits",
        of(_binary, L.binary_cross_entropy, F.binary_cross_entropy_with_logits, hard=False),
        1.05,
    ),
    Case(
        "binary.binary_cross_entropy_hard",
        f"binary_cross_entropy, targets 0 and 1, {_MILLIONS}",
        "F.binary_cross_entropy_with_logits",
        of(_binary, L.binary_cross_entropy, F.binary_cross_entropy_with_logits),
        1.05,
    ),
    Case(
        "binary.binary_cross_entropy_compiled",
        f"binary_cross_entropy, soft targets, {_MILLIONS}, both compiled",
        "F.binary_cross_entropy_with_logits",
        of(_binary, L.binary_cross_entropy, F.binary_cross_entropy_with_logits, hard=False, compiled=True),
        1.05,
    ),
    Case(
        "binary.focal",
        f"focal, alpha 0.25, gamma 2, {_MILLIONS}",
        "torchvision's formula in plain torch",
        of(_binary, _focal, published.focal),
        1 / 3,
        keep=4.0,
    ),
    Case(
        "binary.asymmetric",
        f"asymmetric, gammas 4 and 1, clip 0.05, {_MILLIONS}",
        "the authors' formula in plain torch",
        of(_binary, _asymmetric, published.asymmetric),
        1 / 3,
        keep=4.0,
    ),
    Case(
        "cross_entropy.1000",
        "cross_entropy, [8192, 1000] float32, forward and backward",
        "F.cross_entropy",
        of(_cross_entropy, 8192, 1000),
        1.05,
    ),
    Case(
        "cross_entropy.50257",
        "cross_entropy, [2048, 50257] float32, forward and backward",
        "F.cross_entropy",
        of(_cross_entropy, 2048, 50257),
        1.05,
        rounds=9,
    ),
    *FUSED,
    *SMALL,
    *LINEAR,
    *PAIRWISE,
)
