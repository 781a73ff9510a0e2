"""One case per claim of the documentation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from tests.oracles import activations as oracle
from torch import Tensor

import slopes
from bench import published
from bench.functions import FUNCTIONS, Function
from bench.timing import Case, Prepared, Step
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise

MANY: Final = 4_000_000
FEW: Final = 200_000


def _normal(*shape: int, scale: float = 1.0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * scale


def _step(of: Callable[..., Tensor], *inputs: Tensor, upstream: Tensor | None = None) -> Step:
    """Return forward and backward of a function of these inputs, by those that require a gradient."""
    wanted = [t for t in inputs if t.requires_grad]

    def step() -> tuple[Tensor, ...]:
        value = of(*inputs)
        return value, *torch.autograd.grad(value, wanted, upstream)

    return step


def _activation(function: Function, quick: bool, *, exact: bool) -> Prepared:  # noqa: FBT001  as cases are called
    x = _normal(FEW if quick else MANY, scale=3.0).requires_grad_()
    upstream = torch.ones_like(x)

    def under(of: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        def applied(x: Tensor) -> Tensor:
            with slopes.exact(exact):
                return of(x)

        return applied

    ours = under(function.ours) if exact else function.ours
    right = partial(_right_activation, function, x)
    eager = _step(ours, x, upstream=upstream), _step(function.peer, x, upstream=upstream)
    if not exact:
        return Prepared(*eager, right)
    torch.compiler.reset()
    compiled = [torch.compile(of, fullgraph=True, dynamic=False) for of in (ours, function.peer)]
    return Prepared(*(_step(of, x, upstream=upstream) for of in compiled), right, eager=eager)


def _right_activation(function: Function, x: Tensor) -> tuple[Tensor, ...]:
    points = x.detach().double().numpy()
    return tuple(
        torch.from_numpy(of(function.oracle, points, **function.options))
        for of in (oracle.fast_value, oracle.fast_slope)
    )


def _gated(ours: Callable[..., Tensor], act: Callable[[Tensor], Tensor], quick: bool) -> Prepared:  # noqa: FBT001
    count = FEW if quick else MANY
    value = _normal(count).requires_grad_()
    gate = _normal(count + 1, scale=3.0)[1:].clone().requires_grad_()
    upstream = torch.ones_like(value)

    def two_operators(value: Tensor, gate: Tensor) -> Tensor:
        return value * act(gate)

    wide = [t.detach().double().requires_grad_() for t in (value, gate)]
    return Prepared(
        _step(ours, value, gate, upstream=upstream),
        _step(two_operators, value, gate, upstream=upstream),
        _step(two_operators, *wide, upstream=upstream.double()),
        forward=lambda: ours(value, gate),
        inputs=(value, gate),
    )


def _binary(
    ours: Callable[..., Tensor],
    peer: Callable[..., Tensor],
    quick: bool,  # noqa: FBT001  as cases are called
    *,
    hard: bool = True,
) -> Prepared:
    logits = _normal(FEW if quick else MANY, scale=3.0).requires_grad_()
    targets = torch.rand(logits.shape, generator=torch.Generator().manual_seed(1))
    if hard:
        targets = (targets < 0.1).float()
    wide = logits.detach().double().requires_grad_()
    return Prepared(
        _step(ours, logits, targets),
        _step(peer, logits, targets),
        _step(peer, wide, targets.double()),
        forward=lambda: ours(logits, targets),
        inputs=(logits, targets),
    )


def _cross_entropy(rows: int, classes: int, quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
    if quick:
        rows, classes = max(rows // 32, 1), max(classes // 8, 2)
    logits = _normal(rows, classes, scale=2.0).requires_grad_()
    targets = torch.randint(classes, (rows,), generator=torch.Generator().manual_seed(1))
    wide = logits.detach().double().requires_grad_()
    return Prepared(
        _step(L.cross_entropy, logits, targets),
        _step(F.cross_entropy, logits, targets),
        _step(F.cross_entropy, wide, targets),
        forward=lambda: L.cross_entropy(logits, targets),
        inputs=(logits, targets),
    )


def _info_nce(quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
    rows, width = (512, 64) if quick else (4096, 256)
    query = _normal(rows, width).requires_grad_()
    keys = (query.detach() + _normal(rows, width).flip(0)).requires_grad_()
    wide = [t.detach().double().requires_grad_() for t in (query, keys)]
    return Prepared(
        _step(L.info_nce, query, keys),
        _step(published.info_nce, query, keys),
        _step(published.info_nce, *wide),
        forward=lambda: L.info_nce(query, keys),
        inputs=(query, keys),
    )


def _linear(
    quick: bool,  # noqa: FBT001  as cases are called
    *,
    dtype: torch.dtype = torch.float32,
    ignored: bool = False,
    peer: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
) -> Prepared:
    rows, width, classes = (256, 64, 5003) if quick else (2048, 1024, 50257)
    hidden = _normal(rows, width).to(dtype).requires_grad_()
    weight = _normal(classes, width, scale=0.03).to(dtype).requires_grad_()
    targets = torch.randint(classes, (rows,), generator=torch.Generator().manual_seed(1))
    if ignored:
        targets[::2] = -100

    def ours(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        return L.cross_entropy(slopes.LinearLogits(hidden, weight), targets)

    wide = [t.detach().float().requires_grad_() for t in (hidden, weight)]
    return Prepared(
        _step(ours, hidden, weight, targets),
        _step(peer or _made, hidden, weight, targets),
        _step(_made, *wide, targets),
        inputs=(hidden, weight, targets),
        memory=peer is not _products,
        answers=peer is not _products,
        allowed=1e-5 if dtype == torch.float32 else 1e-2,
    )


def _made(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight).float(), targets)


class _Products(torch.autograd.Function):
    """The three matrix products that no form can do without, and nothing else."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(hidden, weight)
        ctx.logits = hidden @ weight.t()
        return ctx.logits[0, 0].float()

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ANN401
        hidden, weight = ctx.saved_tensors
        return ctx.logits @ weight, ctx.logits.t() @ hidden


