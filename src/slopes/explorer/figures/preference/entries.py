"""The losses that are drawn: each as a function of one margin, with everything else held fixed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.yours.guarded import GuardedLoss
from slopes.shown import palette
from slopes.shown.curve import by_autograd

M = TypeVar("M", float, Tensor)

YOURS: Final = "yours"
PER_TOKEN: Final = -1.0  # nats, of both answers under the reference; ORPO needs a level, not a difference alone


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is held fixed while the margin moves.

    Attributes:
        beta: Price of leaving the reference.
        share: The chosen answer's log-ratio as a share of the margin; the rejected one's is what is left of it.
        kl: KTO's estimate of the divergence.
        smoothing: DPO's share of labels taken to be wrong.
        tokens: Length of both answers, for ORPO.
    """

    beta: float
    share: float
    kl: float
    smoothing: float
    tokens: float

    @property
    def goal(self) -> float:
        """The margin that IPO asks for."""
        return 0.5 / self.beta

    @property
    def end(self) -> float:
        """The margin from which on the hinge is content."""
        return 1 / self.beta

    def rests(self, name: str) -> float:
        """Return the margin at which a loss comes to rest; infinity where it never does."""
        if name == "dpo" and self.smoothing:
            return (math.log1p(-self.smoothing) - math.log(self.smoothing)) / self.beta
        return {"ipo": self.goal, "hinge": self.end}.get(name, math.inf)

    def sides(self, margin: M) -> tuple[M, M]:
        """Return the log-ratios of the chosen and the rejected answer."""
        return self.share * margin, (self.share - 1) * margin


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A loss: its name in URLs, its label, its colour, and its value at a vector of margins."""

    name: str
    label: str
    hue: int
    loss: Callable[[Tensor, Setting], Tensor]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A loss over the margins, and what it is at `at` and at the zero margin: value and slope."""

    entry: Entry
    at: float
    setting: Setting
    margins: Tensor
    value: Tensor
    slope: Tensor
    under: tuple[float, float]
    start: tuple[float, float]

    @property
    def turn(self) -> float:
        """Where the drawn slope first rises above 0, between two points; infinity where it does not."""
        up = ((self.slope[:-1] < 0) & (self.slope[1:] > 0)).nonzero()
        if not len(up):
            return math.inf
        i = int(up[0])
        (x, y), (before, after) = self.margins[i : i + 2].tolist(), self.slope[i : i + 2].tolist()
        return float(x - before * (y - x) / (after - before))

    @property
    def pull(self) -> float:
        """The slope under the cursor as a share of that at the zero margin."""
        return self.under[1] / self.start[1] if self.start[1] else float("nan")


def drawn(entry: Entry, setting: Setting, margins: Tensor, at: float, own: GuardedLoss | None) -> Line:
    """Return a loss over the margins.

    Raises:
        UserFunctionError: It is the visitor's own, and failed.
    """
    points = torch.cat([margins, torch.tensor([at, 0.0], dtype=torch.float64)])
    if entry.name == YOURS and own is not None:
        value, slope = own.at(setting.beta * points, torch.ones_like(points))
        slope = setting.beta * slope
    else:
        with slopes.exact():
            value, slope = by_autograd(lambda margin: entry.loss(margin, setting), points)
    (under, start), (rise, first) = value[-2:].tolist(), slope[-2:].tolist()
    kink = entry.name == "hinge"
    return Line(
        entry=entry,
        at=at,
        setting=setting,
        margins=margins,
        value=value[:-2],
        slope=slope[:-2].masked_fill(margins == setting.end, torch.nan) if kink else slope[:-2],
        under=(under, rise),
        start=(start, first),
    )


def _dpo(margin: Tensor, s: Setting) -> Tensor:
    chosen, rejected = s.sides(margin)
    same = torch.zeros_like(margin)
    return L.dpo(chosen, rejected, same, same, beta=s.beta, label_smoothing=s.smoothing, reduction="none")


def _ipo(margin: Tensor, s: Setting) -> Tensor:
    chosen, rejected = s.sides(margin)
    same = torch.zeros_like(margin)
    return L.ipo(chosen, rejected, same, same, beta=s.beta, reduction="none")


def _hinge(margin: Tensor, s: Setting) -> Tensor:
    return L.hinge(s.beta * margin, torch.ones_like(margin), reduction="none")


def _kto(margin: Tensor, s: Setting) -> Tensor:
    both = torch.stack(s.sides(margin))
    good = torch.tensor([True, False])[:, None].expand(both.shape).contiguous()
    return L.kto(both, torch.zeros_like(both), good, s.kl, beta=s.beta, reduction="none").mean(0)


def _orpo(margin: Tensor, s: Setting) -> Tensor:
    chosen, rejected = (side / s.tokens + PER_TOKEN for side in s.sides(margin))
    possible = (chosen <= 0) & (rejected <= 0)  # no probability is above 1
    loss = L.orpo(chosen.clamp(max=0), rejected.clamp(max=0), torch.zeros_like(margin), lam=1.0, reduction="none")
    return loss * torch.ones_like(margin).masked_fill(~possible, torch.nan)


def _bradley_terry(margin: Tensor, s: Setting) -> Tensor:
    chosen, rejected = s.sides(margin)
    return L.bradley_terry(s.beta * chosen, s.beta * rejected, reduction="none")


ENTRIES: Final = tuple(
    Entry(name=name, label=label, hue=palette.hue(name), loss=loss)
    for name, label, loss in (
        ("dpo", "DPO", _dpo),
        ("ipo", "IPO", _ipo),
        ("hinge", "hinge", _hinge),
        ("kto", "KTO", _kto),
        ("orpo", "ORPO", _orpo),
        ("bradley_terry", "Bradley-Terry", _bradley_terry),
    )
)


def own_entry(own: GuardedLoss) -> Entry:
    """Return the visitor's own loss, of the score β Δ and the target +1."""
    return Entry(name=YOURS, label=own.name, hue=palette.YOURS, loss=lambda margin, _: margin)
