"""The smoothed loss over the lead of the best logit, by the library: both conventions, and hard labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.shown.curve import value_and_slope

BEHIND: Final = -2.0  # the leads that are drawn, from here
AHEAD: Final = 14.0
BASE: Final = -1.0  # the logit of the classes behind; a lead of 1 over logits of 0 would look like probabilities
_POINTS: Final = 81
Over = Literal["all", "others"]


@dataclass(frozen=True, kw_only=True)
class Smoothed:
    """A loss: how much is spread, over which classes, of how many."""

    smoothing: float
    over: Over
    classes: int

    @property
    def target(self) -> Tensor:
        """What the best class and each other one should have, `[2]`."""
        return _target(self)

    @property
    def rest(self) -> float:
        """The lead at which it comes to rest; without end for hard labels."""
        best, other = self.target.tolist()
        return math.log(best / other) if other else math.inf

    @property
    def floor(self) -> float:
        """The least that it can be: the entropy of the target."""
        return _floor(self) if self.smoothing else 0.0

    def here(self, lead: float) -> tuple[float, float]:
        """Return loss and slope at one lead."""
        return _here(self, lead)


@lru_cache(maxsize=256)
def _target(loss: Smoothed) -> Tensor:
    right = torch.tensor([0])
    smoothing, over = loss.smoothing, loss.over
    rows = L.smooth_labels(right, loss.classes, label_smoothing=smoothing, smooth_over=over, dtype=torch.float64)
    return rows[0, :2]


@lru_cache(maxsize=256)
def _floor(loss: Smoothed) -> float:
    row = torch.cat([loss.target[:1], loss.target[1:].expand(loss.classes - 1)])
    with slopes.exact():
        return L.entropy(row.log()).item()


@lru_cache(maxsize=256)
def _here(loss: Smoothed, lead: float) -> tuple[float, float]:
    behind = torch.full((loss.classes - 1,), BASE, dtype=torch.float64)

    def of(g: Tensor) -> Tensor:
        logits = torch.cat([BASE + g, behind])
        right = torch.tensor(0)
        return L.cross_entropy(logits, right, label_smoothing=loss.smoothing, smooth_over=loss.over)[None]

    value, slope = value_and_slope(of, torch.tensor([lead], dtype=torch.float64))
    return value.item(), slope.item()


@lru_cache(maxsize=256)
def over_leads(loss: Smoothed) -> tuple[Tensor, Tensor, Tensor]:
    """Return leads, the loss at each, and its slopes.

    The classes behind are equal, so that they stand for one whose logit is log(K - 1) higher: what the target gives
    them together then costs log(K - 1) nats less for each unit, which is added again.
    """
    lead = torch.linspace(BEHIND, AHEAD, _POINTS, dtype=torch.float64)
    best, together = loss.target[0], 1 - loss.target[0]
    targets = torch.stack([best, together]).expand(len(lead), 2)
    more = math.log(loss.classes - 1)

    def of(g: Tensor) -> Tensor:
        logits = torch.stack([BASE + g, torch.full_like(g, BASE + more)], dim=1)
        return L.cross_entropy(logits, targets, reduction="none") + together * more

    return (lead, *value_and_slope(of, lead))


def confidence(lead: float, classes: int) -> float:
    """Return what a softmax gives to the class that leads all others by so much."""
    logits = torch.zeros(classes, dtype=torch.float64)
    logits[0] = lead
    with slopes.exact():
        return A.softmax(logits, dim=-1)[0].item()
