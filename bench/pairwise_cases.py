"""Cases of losses between all pairs of a batch: InfoNCE, CLIP and mined triplets."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

from bench import published
from bench.linear_reference import once
from bench.steps import normal, of, step
from bench.timing import AbsentError, Case, Prepared
from slopes import losses as L  # noqa: N812  the name that the documentation uses

TEMPERATURE: Final = 0.07
MARGIN: Final = 0.2
CHUNK: Final = 512  # rows of the references, which make their matrices in float64

Loss = Callable[..., Tensor]


def _two_views(rows: int, width: int) -> list[Tensor]:
    """Return queries and keys of which each resembles its own."""
    query = normal(rows, width)
    return [query.requires_grad_(), (query.detach() + normal(rows, width, seed=1)).requires_grad_()]


def _info_nce(peer: Callable[[], Loss], rows: int, width: int, quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
    if quick:
        rows, width = 256, 32
    query, keys = _two_views(rows, width)
    return Prepared(
        step(partial(L.info_nce, temperature=TEMPERATURE), query, keys),
        step(peer(), query, keys),
        partial(once, _right_info_nce, rows, width),
        inputs=(query, keys),
        memory=True,
    )


def _ntxent() -> Loss:
    losses = _metric_learning("losses")
    return cast("Loss", losses.SelfSupervisedLoss(losses.NTXentLoss(temperature=TEMPERATURE), symmetric=False))


def _clip(quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
    shape = (256, 32) if quick else (8192, 512)
    images, texts = _two_views(*shape)
    scale = torch.tensor(1 / TEMPERATURE, requires_grad=True)
    return Prepared(
        step(L.clip, images, texts, scale),
        step(_open_clip, images, texts, scale),
        partial(once, _right_clip, *shape),
        inputs=(images, texts, scale),
        memory=True,
    )


def _open_clip(images: Tensor, texts: Tensor, logit_scale: Tensor) -> Tensor:
    """Return what open_clip's ClipLoss computes in one process, of the features that its model normalises."""
    images, texts = F.normalize(images, dim=-1), F.normalize(texts, dim=-1)
    labels = torch.arange(len(images))
    by_image, by_text = logit_scale * images @ texts.T, logit_scale * texts @ images.T
    return (F.cross_entropy(by_image, labels) + F.cross_entropy(by_text, labels)) / 2


def _right_info_nce(rows: int, width: int) -> tuple[Tensor, ...]:
    query, keys = _wide(rows, width)
    return _summed(query, keys, None, lambda part: _one_way(query, keys, 1 / TEMPERATURE, part), rows)


def _right_clip(rows: int, width: int) -> tuple[Tensor, ...]:
    images, texts = _wide(rows, width)
    scale = torch.tensor(1 / TEMPERATURE, requires_grad=True)  # in float32, as the case has it

    def both(part: Tensor) -> Tensor:
        wide = scale.double()
        return (_one_way(images, texts, wide, part) + _one_way(texts, images, wide, part)) / 2

    return _summed(images, texts, scale, both, rows)


def _wide(rows: int, width: int) -> list[Tensor]:
    return [t.detach().double().requires_grad_() for t in _two_views(rows, width)]


def _one_way(a: Tensor, b: Tensor, scale: Tensor | float, part: Tensor) -> Tensor:
    """Return the sum of the cross-entropies of some rows of `a` among all rows of `b`."""
    cosines = F.normalize(a[part], dim=-1) @ F.normalize(b, dim=-1).T
    return F.cross_entropy(cosines * scale, part, reduction="sum")


def _summed(
    a: Tensor, b: Tensor | None, scale: Tensor | None, of_part: Callable[[Tensor], Tensor], count: int
) -> tuple[Tensor, ...]:
    """Return the mean of a loss over all rows and its gradients, in chunks of rows."""
    inputs = [t for t in (a, b, scale) if t is not None]
    total = torch.zeros((), dtype=torch.float64)
    for part in torch.arange(len(a)).split(CHUNK):
        value = of_part(part) / count
        value.backward()  # type: ignore[no-untyped-call]
        total += value.detach()
    return total, *(cast("Tensor", t.grad) for t in inputs)


