"""What the contrastive-forces figure says: who pulls and pushes whom, the formulas, the Python."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.contrastive_forces.forces import (
    LABELS,
    NAMES,
    Profile,
    Scene,
    mate,
    mined,
    pairs,
    triplets,
)
from slopes.explorer.figures.contrastive_forces.forces import views as views_of
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula
from slopes.explorer.figures.wording import capital, latex_number, number

_CLOSE: Final = 1e-6  # apart, in the embeddings' unit: nobody sees it


def reading(loss: str, scene: Scene, profile: Profile, *, stuck: bool) -> str:
    """Return a sentence on who pulls and pushes whom, or why nobody does; `stuck` where forces move nobody."""
    match loss:
        case "contrastive":
            said = _of_pairs(scene)
        case "triplet":
            said = _of_triplets(scene)
        case "batch_triplet":
            said = _of_batch(scene)
        case _:
            said = _of_views(scene, profile)
    rest = "At this step size no force moves a point by a thousandth any more. " if stuck else ""
    return rest + capital(said)


def _of_pairs(scene: Scene) -> str:
    found = pairs(scene)
    alike = max((p for p in found if p.alike), key=lambda p: p.distance)
    unlike = [p for p in found if not p.alike]
    active = [p for p in unlike if p.loss > 0]
    margin = number(scene.margin, 3)
    if alike.distance < _CLOSE and not active:
        return (
            f"All forces are zero: the two of each kind lie on one point, and every other pair is at least the margin "
            f"of {margin} apart. Nowhere else is the contrastive loss zero."
        )
    said = "The two of each kind lie on one point"
    if alike.distance >= _CLOSE:
        said = (
            f"{NAMES[alike.i]} and {NAMES[alike.j]} are {number(alike.distance, 3)} apart and pull each other with "
            f"{number(alike.slope, 3)}, more the farther they are"
        )
    if not active:
        return f"{said}. No two of different kinds are within the margin of {margin}, so nobody pushes."
    nearest = min(active, key=lambda p: p.distance)
    return (
        f"{said}. {capital(NAMES[nearest.i])} and {NAMES[nearest.j]} are {number(nearest.distance, 4)} apart, inside "
        f"the margin of {margin}, and push with {number(-nearest.slope, 3)}. {len(unlike) - len(active)} of "
        f"{len(unlike)} pairs of different kinds are past it and feel nothing."
    )


def _of_triplets(scene: Scene) -> str:
    others, losses = triplets(scene)
    apart = scene.distances[scene.anchor].tolist()
    anchor, own, margin = NAMES[scene.anchor], NAMES[scene.mate], number(scene.margin, 3)
    nearest = min(others, key=lambda j: apart[j])
    active = int((losses > 0).sum())
    if not active:
        return (
            f"All forces are zero: {anchor} is {number(apart[scene.mate], 3)} from {own} and "
            f"{number(apart[nearest], 3)} from its nearest stranger, {NAMES[nearest]}: nearer by the margin of "
            f"{margin} at least. The two need not meet, and what the other four do to each other is not asked."
        )
    return (
        f"{anchor} should be nearer to {own} than to each stranger by {margin}, and {active} of 4 triplets fall short: "
        f"{own} is {number(apart[scene.mate], 3)} away, {NAMES[nearest]} {number(apart[nearest], 3)}. Each of them "
        f"pulls {own} in and pushes its stranger out with a force of 1, near or far."
    )


def _of_batch(scene: Scene) -> str:
    nearest, losses = mined(scene)
    active, margin = int((losses > 0).sum()), number(scene.margin, 3)
    if not active:
        return (
            f"All forces are zero: whoever is the anchor, its mate is nearer than its nearest stranger by the margin "
            f"of {margin} at least. Mates need not meet, as the contrastive loss would have it."
        )
    worst = int(losses.argmax())
    apart = scene.distances[worst].tolist()
    return (
        f"{active} of 6 anchors have a hardest triplet that falls short of the margin of {margin}. The worst is that "
        f"of {NAMES[worst]}: its mate is {number(apart[mate(worst)], 3)} away, {NAMES[nearest[worst]]} only "
        f"{number(apart[nearest[worst]], 3)}. Each pulls one mate and pushes one stranger with a force of 1; all other "
        f"strangers feel nothing."
    )


def _of_views(scene: Scene, profile: Profile) -> str:
    _, losses = views_of(scene)
    share = (-losses[scene.anchor]).exp().item()
    (_, _, _, _), (rival, apart, _, _) = profile.partners
    return (
        f"Among the five others {NAMES[scene.anchor]} picks out {NAMES[scene.mate]} with probability "
        f"{number(share, 3)}; chance is 0.2. Its strongest rival is {NAMES[rival]}, at a cosine of "
        f"{number(1 - apart, 3)}. Only directions count, so every force is at right angles to the line from the "
        f"origin; without a margin the forces fade but never end."
    )


def formulas(loss: str, scene: Scene, profile: Profile) -> tuple[Formula, ...]:
    """Return the loss of the anchor with the present numbers put in."""
    if loss == "contrastive":
        return _pair_formulas(scene, profile)
    if loss == "nt_xent":
        return _view_formulas(scene)
    (_, own, value, _), (_, other, _, _) = profile.partners
    said = rf"{latex_number(own, 4)} - {latex_number(other, 4)} + {latex_number(scene.margin, 4)}"
    latex = rf"\ell = \max(0,\ d(a, p) - d(a, n) + m) = \max(0,\ {said}) = {latex_number(value, 4)}"
    slope = (
        r"-\frac{\partial \ell}{\partial p} = \frac{a - p}{|a - p|},\quad"
        r"-\frac{\partial \ell}{\partial n} = \frac{n - a}{|n - a|}\quad\text{while } \ell > 0"
    )
    return (
        Formula(label="Triplet with the nearest stranger", mathml=mathml(latex)),
        Formula(label="Forces on mate and stranger", mathml=mathml(slope)),
    )


def _pair_formulas(scene: Scene, profile: Profile) -> tuple[Formula, ...]:
    own = next(p for p in profile.partners if p[0] == scene.mate)
    other = min((p for p in profile.partners if p[0] != scene.mate), key=lambda p: p[1])
    d, e, m = latex_number(own[1], 4), latex_number(other[1], 4), latex_number(scene.margin, 4)
    lines = {
        own[0]: (
            rf"\ell = d^2 = {d}^2 = {latex_number(own[2], 4)}",
            rf"\frac{{\partial \ell}}{{\partial d}} = 2d = {latex_number(own[3], 4)}",
        ),
        other[0]: (
            rf"\ell = \max(0, m - d)^2 = \max(0, {m} - {e})^2 = {latex_number(other[2], 4)}",
            rf"\frac{{\partial \ell}}{{\partial d}} = -2\max(0, m - d) = {latex_number(other[3], 4)}",
        ),
    }
    return tuple(
        Formula(label=f"{NAMES[scene.anchor]} and {NAMES[partner]}", mathml=mathml(latex))
        for partner, both in lines.items()
        for latex in both
    )


def _view_formulas(scene: Scene) -> tuple[Formula, ...]:
    cosines, losses = views_of(scene)
    others = [j for j in range(len(NAMES)) if j != scene.anchor]
    t, loss = latex_number(scene.temperature, 3), losses[scene.anchor]

    def power(j: int) -> str:
        return rf"e^{{{latex_number(cosines[scene.anchor, j].item(), 3)} / {t}}}"

    lines = (
        r"\ell = -\ln p,\quad p = \frac{e^{s_p / T}}{\sum_k e^{s_k / T}}",
        rf"p = \frac{{{power(scene.mate)}}}{{{' + '.join(power(j) for j in others)}}}",
        rf"\ell = -\ln {latex_number((-loss).exp().item(), 4)} = {latex_number(loss.item(), 4)}",
    )
    return tuple(Formula(label=f"The line-up of {NAMES[scene.anchor]}", mathml=mathml(latex)) for latex in lines)


def snippet(loss: str, scene: Scene) -> str:
    """Return Python that prints the loss, and the forces point by point."""
    lines = {
        "contrastive": [
            "i, j = torch.combinations(torch.arange(6)).T",
            "similar = labels[i] == labels[j]",
            f'loss = L.contrastive(points[i], points[j], similar, margin={scene.margin}, reduction="sum")',
        ],
        "triplet": [
            f"negatives = points[labels != labels[{scene.anchor}]]",
            f"anchor, positive = points[{scene.anchor}].expand(4, 2), points[{scene.mate}].expand(4, 2)",
            f'loss = L.triplet(anchor, positive, negatives, margin={scene.margin}, reduction="sum")',
        ],
        "batch_triplet": [
            f'loss = L.batch_triplet(points, labels, margin={scene.margin}, mining="hard", reduction="sum")'
        ],
        "nt_xent": [f'loss = L.nt_xent(points[0::2], points[1::2], temperature={scene.temperature}, reduction="sum")'],
    }[loss]
    return _SNIPPET.format(
        points=scene.points.tolist(), labels=LABELS.tolist(), loss="\n".join(f"    {line}" for line in lines)
    )


_SNIPPET: Final = """\
import torch
import slopes
from slopes import losses as L

points = torch.tensor({points}, dtype=torch.float64, requires_grad=True)
labels = torch.tensor({labels})
with slopes.exact():
{loss}
print(loss.item())
(gradient,) = torch.autograd.grad(loss, points)
print(*(-gradient).flatten().tolist())
"""


def corrections(loss: str) -> tuple[Correction, ...]:
    """Return what is told otherwise about this loss."""
    return {"contrastive": (_LABEL,), "batch_triplet": (_HARDEST,)}.get(loss, ())


_LABEL: Final = Correction(
    stated="The label y = 1 marks a similar pair, and the loss is y d² + (1 − y) max(0, m − d)².",
    holds="In the paper (Hadsell et al. 2006) a similar pair has Y = 0, and both terms a factor ½. Both forms are in "
    "use, so here the argument is a truth value called similar.",
)
_HARDEST: Final = Correction(
    stated="Always mine the hardest negatives.",
    holds="FaceNet found that they can end early in bad local minima, with all embeddings on one point, and took "
    "semi-hard ones: farther than the positive, yet inside the margin. Both are options of batch_triplet.",
)
