"""Four losses over six embeddings: the forces, who is linked to whom, and the anchor's loss over a distance.

Dimension names: N = 6 embeddings in the plane, two of each of three kinds, in the order of `NAMES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.reduce import Reduction
from slopes.shown import palette

NAMES: Final = ("cat 1", "cat 2", "dog 1", "dog 2", "fox 1", "fox 2")
HUES: Final = (palette.BLUE, palette.BLUE, palette.ORANGE, palette.ORANGE, palette.GREEN, palette.GREEN)
LABELS: Final = torch.tensor([0, 0, 1, 1, 2, 2])
FARTHEST: Final = 6.0  # the right end of the distances that are drawn
_POINTS: Final = 121
_PAIRS: Final = torch.combinations(torch.arange(len(NAMES)))
_NOTHING: Final = 1e-12

Links = tuple[list[tuple[int, int]], list[tuple[int, int]]]  # pulls of one kind, pushes between kinds


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Where the embeddings lie, who is looked at, and the losses' options."""

    points: Tensor
    anchor: int
    margin: float
    temperature: float

    @property
    def mate(self) -> int:
        """The other of the anchor's kind."""
        return mate(self.anchor)

    @property
    def distances(self) -> Tensor:
        """How far each is from each, `[N, N]`."""
        return torch.cdist(self.points, self.points)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The anchor's loss over a distance, for a pair of one kind and for a pair of two, and where its partners are.

    `partners` are an index, the distance, the loss and the slope of each partner that is in play.
    """

    at: Tensor
    alike: tuple[Tensor, Tensor]
    unlike: tuple[Tensor, Tensor]
    partners: tuple[tuple[int, float, float, float], ...]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A loss of the plane.

    Attributes:
        total: The loss whose gradient is the forces, a sum over pairs, triplets or views.
        links: Who acts on whom.
        profile: The anchor's loss over a distance.
    """

    total: Callable[[Scene, Tensor], Tensor]
    links: Callable[[Scene], Links]
    profile: Callable[[Scene], Profile]


def mate(i: int) -> int:
    """Return the other of one's kind."""
    return i + 1 - 2 * (i % 2)


def strangers(i: int) -> list[int]:
    """Return those of the other kinds."""
    return [j for j in range(len(NAMES)) if LABELS[j] != LABELS[i]]


def forces(rule: Rule, scene: Scene) -> tuple[float, Tensor]:
    """Return the loss and minus its gradient, `[N, 2]`."""
    points = scene.points.clone().requires_grad_()
    loss = rule.total(scene, points)
    (gradient,) = torch.autograd.grad(loss, points)
    return loss.item(), -gradient


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two embeddings, whether they are of one kind, and their contrastive loss with its slope by the distance."""

    i: int
    j: int
    alike: bool
    distance: float
    loss: float
    slope: float


def pairs(scene: Scene) -> list[Pair]:
    """Return all fifteen pairs."""
    i, j = _PAIRS.T
    alike, apart = LABELS[i] == LABELS[j], scene.distances[i, j]
    values, slopes = _over(apart, alike, scene.margin)
    columns = (column.tolist() for column in (i, j, alike, apart, values, slopes))
    return [
        Pair(i=first, j=second, alike=same, distance=d, loss=value, slope=slope)
        for first, second, same, d, value, slope in zip(*columns, strict=True)
    ]


def _contrastive(scene: Scene, points: Tensor) -> Tensor:
    i, j = _PAIRS.T
    return L.contrastive(points[i], points[j], LABELS[i] == LABELS[j], margin=scene.margin, reduction="sum")


def _contrastive_links(scene: Scene) -> Links:
    active = [pair for pair in pairs(scene) if pair.loss > _NOTHING]
    return [(p.i, p.j) for p in active if p.alike], [(p.i, p.j) for p in active if not p.alike]


def _contrastive_profile(scene: Scene) -> Profile:
    at = torch.linspace(_NOTHING, FARTHEST, _POINTS, dtype=torch.float64)  # at 0 a push has no direction
    alike = torch.tensor([True] * _POINTS + [False] * _POINTS)
    value, slope = _over(torch.cat([at, at]), alike, scene.margin)
    partners = [(pair, pair.i + pair.j - scene.anchor) for pair in pairs(scene) if scene.anchor in (pair.i, pair.j)]
    return Profile(
        at=at,
        alike=(value[:_POINTS], slope[:_POINTS]),
        unlike=(value[_POINTS:], slope[_POINTS:]),
        partners=tuple((other, pair.distance, pair.loss, pair.slope) for pair, other in partners),
    )


def _over(distances: Tensor, alike: Tensor, margin: float) -> tuple[Tensor, Tensor]:
    """The contrastive loss of pairs at these distances, as embeddings on a line."""

    def loss(d: Tensor) -> Tensor:
        return L.contrastive(torch.zeros_like(d)[:, None], d[:, None], alike, margin=margin, reduction="none")

    return _curve(loss, distances)


def triplets(scene: Scene) -> tuple[list[int], Tensor]:
    """Return the four negatives of the anchor and the loss of each triplet with its mate."""
    others = strangers(scene.anchor)
    return others, _of_triplets(scene, scene.points, "none")


def _of_triplets(scene: Scene, points: Tensor, reduction: Reduction) -> Tensor:
    negatives = points[strangers(scene.anchor)]
    anchor = points[scene.anchor].expand_as(negatives)
    positive = points[scene.mate].expand_as(negatives)
    return L.triplet(anchor, positive, negatives, margin=scene.margin, reduction=reduction)


def _triplet_links(scene: Scene) -> Links:
    others, losses = triplets(scene)
    active = [j for j, loss in zip(others, losses.tolist(), strict=True) if loss > 0]
    return [(scene.anchor, scene.mate)] * bool(active), [(scene.anchor, j) for j in active]


def mined(scene: Scene) -> tuple[list[int], Tensor]:
    """Return the nearest stranger of each, and the loss of its triplet."""
    apart = scene.distances.masked_fill(LABELS[:, None] == LABELS, torch.inf)
    losses = L.batch_triplet(scene.points, LABELS, margin=scene.margin, mining="hard", reduction="none")
    return apart.argmin(-1).tolist(), losses


def _mined_links(scene: Scene) -> Links:
    nearest, losses = mined(scene)
    active = [i for i, loss in enumerate(losses.tolist()) if loss > 0]
    return _once([(i, mate(i)) for i in active]), _once([(i, nearest[i]) for i in active])


def _triplet_profile(scene: Scene) -> Profile:
    """The triplet of the anchor, its mate and the nearest stranger: each distance varied, the other kept."""
    apart = scene.distances[scene.anchor]
    nearest = min(strangers(scene.anchor), key=lambda j: apart[j].item())
    own, other = apart[scene.mate], apart[nearest]
    kinks = torch.stack([other - scene.margin, own + scene.margin]).clamp(_NOTHING, FARTHEST)
    at = torch.linspace(_NOTHING, FARTHEST, _POINTS, dtype=torch.float64)
    at = torch.cat([at, kinks, kinks + _NOTHING]).sort().values  # the slopes jump there

    def loss(positive: Tensor, negative: Tensor) -> Tensor:
        zeros = torch.zeros_like(positive)
        sides = (zeros[:, None], positive[:, None], negative[:, None])
        return L.triplet(*sides, margin=scene.margin, reduction="none")

    alike, unlike = torch.cat([at, own[None]]), torch.cat([at, other[None]])
    pull = _curve(lambda d: loss(d, other.expand_as(d)), alike)
    push = _curve(lambda d: loss(own.expand_as(d), d), unlike)
    last = [(v[-1].item(), s[-1].item()) for v, s in (pull, push)]
    return Profile(
        at=at,
        alike=(pull[0][:-1], pull[1][:-1]),
        unlike=(push[0][:-1], push[1][:-1]),
        partners=((scene.mate, own.item(), *last[0]), (nearest, other.item(), *last[1])),
    )


def views(scene: Scene) -> tuple[Tensor, Tensor]:
    """Return the cosines `[N, N]`, and NT-Xent's loss of each."""
    unit = torch.nn.functional.normalize(scene.points, dim=-1)
    first, second = scene.points[0::2], scene.points[1::2]
    losses = L.nt_xent(first, second, temperature=scene.temperature, reduction="none")
    return unit @ unit.T, losses.view(2, -1).T.reshape(-1)