def _batch_triplet(rows: int, each: int, quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
    width = 128
    if quick:
        rows, width = 256, 32
    points, labels = _labelled(rows, width, each)

    def ours(points: Tensor) -> Tensor:
        return L.batch_triplet(points, labels, margin=MARGIN, mining="semihard")

    return Prepared(
        step(ours, points),
        step(_mined(labels), points),
        partial(once, _right_batch_triplet, rows, width, each),
        inputs=(points, labels),
        memory=True,
        answers=False,  # every semi-hard triplet, where ours has the nearest for each positive
    )


def _labelled(rows: int, width: int, each: int) -> tuple[Tensor, Tensor]:
    points = F.normalize(normal(rows, width), dim=-1)
    return points.requires_grad_(), torch.arange(rows) % (rows // each)


def _mined(labels: Tensor) -> Loss:
    distance = _metric_learning("distances").LpDistance(normalize_embeddings=False)
    miner = _metric_learning("miners").TripletMarginMiner(margin=MARGIN, type_of_triplets="semihard", distance=distance)
    loss = _metric_learning("losses").TripletMarginLoss(margin=MARGIN, distance=distance)
    return lambda points: loss(points, labels, miner(points, labels))


def _right_batch_triplet(rows: int, width: int, each: int) -> tuple[Tensor, ...]:
    points, labels = _labelled(rows, width, each)
    points = points.detach().double().requires_grad_()

    def of_part(part: Tensor) -> Tensor:
        far = (points[part].unsqueeze(1) - points).square().sum(-1).clamp(min=1e-300).sqrt()
        same = labels[part].unsqueeze(1) == labels
        positives = same.scatter(1, part.unsqueeze(1), value=False).nonzero()[:, 1].view(len(part), each - 1)
        own = far.gather(1, positives)
        beyond = torch.where((far.unsqueeze(1) > own.unsqueeze(2)) & ~same.unsqueeze(1), far.unsqueeze(1), torch.inf)
        nearest = beyond.amin(2)
        farthest = torch.where(same, -torch.inf, far).amax(1, keepdim=True)
        return F.relu(own - torch.where(nearest.isinf(), farthest, nearest) + MARGIN).sum()

    parts = partial(_in_parts, of_part)
    return _summed(points, None, None, parts, rows * (each - 1))


def _in_parts(of_part: Callable[[Tensor], Tensor], part: Tensor) -> Tensor:
    """Return the sum over some rows, whose differences are let go a few rows at a time."""
    total = torch.zeros((), dtype=torch.float64)
    for few in part.split(16):
        total = total + torch.utils.checkpoint.checkpoint(of_part, few, use_reentrant=False)
    return total


def _metric_learning(part: str) -> Any:  # noqa: ANN401  a module without types
    if importlib.util.find_spec("pytorch_metric_learning") is None:
        message = "pytorch-metric-learning is not installed; pip install pytorch-metric-learning"
        raise AbsentError(message)
    return importlib.import_module(f"pytorch_metric_learning.{part}")


_BOTH_WAYS: Final = "float32, forward and backward"
_SEMIHARD: Final = "TripletMarginMiner(type_of_triplets='semihard'), TripletMarginLoss"

CASES: Final[tuple[Case, ...]] = (
    Case(
        "info_nce.16384",
        f"info_nce, 16,384 queries and keys of 256, {_BOTH_WAYS}",
        "cross-entropy of the whole matrix",
        of(_info_nce, lambda: published.info_nce, 16384, 256),
        0.62,
        peak=1 / 15,
        rounds=5,
    ),
    Case(
        "info_nce.ntxent",
        f"info_nce, 512 queries and keys of 256, {_BOTH_WAYS}",
        "pytorch-metric-learning's NTXentLoss",
        of(_info_nce, _ntxent, 512, 256),
        1 / 20,
        rounds=5,
    ),
    Case(
        "clip.8192",
        f"clip, 8,192 pairs of 512, {_BOTH_WAYS}",
        "open_clip's ClipLoss: two matrices of logits",
        _clip,
        0.7,
        peak=0.1,
        rounds=5,
    ),
    Case(
        "batch_triplet.semihard",
        f"batch_triplet, semi-hard, 4,096 points of 128, 4 of each label, {_BOTH_WAYS}",
        f"pytorch-metric-learning's {_SEMIHARD}",
        of(_batch_triplet, 4096, 4),
        0.1,
        peak=0.1,
        rounds=3,
    ),
)
