"""Losses between all pairs hold in any circumstances: whatever wants a gradient, in blocks of whatever size."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.peak import peak
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  the name that everybody uses
from torch.utils.checkpoint import checkpoint

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.kernels.blocks import blockwise
from slopes.kernels.blocks.operators import Nodes, packed

N, D = 7, 4  # no block of two rows divides N
TEMPERATURE: Final = 0.5
LABELS: Final = torch.tensor([0, 1, 0, 2, 1, 0, 2])
QUEUE: Final = torch.randn(6, D, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
Loss = Callable[..., Tensor]


def normal(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def _queue(query: Tensor, keys: Tensor, *, reduction: Any = "mean", **options: Any) -> Tensor:  # noqa: ANN401  a literal
    queue = L.MomentumQueue(len(QUEUE), D, temperature=TEMPERATURE, reduction=reduction)
    queue = queue.to(query.dtype if query.dtype == torch.float64 else torch.float32)
    queue.enqueue(QUEUE.to(query.dtype))
    return cast("Tensor", queue(query, keys, **options))


def _triplet(mining: Any) -> Loss:  # noqa: ANN401  a literal
    return lambda points, **options: L.batch_triplet(
        points, LABELS[: len(points)], mining=mining, margin=0.5, **options
    )


# By name: the loss, and how many tensors it takes that a gradient may reach.
LOSSES: Final[dict[str, tuple[Loss, int]]] = {
    "info_nce": (lambda a, b, **o: L.info_nce(a, b, temperature=TEMPERATURE, **o), 2),
    "clip": (L.clip, 3),
    "nt_xent": (lambda a, b, **o: L.nt_xent(a, b, temperature=TEMPERATURE, **o), 2),
    "queue": (lambda a, **o: _queue(a, normal(len(a), D, seed=9).to(a.dtype), **o), 1),
    "hard": (_triplet("hard"), 1),
    "semihard": (_triplet("semihard"), 1),
    "all": (_triplet("all"), 1),
}
every_loss = each("name", LOSSES)
minings = each("name", ["hard", "semihard", "all"])


def given(name: str, dtype: torch.dtype = torch.float64, rows: int = N) -> tuple[Loss, list[Tensor]]:
    loss, count = LOSSES[name]
    tensors = [normal(rows, D, seed=seed) for seed in range(1, 1 + min(count, 2))]
    if name == "clip":
        tensors.append(torch.tensor(2.5, dtype=torch.float64))
    return loss, [t.to(dtype).requires_grad_() for t in tensors]


def plain(name: str, *tensors: Tensor, reduction: str = "mean") -> Tensor:
    """Return the loss by the whole matrix, as papers write it."""
    if name in {"hard", "semihard", "all"}:
        return _mined(name, tensors[0], reduction)
    a, b = F.normalize(tensors[0], dim=-1), F.normalize(tensors[min(1, len(tensors) - 1)], dim=-1)
    rows = torch.arange(len(a))
    if name == "info_nce":
        return F.cross_entropy(a @ b.T / TEMPERATURE, rows, reduction=reduction)
    if name == "clip":
        logits = tensors[2] * (a @ b.T)
        return sum(F.cross_entropy(x, rows, reduction=reduction) for x in (logits, logits.T)) / 2  # type: ignore[return-value]
    if name == "nt_xent":
        both = torch.cat([a, b])
        logits = (both @ both.T / TEMPERATURE).fill_diagonal_(-torch.inf)
        return F.cross_entropy(logits, torch.cat([rows + len(a), rows]), reduction=reduction)
    own, queue = F.normalize(normal(len(a), D, seed=9), dim=-1), F.normalize(QUEUE, dim=-1)
    logits = torch.cat([(a * own).sum(-1, keepdim=True), a @ queue.T], -1) / TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(a), dtype=torch.int64), reduction=reduction)


def _mined(mining: str, points: Tensor, reduction: str) -> Tensor:
    labels = LABELS[: len(points)].tolist()
    far = [[(p - q).square().sum().clamp(min=1e-300).sqrt() for q in points] for p in points]
    rows: list[list[Tensor]] = []
    for a, row in enumerate(far):
        positives = [row[p] for p in range(len(row)) if p != a and labels[p] == labels[a]]
        negatives = [row[n] for n in range(len(row)) if labels[n] != labels[a]]
        rows.append([])
        if not positives or not negatives:
            continue
        if mining == "hard":
            found = [(max(positives), min(negatives))]
        elif mining == "all":
            found = list(itertools.product(positives, negatives))
        else:
            found = [(p, min([n for n in negatives if n > p], default=max(negatives))) for p in positives]
        rows[-1] = [(p - n + 0.5).relu() for p, n in found]
    if reduction == "none":
        return torch.stack([sum(row, points.sum() * 0) for row in rows])
    every = [one for row in rows for one in row]
    return sum(every, points.sum() * 0) / (len(every) if reduction == "mean" else 1)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every block have two rows."""
    monkeypatch.setattr(blockwise, "BLOCK_BYTES", 1)
    monkeypatch.setattr(blockwise, "LEAST_ROWS", 2)


