"""What the charts of the contrastive-forces figure draw, as columns."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from slopes.explorer.figures.contrastive_forces.forces import HUES, LABELS, NAMES, Links, Profile, Scene, mate
from slopes.explorer.figures.result import Columns
from slopes.explorer.figures.wording import number
from slopes.shown import layout, palette

ALIKE: Final = palette.SLICES["similar"]
UNLIKE: Final = palette.SLICES["not similar"]
_RIM: Final = 0.3  # where arrows begin, so that the handles do not cover them
_SIDE: Final = 3.4  # beyond it a name stands on the inner side
_LONGEST: Final = 1.3  # of an arrow, in the plane's unit
_TOPS: Final = (4.0, 9.0, 16.0, 36.0, 81.0)  # of the profile's axis; few, so that it seldom moves


def ends(loss: str, profile: Profile) -> tuple[float, float]:
    """Return the ends of the profile's axis."""
    if loss != "contrastive":
        values = torch.cat([*profile.alike, *profile.unlike]).tolist()
        return layout.axis(values)
    highest = max([profile.unlike[0][0].item(), *(value for _, _, value, _ in profile.partners)])
    top = next(top for top in (*_TOPS, math.inf) if top >= highest * (1 - 1e-9))
    return 1.1 * profile.unlike[1].min().item() - 0.1 * min(top, highest), 1.06 * min(top, 1.2 * highest + 1.0)


def plane(loss: str, scene: Scene, force: Tensor, links: Links) -> dict[str, Columns]:
    """Return what the plane shows: the points, their names, the forces, who acts on whom, and the anchor's circle."""
    x, y = scene.points.T.tolist()
    left = [at > _SIDE or (at > -_SIDE and (x[mate(i)], i % 2) >= (at, 1)) for i, at in enumerate(x)]
    shadows = torch.nn.functional.normalize(scene.points, dim=-1).T.tolist() if loss == "nt_xent" else ([], [])
    return {
        "points": {"x": x, "y": y, "hue": list(HUES)},
        "shadows": {"x": shadows[0], "y": shadows[1], "hue": list(HUES)[: len(shadows[0])]},
        "lefts": _names(x, y, left),
        "rights": _names(x, y, [not side for side in left]),
        "arrows": _arrows(scene, force),
        "pulls": _linked(scene, links[0], ALIKE),
        "pushes": _linked(scene, links[1], UNLIKE),
        **_ring(loss, scene, _scale(force)),
    }


def _names(x: list[float], y: list[float], here: list[bool]) -> Columns:
    chosen = [i for i, wanted in enumerate(here) if wanted]
    return {"x": [x[i] for i in chosen], "y": [y[i] for i in chosen], "label": [NAMES[i] for i in chosen]}


def _arrows(scene: Scene, force: Tensor) -> Columns:
    size = force.norm(dim=-1, keepdim=True)
    seen = (size * _scale(force) > 0.02).flatten()  # noqa: PLR2004  a pixel
    way = force / size.clamp(min=1e-300)
    start = (scene.points + _RIM * way)[seen]
    end = start + (_scale(force) * force)[seen]
    turn = 90 - torch.rad2deg(torch.atan2(force[seen, 1], force[seen, 0]))
    hues = [hue for hue, shown in zip(HUES, seen.tolist(), strict=True) if shown]
    columns: Columns = {name: column.tolist() for name, column in zip(("x", "y"), start.T, strict=True)}
    ends = {name: column.tolist() for name, column in zip(("x2", "y2"), end.T, strict=True)}
    return {**columns, **ends, "turn": turn.tolist(), "hue": hues}


def _linked(scene: Scene, links: list[tuple[int, int]], hue: int) -> Columns:
    first, second = scene.points[[i for i, _ in links]].tolist(), scene.points[[j for _, j in links]].tolist()
    return {
        "x": [p[0] for p in first],
        "y": [p[1] for p in first],
        "x2": [p[0] for p in second],
        "y2": [p[1] for p in second],
        "hue": [hue] * len(links),
    }


def _ring(loss: str, scene: Scene, scale: float) -> dict[str, Columns]:
    """The margin around the anchor, or the circle that NT-Xent puts the embeddings on; and what an arrow says."""
    angle = torch.linspace(0, 2 * math.pi, 73, dtype=torch.float64)
    middle, radius, words = scene.points[scene.anchor].tolist(), scene.margin, f"margin {number(scene.margin, 3)}"
    if loss == "nt_xent":
        middle, radius, words = [0.0, 0.0], 1.0, "length 1"
    elif loss != "contrastive":
        radius = radius + scene.distances[scene.anchor, scene.mate].item()
        words = f"mate’s distance + margin {number(scene.margin, 3)}"
    x, y = middle[0] + radius * angle.cos(), middle[1] + radius * angle.sin()
    below = middle[1] - radius
    at = below - 0.16 if below > -2.7 else min(middle[1] + radius + 0.16, 2.85)  # noqa: PLR2004  inside the plane
    inner = 4.5 - 0.1 * len(words)  # so far from the middle the words end within the plane, on a phone too
    note: Columns = {"x": [min(max(middle[0], -inner), inner)], "y": [at], "label": [words]}
    return {
        "ring": {"x": x.tolist(), "y": y.tolist(), "i": list(range(len(angle)))},
        "note": note,
        "scale": {"x": [4.5], "y": [-2.84], "label": [f"arrow of length 1: force of {number(1 / scale, 3)}"]},
    }


def _scale(force: Tensor) -> float:
    """How long a force of 1 is drawn: a quarter, or less where an arrow would leave the plane."""
    longest = force.norm(dim=-1).max().item()
    return min(0.25, _LONGEST / longest) if longest > 0 else 0.25


def curves(scene: Scene, profile: Profile, low: float, high: float) -> dict[str, Columns]:
    """Return the lines of the second plate, the anchor's partners on them, and what stands at their ends."""
    points = len(profile.at)
    last = [column[-1].item() for pair in (profile.alike, profile.unlike) for column in pair]
    named = [(i, d, value) for i, d, value, _ in profile.partners if 0 < value <= high]
    return {
        "curves": {
            "series": ["alike"] * points + ["unlike"] * points,
            "hue": [ALIKE] * points + [UNLIKE] * points,
            "d": profile.at.repeat(2).numpy(),
            "value": torch.cat([profile.alike[0], profile.unlike[0]]).numpy(),
            "slope": torch.cat([profile.alike[1], profile.unlike[1]]).numpy(),
        },
        "pairs": {
            "d": [d for _, d, _, _ in profile.partners],
            "value": [value for _, _, value, _ in profile.partners],
            "hue": [ALIKE if LABELS[i] == LABELS[scene.anchor] else UNLIKE for i, _, _, _ in profile.partners],
        },
        "partners": {
            "d": [d for _, d, _ in named],
            "value": layout.spread([value for _, _, value in named], 0.05 * high, high),
            "label": [NAMES[i] for i, _, _ in named],
        },
        "ends": {
            "label": ["of one kind", "its slope", "of two kinds", "its slope"],
            "hue": [ALIKE, ALIKE, UNLIKE, UNLIKE],
            "height": layout.spread(last, low, high),
        },
    }
