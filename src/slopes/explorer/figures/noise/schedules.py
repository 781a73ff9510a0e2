"""Three schedules of noise, the targets of each, and what a plain MSE of a target charges for an error in x₀."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses

EARLIEST: Final = 0.02  # at 0 there is no noise, and at 1 no signal, to divide by
LATEST: Final = 0.98
_POINTS: Final = 97
_ERROR: Final = 0.1  # in x₀, of which the charges are compared; they are proportional to its square
_BETA: Final = (0.1, 20.0)  # of the linear schedule, at both ends
NAMES: Final = {"cosine": "cosine", "linear": "linear β", "flow": "rectified flow"}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is drowned in what, by which schedule, and the cap of min-SNR; 0 for no cap."""

    schedule: str
    t: float
    x0: float
    noise: float
    cap: float


@dataclass(frozen=True, kw_only=True)
class Noisy:
    """Everything over some times: factors of signal and noise, sample, velocity, ratio, and the weights."""

    t: Tensor
    signal: Tensor
    noise: Tensor
    sample: Tensor
    velocity: Tensor
    snr: Tensor
    weights: dict[str, Tensor]

    def first(self) -> dict[str, float]:
        """Return the numbers at the first of the times."""
        named = {"signal": self.signal, "noise": self.noise, "sample": self.sample, "velocity": self.velocity}
        return {name: column[0].item() for name, column in {**named, "snr": self.snr, **self.weights}.items()}


def factors(schedule: str, t: Tensor) -> tuple[Tensor, Tensor]:
    """Return the factors of the signal and of the noise at these times."""
    if schedule == "cosine":
        return (t * math.pi / 2).cos(), (t * math.pi / 2).sin()
    if schedule == "linear":
        low, high = _BETA
        exponent = -(low * t + (high - low) * t * t / 2)
        return (exponent / 2).exp(), (-exponent.expm1()).sqrt()
    return 1 - t, t


def velocity(schedule: str, clean: Tensor, noise: Tensor, at: tuple[Tensor, Tensor]) -> Tensor:
    """Return the velocity that is predicted: α ε − σ x₀, or ε − x₀ for a flow."""
    return noise - clean if schedule == "flow" else L.diffusion_targets(clean, noise, *at, kind="velocity").targets


def noisy(s: Setting, t: Tensor) -> Noisy:
    """Return everything at these times; a network whose x₀ is wrong by a little has its other targets wrong by more."""
    a, b = factors(s.schedule, t)
    clean, noise = torch.full_like(t, s.x0), torch.full_like(t, s.noise)
    sample = L.diffusion_targets(clean, noise, a, b).noised
    guess = clean + _ERROR
    guessed_noise = (sample - a * guess) / b
    true, guessed = (velocity(s.schedule, *pair, (a, b)) for pair in ((clean, noise), (guess, guessed_noise)))
    with slopes.exact():
        of_x0, of_noise, of_velocity = (
            L.mse(prediction, target, reduction="none")
            for prediction, target in ((guess, clean), (guessed_noise, noise), (guessed, true))
        )
    snr = (a / b) ** 2
    weights = {"x0": of_x0 / of_x0, "eps": of_noise / of_x0, "v": of_velocity / of_x0}
    if s.cap:
        weights["capped"] = snr.clamp(max=s.cap)
    return Noisy(t=t, signal=a, noise=b, sample=sample, velocity=true, snr=snr, weights=weights)


@lru_cache(maxsize=64)
def over_time(schedule: str, x0: float, noise: float, cap: float) -> Noisy:
    """Return everything over the times that are drawn."""
    t = torch.linspace(EARLIEST, LATEST, _POINTS, dtype=torch.float64)
    return noisy(Setting(schedule=schedule, t=0.0, x0=x0, noise=noise, cap=cap), t)


def at(s: Setting) -> Noisy:
    """Return everything at one time."""
    return noisy(s, torch.tensor([s.t], dtype=torch.float64))