def gradients(value: Tensor, tensors: Sequence[Tensor], upstream: Tensor | None = None) -> tuple[Tensor, ...]:
    return torch.autograd.grad(value, [t for t in tensors if t.requires_grad], upstream, retain_graph=True)


def assert_alike(came: Sequence[Tensor], wanted: Sequence[Tensor], *, size: int = 4) -> None:
    for one, other in zip(came, wanted, strict=True):
        right = other.detach().double()
        assert_close_to_scale(one, right, max(float(right.abs().max()), 1e-3), size=size)


def leaves(tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Return them without what made them: `opcheck` reads `.grad`, of which torch warns elsewhere."""
    return [t if t is None else t.detach().requires_grad_(t.requires_grad) for t in tensors]


def digests(tensors: Sequence[Tensor]) -> list[str]:
    return [hashlib.sha256(t.detach().numpy().tobytes()).hexdigest() for t in tensors]


@pytest.mark.usefixtures("small_blocks")
class TestCircumstances:
    @every_loss
    @each("reduction", ["mean", "sum", "none"])
    def test_every_combination_of_what_wants_a_gradient(self, name: str, reduction: str) -> None:
        loss, tensors = given(name)
        upstream = normal(*plain(name, *tensors, reduction=reduction).shape, seed=5)
        for wanted in itertools.product([False, True], repeat=len(tensors)):
            some = [t.detach().requires_grad_(w) for t, w in zip(tensors, wanted, strict=True)]
            value, right = loss(*some, reduction=reduction), plain(name, *some, reduction=reduction)
            assert_alike([value], [right])
            assert value.requires_grad == any(wanted)
            if any(wanted):
                assert_alike(gradients(value, some, upstream), gradients(right, some, upstream))

    @every_loss
    @each("reduction", ["mean", "none"])
    def test_backward_again_and_with_another_upstream(self, name: str, reduction: str) -> None:
        loss, tensors = given(name)
        value = loss(*tensors, reduction=reduction)
        upstream = normal(*value.shape, seed=5)
        first = [slope.clone() for slope in gradients(value, tensors, upstream)]
        assert_alike(gradients(value, tensors, upstream), first)
        assert_alike(gradients(value, tensors, -3 * upstream), [-3 * slope for slope in first])

    @every_loss
    def test_one_row(self, name: str) -> None:
        loss, tensors = given(name, rows=1)
        value, right = loss(*tensors), plain(name, *tensors)
        if name == "nt_xent":
            assert value == 0  # two views, and nobody else
        elif name in {"hard", "semihard", "all"}:
            assert value == 0  # no triplet
        else:
            assert_alike([value], [right])
        for slope in gradients(value, tensors):
            assert bool(slope.isfinite().all())

    @every_loss
    def test_layouts(self, name: str) -> None:
        loss, tensors = given(name)
        wanted = gradients(loss(*tensors), tensors)
        turned = [t.detach().T.contiguous().T if t.dim() else t.detach() for t in tensors]
        strided = [torch.stack([t.detach(), -t.detach()], -1)[..., 0] for t in tensors]
        for some in (turned, strided):
            some = [t.requires_grad_() for t in some]  # noqa: PLW2901  leaves of their own
            assert_alike(gradients(loss(*some), some), wanted)

    @every_loss
    @each("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_is_computed_in_float32(self, name: str, dtype: torch.dtype) -> None:
        loss, tensors = given(name, dtype)
        wide = [t.detach().float().requires_grad_() for t in tensors]
        value, same = loss(*tensors), loss(*wide)
        assert value.dtype == torch.float32
        if name != "queue":  # whose keys were enqueued in half precision
            assert torch.equal(value, same)
        for slope, other, t in zip(gradients(value, tensors), gradients(same, wide), tensors, strict=True):
            assert slope.dtype == dtype
            if name != "queue":
                assert_close(slope, other.double(), what=f"{t.dtype}")

    @every_loss
    def test_autocast_changes_nothing(self, name: str) -> None:
        loss, tensors = given(name, torch.float32)
        wanted = loss(*tensors)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = loss(*tensors)
        assert torch.equal(value, wanted)
        for slope, other in zip(gradients(value, tensors), gradients(wanted, tensors), strict=True):
            assert torch.equal(slope, other)

    @every_loss
    @each("reduction", ["mean", "none"])
    def test_under_checkpoint(self, name: str, reduction: str) -> None:
        loss, tensors = given(name)
        wanted = loss(*tensors, reduction=reduction).sum()
        value = checkpoint(lambda *some: loss(*some, reduction=reduction).sum(), *tensors, use_reentrant=False)
        assert_alike(torch.autograd.grad(value, tensors), gradients(wanted, tensors))

    @every_loss
    @each("reduction", ["mean", "none"])
    def test_the_callers_tensors_stay(self, name: str, reduction: str) -> None:
        loss, tensors = given(name)
        watched = [*tensors, LABELS, QUEUE]
        before = digests(watched)
        value = loss(*tensors, reduction=reduction)
        for _ in range(2):
            gradients(value.sum(), tensors)
        assert digests(watched) == before

    @each("name", ["info_nce", "queue"])
    def test_parts_add_up_to_the_batch(self, name: str) -> None:
        """Rows may count in parts that share their denominator; the keys stay in everybody's line-up."""
        loss, tensors = given(name)
        first = torch.arange(N) < 3
        whole = loss(*tensors)
        parts = [loss(*tensors, mask=mask, denominator=float(N)) for mask in (first, ~first)]
        assert_alike([parts[0] + parts[1]], [whole])
        assert_alike(gradients(parts[0] + parts[1], tensors), gradients(whole, tensors))

    @minings
    def test_anchors_in_parts_add_up_to_the_batch(self, name: str) -> None:
        loss, tensors = given(name)
        whole = loss(*tensors, reduction="sum")
        rows = loss(*tensors, reduction="none")
        assert_alike([rows[:3].sum() + rows[3:].sum()], [whole])
        assert_alike(
            [
                a + b
                for a, b in zip(gradients(rows[:3].sum(), tensors), gradients(rows[3:].sum(), tensors), strict=True)
            ],
            gradients(whole, tensors),
        )


class TestOffset:
    @each("name", ["info_nce", "clip", "nt_xent"])
    def test_products_far_from_zero(self, name: str) -> None:
        """An offset that all similarities share leaves the loss alone."""
        loss, tensors = given(name, torch.float32)
        grid = [(t.detach() * 8).round() / 8 for t in tensors[:2]]
        far = [torch.cat([t, torch.full((N, 1), 64.0)], -1).requires_grad_() for t in grid]
        near = [torch.cat([t, torch.zeros(N, 1)], -1).requires_grad_() for t in grid]
        rest = [torch.tensor(2.0) for _ in tensors[2:]]
        moved, still = (loss(*some, *rest, normalize=False) for some in (far, near))
        assert_alike([moved], [still])
        for slope, other in zip(gradients(moved, far), gradients(still, near), strict=True):
            assert_alike([slope[:, :-1]], [other[:, :-1]])

    @minings
    @each("kind", ["euclidean", "squared"])
    def test_near_duplicates_far_from_zero(self, name: str, kind: str) -> None:
        """Two swarms at 1000 and -1000, of points about 2^-7 apart, whose products in float32 are all alike."""
        grid = (normal(8, D) * 2**6).round() / 2**13
        points = (grid + 1000.0 * torch.tensor([1.0] * 4 + [-1.0] * 4).unsqueeze(-1)).float().requires_grad_()
        assert torch.equal(points[:4].detach().double() - 1000.0, grid[:4])
        wide = points.detach().double().requires_grad_()
        options: dict[str, Any] = {"mining": name, "distance": kind, "margin": 0.01 if kind == "euclidean" else 1e-4}
        labels = torch.tensor([0, 1, 0, 1, 2, 3, 2, 3])
        value, right = (L.batch_triplet(x, labels, **options) for x in (points, wide))
        assert abs(value.item() - right.item()) <= 1e-4 * right.item()
        (slope,), (wanted,) = gradients(value, [points]), gradients(right, [wide])
        assert float(wanted.abs().max()) > 0
        assert float((slope.double() - wanted).abs().max()) <= 1e-4 * float(wanted.abs().max())


class TestOneNode:
    @each("name", ["info_nce", "clip", "nt_xent", "queue", "semihard", "all"])
    @each("reduction", ["mean", "none"])
    def test_the_operators_pass_torch_s_own_check(
        self, name: str, reduction: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Assert that `opcheck` finds nothing: schema, aliases, fake tensors, autograd, tracing."""
        checked: list[str] = []

        def total(self: Nodes, tensors: Any, extras: Any, factor: Tensor) -> Tensor:  # noqa: ANN401
            wanted = [t.requires_grad for t in tensors if t is not None]
            torch.library.opcheck(self._total, (*packed(leaves(tensors), extras), factor, wanted))
            checked.append("mean")
            return self._total(*packed(tensors, extras), factor, wanted)[0]

        def rows(self: Nodes, tensors: Any, extras: Any) -> Tensor:  # noqa: ANN401
            torch.library.opcheck(self._rows, packed(leaves(tensors), extras))
            checked.append("none")
            return self._rows(*packed(tensors, extras))

        monkeypatch.setattr(blockwise, "is_one_node", lambda: True)
        monkeypatch.setattr(Nodes, "total", total)
        monkeypatch.setattr(Nodes, "rows", rows)
        loss, tensors = given(name)
        loss(*tensors, reduction=reduction)
        assert checked == [reduction]


class TestMemory:
    @each("name", ["info_nce", "clip", "nt_xent"])
    def test_two_more_copies_of_the_inputs_and_two_blocks_at_most(self, name: str) -> None:
        loss, _ = LOSSES[name]
        count, width = 2048, 256
        sides = [normal(count, width, seed=seed).float().requires_grad_() for seed in (1, 2)]
        rest = [torch.tensor(10.0)] if name == "clip" else []
        measured = peak(loss, *sides, *rest)
        side = 4 * count * width
        # The inputs' unit vectors and gradients, and one that goes through the norm; nt_xent joins its sides as well.
        allowed = (5 if name != "nt_xent" else 9) * side + 2 * blockwise.BLOCK_BYTES + side / 4
        assert measured.bytes <= allowed
