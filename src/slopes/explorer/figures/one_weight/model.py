"""Predictions w·x over six points, their loss and its slope by w, and steps downhill."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from slopes.explorer.figures.residual_losses import Kind, kinds

PLACES: Final = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
HEIGHTS: Final = (0.6, 0.9, 1.7, 1.9, 2.6, 9.0)  # about x each, but for the last
COUNT: Final = len(PLACES)
LOW, HIGH = -1.0, 4.6  # the weights that are shown
DIGITS: Final = 6  # decimals of a weight after a step
SWEEP: Final = 181
AHEAD: Final = 9  # steps that are drawn beyond the next one

_X: Final = torch.tensor(PLACES, dtype=torch.float64)
_Y: Final = torch.tensor(HEIGHTS, dtype=torch.float64)
_NARROWED: Final = 9  # times that the place of rest is closed in on, each time a hundredfold
KINDS: Final[dict[str, Kind]] = kinds(None, "", without=("smooth_l1", "quantile"))


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step downhill.

    Attributes:
        kind: The loss.
        option: Its number, delta.
        rate: The learning rate.
        w: The weight before.
        loss: The mean loss there.
        slope: Its slope by w.
        to: The weight after.
        then: The loss there.
        slope_then: Its slope there.
        rest: The weight of least loss.
        least: The loss there.
    """

    kind: Kind
    option: float
    rate: float
    w: float
    loss: float
    slope: float
    to: float
    then: float
    slope_then: float
    rest: float
    least: float

    @property
    def still(self) -> bool:
        """Whether the step goes nowhere that six decimals show."""
        return round(self.to, DIGITS) == round(self.w, DIGITS)


def along(kind: Kind, option: float, w: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss at each weight, and its slope by the weight."""
    predictions = (w[:, None] * _X).reshape(-1)
    values, slopes = kind.at(predictions, _Y.repeat(len(w)), option)
    return values.view(-1, COUNT).mean(1), (slopes.view(-1, COUNT) * _X).mean(1)  # d(w·x)/dw is x


def at(kind: Kind, option: float, w: float) -> tuple[float, float]:
    """Return the mean loss at one weight, and its slope."""
    loss, slope = along(kind, option, torch.tensor([w], dtype=torch.float64))
    return loss.item(), slope.item()


def step(kind: Kind, option: float, rate: float, w: float) -> Step:
    """Return the step of gradient descent from `w`."""
    loss, slope = at(kind, option, w)
    to = w - rate * slope
    then, slope_then = at(kind, option, to)
    resting, least = rest(kind, option)
    return Step(
        kind=kind,
        option=option,
        rate=rate,
        w=w,
        loss=loss,
        slope=slope,
        to=to,
        then=then,
        slope_then=slope_then,
        rest=resting,
        least=least,
    )


def walk(first: Step) -> list[tuple[float, float]]:
    """Return weights and losses along the next steps, the present one first; it ends once it leaves what is shown."""
    places = [(first.w, first.loss), (first.to, first.then)]
    to, slope = first.to, first.slope_then
    for _ in range(AHEAD):
        if not LOW <= to <= HIGH:
            break
        to -= first.rate * slope
        loss, slope = at(first.kind, first.option, to)
        places.append((to, loss))
    return places


@lru_cache(maxsize=64)
def rest(kind: Kind, option: float) -> tuple[float, float]:
    """Return the weight of least loss, where the slope, which never falls, turns from below 0; and the loss there."""
    low, high = LOW, HIGH
    for _ in range(_NARROWED):
        w = torch.linspace(low, high, 101, dtype=torch.float64)
        rising = int((along(kind, option, w)[1] >= 0).nonzero()[0])
        low, high = w[max(rising - 1, 0)].item(), w[rising].item()
    lowest = round((low + high) / 2, 12)
    return lowest, at(kind, option, lowest)[0]


@lru_cache(maxsize=64)
def sweep(kind: Kind, option: float) -> tuple[Tensor, Tensor]:
    """Return the weights that are shown, and the loss at each."""
    w = torch.linspace(LOW, HIGH, SWEEP, dtype=torch.float64)
    return w, along(kind, option, w)[0]


@lru_cache(maxsize=1)
def curvature() -> float:
    """Return the second derivative of the MSE, which is the same at every weight."""
    slopes = along(KINDS["mse"], 0.0, torch.tensor([0.0, 1.0], dtype=torch.float64))[1]
    return (slopes[1] - slopes[0]).item()


@lru_cache(maxsize=64)
def sides(kind: Kind, option: float) -> tuple[float, float]:
    """Return the slopes just left and just right of the place of rest."""
    near = torch.tensor([-1e-6, 1e-6], dtype=torch.float64) + rest(kind, option)[0]
    left, right = along(kind, option, near)[1].tolist()
    return left, right