def _nt_xent(scene: Scene, points: Tensor) -> Tensor:
    return L.nt_xent(points[0::2], points[1::2], temperature=scene.temperature, reduction="sum")


def _view_links(scene: Scene) -> Links:
    cosines, _ = views(scene)
    rivals = cosines.masked_fill(LABELS[:, None] == LABELS, -torch.inf).argmax(-1).tolist()
    return [(0, 1), (2, 3), (4, 5)], _once(list(enumerate(rivals)))


def _view_profile(scene: Scene) -> Profile:
    """The anchor's line-up, one cosine varied: as queries the cosines themselves, as keys the unit vectors."""
    others = [j for j in range(len(NAMES)) if j != scene.anchor]
    cosines, _ = views(scene)
    here = cosines[scene.anchor, others]
    own = others.index(scene.mate)
    rival = max((k for k in range(len(others)) if k != own), key=lambda k: here[k].item())
    at = torch.linspace(0.0, 2.0, _POINTS, dtype=torch.float64)
    keys = torch.eye(len(others), dtype=torch.float64)
    places = torch.tensor([own] * (_POINTS + 1) + [rival] * (_POINTS + 1))
    varied = torch.nn.functional.one_hot(places, len(others)).bool()

    def loss(d: Tensor) -> Tensor:
        queries = torch.where(varied, 1 - d[:, None], here)
        own_place = torch.full_like(places, own)
        return L.info_nce(queries, keys, own_place, temperature=scene.temperature, normalize=False, reduction="none")

    apart = 1 - here
    value, slope = _curve(loss, torch.cat([at, apart[[own]], at, apart[[rival]]]))
    value, slope = value.view(2, -1), slope.view(2, -1)
    return Profile(
        at=at,
        alike=(value[0, :-1], slope[0, :-1]),
        unlike=(value[1, :-1], slope[1, :-1]),
        partners=tuple(
            (others[k], apart[k].item(), value[row, -1].item(), slope[row, -1].item())
            for row, k in enumerate((own, rival))
        ),
    )


def _curve(loss: Callable[[Tensor], Tensor], at: Tensor) -> tuple[Tensor, Tensor]:
    points = at.clone().requires_grad_()
    values = loss(points)
    (slopes,) = torch.autograd.grad(values.sum(), points)
    return values.detach(), slopes


def _once(links: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return sorted({(min(i, j), max(i, j)) for i, j in links})


RULES: Final = {
    "contrastive": Rule(total=_contrastive, links=_contrastive_links, profile=_contrastive_profile),
    "triplet": Rule(
        total=lambda scene, points: _of_triplets(scene, points, "sum"),
        links=_triplet_links,
        profile=_triplet_profile,
    ),
    "batch_triplet": Rule(
        total=lambda scene, points: L.batch_triplet(
            points, LABELS, margin=scene.margin, mining="hard", reduction="sum"
        ),
        links=_mined_links,
        profile=_triplet_profile,
    ),
    "nt_xent": Rule(total=_nt_xent, links=_view_links, profile=_view_profile),
}
