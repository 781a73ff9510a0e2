"""Cases of logits that are never made: cross-entropy, DPO and distillation over `LinearLogits`."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final, cast

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

import slopes
from bench import linear_reference, machine, published
from bench.linear_reference import once
from bench.series import Series
from bench.steps import normal, of, step
from bench.timing import AbsentError, Case, Prepared
from slopes import losses as L  # noqa: N812  the name that the documentation uses

SHAPE: Final = (2048, 1024, 50257)
SMALL: Final = (128, 64, 2003)
FLOAT32: Final = 1e-5  # largest error of a gradient, as a share of its largest entry
BFLOAT16: Final = 1e-2  # a 16-bit gradient is rounded by 1/512 alone, and its factors before that
LOSS32: Final = 1e-6  # largest relative error of the loss
LOSS16: Final = 1e-4
BETA: Final = 0.1
ALPHA: Final = 0.5
TEMPERATURE: Final = 2.0

Of = Callable[[Tensor, Tensor, Tensor], Tensor]


def _head(rows: int, width: int, classes: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> list[Tensor]:
    """Return hidden states and a weight; logits have a variance of about 1."""
    hidden, weight = normal(rows, width, seed=seed), normal(classes, width, scale=width**-0.5, seed=seed + 1)
    return [t.to(dtype).requires_grad_() for t in (hidden, weight)]


def _check_bits(dtype: torch.dtype, *, quick: bool) -> None:
    """Raise `AbsentError` where 16-bit matrices are multiplied number by number: minutes for each product."""
    if not quick and dtype == torch.bfloat16 and not machine.multiplies_16_bits():
        message = "this processor has no 16-bit products; one with AVX-512 has"
        raise AbsentError(message)


def _targets(rows: int, classes: int, *, ignored: bool = False) -> Tensor:
    targets = torch.randint(classes, (rows,), generator=torch.Generator().manual_seed(9))
    if ignored:
        targets[::2] = -100
    return targets


def _right(shape: tuple[int, int, int], dtype: torch.dtype, ignored: bool) -> tuple[Tensor, ...]:  # noqa: FBT001
    rows, width, classes = shape
    hidden, weight = _head(rows, width, classes, dtype)
    return linear_reference.cross_entropy(hidden, weight, _targets(rows, classes, ignored=ignored))


def _ours(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return L.cross_entropy(slopes.LinearLogits(hidden, weight), targets)


def _made(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(F.linear(hidden, weight).float(), targets)


def _cross_entropy(
    quick: bool,  # noqa: FBT001  as cases are called
    *,
    dtype: torch.dtype = torch.float32,
    ignored: bool = False,
    peer: Of = _made,
) -> Prepared:
    if peer in _NEW and not hasattr(F, "linear_cross_entropy"):
        message = f"torch {torch.__version__} has no F.linear_cross_entropy; 2.13 has"
        raise AbsentError(message)
    _check_bits(dtype, quick=quick)
    shape = SMALL if quick else SHAPE
    hidden, weight = _head(*shape, dtype)
    targets = _targets(shape[0], shape[2], ignored=ignored)
    exact = dtype == torch.float32
    return Prepared(
        step(_ours, hidden, weight, targets),
        step(peer, hidden, weight, targets),
        partial(once, _right, shape, dtype, ignored),
        inputs=(hidden, weight, targets),
        memory=peer is not _products,
        answers=peer is not _products,
        allowed=FLOAT32 if exact else BFLOAT16,
        loss_allowed=LOSS32 if exact else LOSS16,
    )


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


def _torchs(**options: Any) -> Of:  # noqa: ANN401  of torch's chunked form
    """Return torch's chunked form under some options; none are its own defaults."""

    def applied(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        chosen = torch.nn.LinearCrossEntropyOptions(**options)
        return F.linear_cross_entropy(hidden, weight, targets, options=chosen)

    return applied


def _growing(classes: int, quick: bool) -> Prepared:  # noqa: FBT001  as series are called
    shape = (64, 16, classes) if quick else (512, 256, classes)
    hidden, weight = _head(*shape)
    targets = _targets(shape[0], classes)
    forward = step(_ours, hidden, weight, targets)
    right = partial(linear_reference.cross_entropy, hidden, weight, targets)
    return Prepared(forward, forward, right, allowed=FLOAT32)


def _with_budget(dtype: torch.dtype, budget: int, quick: bool) -> Prepared:  # noqa: FBT001  as series are called
    made = _cross_entropy(quick, dtype=dtype)

    def ours() -> tuple[Tensor, ...]:
        with slopes.chunks(budget=budget << 20):
            return made.ours()

    return replace(made, ours=ours)


def _answers(quick: bool) -> tuple[Tensor, ...]:  # noqa: FBT001
    """Return hidden states, weight, tokens and the reference's log-probabilities of 4 pairs; chosen answers first."""
    pairs, length, width, classes = (2, 32, *SMALL[1:]) if quick else (4, 512, *SHAPE[1:])
    hidden, weight = _head(2 * pairs * length, width, classes)
    tokens = torch.randint(classes, (2 * pairs, length), generator=torch.Generator().manual_seed(9))
    shaped = hidden.detach().view(2 * pairs, length, width).requires_grad_()
    return shaped, weight, tokens, torch.zeros(2 * pairs)


def _right_dpo(quick: bool) -> tuple[Tensor, ...]:  # noqa: FBT001
    return linear_reference.dpo(*(t.detach() for t in _answers(quick)), BETA)


def _our_dpo(hidden: Tensor, weight: Tensor, tokens: Tensor, reference: Tensor) -> Tensor:
    said = L.sequence_log_prob(slopes.LinearLogits(hidden, weight), tokens)
    return L.dpo(*said.chunk(2), *reference.chunk(2), beta=BETA)


def _liger_dpo() -> Callable[..., Tensor]:
    """Return Liger's chunked form, one pair at a time, the reference's log-probabilities being 0 as in the others."""
    if importlib.util.find_spec("liger_kernel") is None:
        message = "liger-kernel is not installed; pip install liger-kernel"
        raise AbsentError(message)
    from liger_kernel.chunked_loss import LigerFusedLinearDPOLoss  # noqa: PLC0415  a peer that may be absent

    loss = LigerFusedLinearDPOLoss(beta=BETA, compiled=False, use_ref_model=False, compute_nll_loss=False)

    def applied(hidden: Tensor, weight: Tensor, tokens: Tensor, _: Tensor) -> Tensor:
        following = F.pad(tokens[:, 1:], (0, 1), value=-100)
        return cast("Tensor", loss(weight, hidden, following)[0])

    return applied


def _made_dpo() -> Callable[..., Tensor]:
    return partial(published.dpo, beta=BETA)


def _dpo(peer: Callable[[], Callable[..., Tensor]], quick: bool) -> Prepared:  # noqa: FBT001
    given = _answers(quick)
    return Prepared(
        step(_our_dpo, *given),
        step(peer(), *given),
        partial(once, _right_dpo, quick),
        inputs=given,
        memory=True,
        allowed=2e-4,  # a sum of 512 log-probabilities is off by 2e-4 in float32, and the gradients with it
        loss_allowed=1e-4,  # the loss is one of differences of such sums
    )


def _two_heads(quick: bool) -> tuple[list[Tensor], list[Tensor], Tensor]:  # noqa: FBT001
    rows, width, classes = SMALL if quick else (SHAPE[0] // 2, *SHAPE[1:])
    teacher = [t.detach() for t in _head(rows, width, classes, seed=2)]
    return _head(rows, width, classes), teacher, _targets(rows, classes)


def _right_distillation(quick: bool) -> tuple[Tensor, ...]:  # noqa: FBT001
    (hidden, weight), (other, its), targets = _two_heads(quick)
    return linear_reference.distillation((hidden, weight), (other, its), targets, ALPHA, TEMPERATURE)


def _distillation(quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
    student, teacher, targets = _two_heads(quick)

    def ours(hidden: Tensor, weight: Tensor, other: Tensor, its: Tensor) -> Tensor:
        both = slopes.LinearLogits(hidden, weight), slopes.LinearLogits(other, its)
        return L.distillation(*both, targets, alpha=ALPHA, temperature=TEMPERATURE)

    def made(hidden: Tensor, weight: Tensor, other: Tensor, its: Tensor) -> Tensor:
        return published.distillation(F.linear(hidden, weight), F.linear(other, its), targets, ALPHA, TEMPERATURE)

    return Prepared(
        step(ours, *student, *teacher),
        step(made, *student, *teacher),
        partial(once, _right_distillation, quick),
        inputs=(*student, *teacher),
        memory=True,
        allowed=FLOAT32,
        loss_allowed=LOSS32,
    )


# The fastest that it does here: of all policies and of chunks of 256 to 2048 rows.
_BEST: Final = _torchs(acc_policy="compact", batch_chunk_size=1024)
_DEFAULT: Final = _torchs()
_NEW: Final = (_BEST, _DEFAULT)
_NARROW: Final = {"dtype": torch.bfloat16}
_HEAD: Final = "cross_entropy over LinearLogits, 2048 × 1024, vocabulary 50,257, forward and backward"
_MADE: Final = "F.linear, F.cross_entropy"
_MADE16: Final = "F.linear, F.cross_entropy in float32"
_BARE: Final = "the three matrix products alone"
_AS_IT_IS: Final = "F.linear_cross_entropy, LinearCrossEntropyOptions()"
_TUNED: Final = 'F.linear_cross_entropy, acc_policy="compact", batch_chunk_size=1024'
_ANSWERS: Final = (
    "dpo over LinearLogits, 4 pairs × 512 tokens, width 1024, vocabulary 50,257, float32, forward and backward"
)
_TWO: Final = "distillation, both sides LinearLogits, 1024 × 1024, vocabulary 50,257, float32, forward and backward"

# Name, words, peer, goal of time, goal of memory, rounds, options; those of one reference follow each other.
_ROWS: Final[tuple[tuple[str, str, str, float, float | None, int, dict[str, Any]], ...]] = (
    ("float32", "float32", _MADE, 0.92, 1 / 7, 5, {}),
    ("products", "float32", _BARE, 1.05, None, 5, {"peer": _products}),
    ("torch", "float32", _AS_IT_IS, 0.6, None, 3, {"peer": _DEFAULT}),
    ("torch_best", "float32", _TUNED, 1.0, None, 5, {"peer": _BEST}),
    ("bfloat16", "bfloat16", _MADE16, 0.85, 0.5, 5, _NARROW),
    ("products16", "bfloat16", _BARE, 1.5, None, 5, _NARROW | {"peer": _products}),
    ("torch16", "bfloat16", _AS_IT_IS, 0.2, None, 3, _NARROW | {"peer": _DEFAULT}),
    ("torch16_best", "bfloat16", _TUNED, 1.0, None, 5, _NARROW | {"peer": _BEST}),
    ("ignored", "float32, half of the targets ignored", _MADE, 0.6, None, 5, {"ignored": True}),
)

LINEAR: Final[tuple[Case | Series, ...]] = (
    *(
        Case(f"linear.{name}", f"{_HEAD}, {words}", peer, of(_cross_entropy, **options), goal, peak=peak, rounds=rounds)
        for name, words, peer, goal, peak, rounds, options in _ROWS
    ),
    *(
        Series(
            f"linear.budget{bits}",
            f"{_HEAD}, {words}, by the budget of a chunk",
            "MiB",
            [32, 64, 128, 256],
            partial(_with_budget, dtype),
            small=[1, 2],
            rounds=3,
        )
        for bits, words, dtype in (("", "float32", torch.float32), ("16", "bfloat16", torch.bfloat16))
    ),
    Case("linear.dpo", _ANSWERS, "the log-softmax of all logits", of(_dpo, _made_dpo), 1.2, peak=1 / 7, rounds=3),
    Case("linear.dpo_liger", _ANSWERS, "LigerFusedLinearDPOLoss(compiled=False)", of(_dpo, _liger_dpo), 1.0, rounds=3),
    Case("linear.distillation", _TWO, "the log-softmax of both logits", of(_distillation), 1.1, peak=0.2, rounds=3),
    Series(
        "linear.vocabulary",
        "cross_entropy over LinearLogits, 512 × 256, the vocabulary doubling, float32, forward and backward",
        "classes",
        [1 << power for power in range(14, 19)],
        _growing,
        small=[1000, 2000],
        goal=1.15,
        peak=1.15,
    ),
)