def _products(hidden: Tensor, weight: Tensor, _: Tensor) -> Tensor:
    return cast("Tensor", _Products.apply(hidden, weight))  # type: ignore[no-untyped-call]


def _focal(logits: Tensor, targets: Tensor) -> Tensor:
    return L.focal(logits, targets, alpha=0.25, gamma=2.0)


def _asymmetric(logits: Tensor, targets: Tensor) -> Tensor:
    return L.asymmetric(logits, targets, reduction="sum")


def _of(make: Callable[..., Prepared], *given: Any, **options: Any) -> Callable[[bool], Prepared]:  # noqa: ANN401
    return lambda quick: make(*given, quick, **options)


_HEAD: Final = "cross_entropy over LinearLogits, 2048 × 1024, vocabulary 50,257, forward and backward"
_MILLIONS: Final = "4,000,000 float32, forward and backward"

CASES: Final = (
    *(
        Case(f"default.{f.name}", f"{f.name}, {_MILLIONS}", f.called, _of(_activation, f, exact=False), 1.05)
        for f in FUNCTIONS
    ),
    *(
        Case(
            f"exact.{f.name}",
            f"{f.name} under exact(), {_MILLIONS}, both compiled",
            f.called,
            _of(_activation, f, exact=True),
            1.3,
        )
        for f in FUNCTIONS
    ),
    Case("gated.swiglu", f"swiglu, {_MILLIONS}", "value * F.silu(gate)", _of(_gated, A.swiglu, F.silu), 1.0, keep=0.0),
    Case("gated.geglu", f"geglu, {_MILLIONS}", "value * F.gelu(gate)", _of(_gated, A.geglu, F.gelu), 1.0, keep=0.0),
    Case(
        "binary.binary_cross_entropy",
        f"binary_cross_entropy, soft targets, {_MILLIONS}",
        "F.binary_cross_entropy_with_logits",
        _of(_binary, L.binary_cross_entropy, F.binary_cross_entropy_with_logits, hard=False),
        1.05,
    ),
    Case(
        "binary.binary_cross_entropy_hard",
        f"binary_cross_entropy, targets 0 and 1, {_MILLIONS}",
        "F.binary_cross_entropy_with_logits",
        _of(_binary, L.binary_cross_entropy, F.binary_cross_entropy_with_logits),
        1.05,
    ),
    Case(
        "binary.focal",
        f"focal, alpha 0.25, gamma 2, {_MILLIONS}",
        "torchvision's formula in plain torch",
        _of(_binary, _focal, published.focal),
        1 / 3,
        keep=4.0,
    ),
    Case(
        "binary.asymmetric",
        f"asymmetric, gammas 4 and 1, clip 0.05, {_MILLIONS}",
        "the authors' formula in plain torch",
        _of(_binary, _asymmetric, published.asymmetric),
        1 / 3,
        keep=4.0,
    ),
    Case(
        "cross_entropy.1000",
        "cross_entropy, [8192, 1000] float32, forward and backward",
        "F.cross_entropy",
        _of(_cross_entropy, 8192, 1000),
        1.05,
    ),
    Case(
        "cross_entropy.50257",
        "cross_entropy, [2048, 50257] float32, forward and backward",
        "F.cross_entropy",
        _of(_cross_entropy, 2048, 50257),
        1.05,
        rounds=9,
    ),
    *(
        Case(f"linear.{name}", f"{_HEAD}, {words}", against, _of(_linear, **options), goal, rounds=5)
        for name, words, against, goal, options in (
            ("float32", "float32", "F.linear, F.cross_entropy", 0.92, {}),
            ("bfloat16", "bfloat16", "F.linear, F.cross_entropy in float32", 0.85, {"dtype": torch.bfloat16}),
            ("ignored", "float32, half of the targets ignored", "F.linear, F.cross_entropy", 0.6, {"ignored": True}),
            ("products", "float32", "the three matrix products alone", 1.05, {"peer": _products}),
            (
                "products16",
                "bfloat16",
                "the three matrix products alone",
                1.5,
                {"peer": _products, "dtype": torch.bfloat16},
            ),
        )
    ),
    Case(
        "info_nce.4096",
        "info_nce, 4096 queries and keys of 256, float32, forward and backward",
        "cross-entropy of the whole matrix",
        _of(_info_nce),
        None,
        rounds=9,
    ),
)
