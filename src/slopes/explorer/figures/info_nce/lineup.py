"""The line-up: one query, its positive, one hard negative, and the others; losses and gradients by the library."""

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

MOST: Final = 255
KNOWN: Final = (0.1, -0.5)  # the first others, those of the worked line-up
SEED: Final = 2
SPREAD: Final = 0.2  # of the cosines of random directions in 25 dimensions
FARTHEST: Final = 0.95
COLDEST: Final = 0.01
HOTTEST: Final = 2.0
_TEMPERATURES: Final = 81
_COUNTS: Final = sorted({round(1.0 * MOST ** (i / 44)) for i in range(45)})


@dataclass(frozen=True, kw_only=True)
class LineUp:
    """A line-up: similarities to the query, the positive's first, and the temperature."""

    positive: float
    hard: float
    negatives: int
    temperature: float

    def similarities(self) -> Tensor:
        """Return the similarities, `[1 + negatives]`."""
        first = torch.tensor([self.positive, self.hard], dtype=torch.float64)
        return torch.cat([first, others()])[: 1 + self.negatives]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the loss makes of a line-up."""

    loss: float
    chance: float
    similarities: Tensor
    probabilities: Tensor
    gradient: Tensor


@lru_cache(maxsize=1)
def others() -> Tensor:
    """Return the similarities of all but the hard negative: drawn once, and always the same."""
    generator = torch.Generator().manual_seed(SEED)
    drawn = SPREAD * torch.randn(MOST - 1 - len(KNOWN), generator=generator, dtype=torch.float64)
    return torch.cat([torch.tensor(KNOWN, dtype=torch.float64), drawn.clamp(-FARTHEST, FARTHEST)])


def measured(line_up: LineUp) -> Found:
    """Return loss, probabilities and the gradient by each similarity."""
    similarities = line_up.similarities().requires_grad_()
    query = torch.ones(1, 1, dtype=torch.float64)  # a product with 1 is the similarity itself
    with slopes.exact():
        loss = L.info_nce(query, similarities[:, None], temperature=line_up.temperature, normalize=False)
        (gradient,) = torch.autograd.grad(loss, similarities)
        probabilities = A.softmax(similarities.detach(), dim=-1, temperature=line_up.temperature)
    return Found(
        loss=loss.item(),
        chance=math.log(1 + line_up.negatives),
        similarities=similarities.detach(),
        probabilities=probabilities,
        gradient=gradient,
    )


def over_temperature(line_up: LineUp) -> tuple[Tensor, Tensor]:
    """Return temperatures and the loss at each."""
    temperatures = torch.logspace(math.log10(COLDEST), math.log10(HOTTEST), _TEMPERATURES, dtype=torch.float64)
    logits = line_up.similarities() / temperatures[:, None]
    return temperatures, _cross_entropy(logits)


def over_negatives(line_up: LineUp) -> tuple[Tensor, Tensor]:
    """Return numbers of negatives, and the loss with the first so many of them."""
    everybody = LineUp(
        positive=line_up.positive, hard=line_up.hard, negatives=MOST, temperature=line_up.temperature
    ).similarities()
    counts = torch.tensor(_COUNTS)
    absent = torch.arange(1 + MOST) > counts[:, None]
    logits = (everybody / line_up.temperature).expand(absent.shape).masked_fill(absent, -math.inf)
    return counts.to(torch.float64), _cross_entropy(logits)


def _cross_entropy(logits: Tensor) -> Tensor:
    with slopes.exact():
        return L.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long), reduction="none")
