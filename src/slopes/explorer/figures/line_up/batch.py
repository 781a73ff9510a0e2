"""Five images and five captions as fixed unit vectors, and what InfoNCE and CLIP make of their similarities."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.figures.line_up.charts import COLDEST, HOTTEST, NAMES

# By animal, grown, young, vehicle, food, outdoors, people; brought to length 1.
IMAGES: Final = (
    (3.0, 3.0, 0.0, 0.0, 0.0, 1.0, 1.0),
    (3.0, 1.0, 3.0, 0.0, 0.0, 0.0, 1.0),
    (0.0, 0.0, 0.0, 4.0, 0.0, 2.0, 1.0),
    (0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 1.0),
    (0.0, 0.0, 0.0, 1.0, 0.0, 4.0, 2.0),
)
CAPTIONS: Final = (
    (3.0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0),
    (3.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0),
    (0.0, 0.0, 0.0, 4.0, 0.0, 1.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 3.0, 1.0, 0.0),
    (0.0, 0.0, 0.0, 0.0, 0.0, 3.0, 2.0),
)
DIRECTIONS: Final = {"rows": "image to caption", "columns": "caption to image", "both": "both, as CLIP"}
_TWIN: Final = 1  # the puppy, which may come to be the dog's twin
_TEMPERATURES: Final = 61


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a batch gives in a direction: cosines, shares, losses by direction, and the gradient by the cosines.

    `each` are the losses of each pair, by direction; `losses` their means.
    """

    cosines: Tensor
    shares: Tensor
    each: dict[str, list[float]]
    losses: dict[str, float]
    gradient: Tensor


@lru_cache(maxsize=64)
def cosines(twin: float) -> Tensor:
    """Return the cosine of each image (rows) and caption (columns), the puppy's own moved towards the dog's."""
    sides = []
    for rows in (IMAGES, CAPTIONS):
        vectors = torch.tensor(rows, dtype=torch.float64)
        vectors = vectors / vectors.norm(dim=1, keepdim=True)
        moved = (1 - twin) * vectors[_TWIN] + twin * vectors[0]
        vectors[_TWIN] = moved / moved.norm()
        sides.append(vectors)
    images, captions = sides
    return torch.mm(images, captions.T)


def _each(similarities: Tensor, direction: str, temperature: float) -> Tensor:
    """Return the loss of each pair; a product with the identity is the similarities themselves."""
    same = torch.eye(len(NAMES), dtype=torch.float64)
    if direction == "both":
        return L.clip(similarities, same, 1 / temperature, normalize=False, reduction="none")
    rows = similarities if direction == "rows" else similarities.T
    return L.info_nce(rows, same, temperature=temperature, normalize=False, reduction="none")


def found(twin: float, direction: str, temperature: float) -> Found:
    """Return what the losses make of the batch."""
    similarities = cosines(twin).clone().requires_grad_()
    with slopes.exact():
        each = {name: _each(similarities, name, temperature) for name in DIRECTIONS}
        (gradient,) = torch.autograd.grad(each[direction].sum(), similarities)
        rows, columns = (A.softmax(cosines(twin), dim=dim, temperature=temperature) for dim in (1, 0))
    shares = {"rows": rows, "columns": columns, "both": (rows + columns) / 2}[direction]
    return Found(
        cosines=cosines(twin),
        shares=shares,
        each={name: one.tolist() for name, one in each.items()},
        losses={name: one.mean().item() for name, one in each.items()},
        gradient=gradient,
    )


@lru_cache(maxsize=32)
def over_temperature(twin: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return temperatures, and at each the loss of every row and of every column."""
    temperatures = torch.logspace(math.log10(COLDEST), math.log10(HOTTEST), _TEMPERATURES, dtype=torch.float64)
    logits = cosines(twin) / temperatures[:, None, None]
    own = torch.arange(len(NAMES)).expand(_TEMPERATURES, -1)
    with slopes.exact():
        rows, columns = (L.cross_entropy(one, own, reduction="none") for one in (logits, logits.transpose(1, 2)))
    return temperatures, rows, columns
