"""Figures that texts on cross-entropy work out, beside the exact ones, and what does not hold."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import torch

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.cross_entropy.curves import by_logit, by_probability
from slopes.explorer.figures.result import Correction, Table
from slopes.explorer.figures.wording import number
from slopes.shown.curve import value_and_slope

_SURPRISES: Final = (
    ("0.01", 0.99),
    ("0.05", 0.95),
    ("0.083", 0.92),
    ("0.105", 0.9),
    ("0.36", 0.7),
    ("0.69", 0.5),
    ("2.303", 0.1),
    ("3.0", 0.05),
    ("3.51", 0.03),
    ("4.6", 0.01),
)


def worked() -> Table:
    """Return the figures as a table."""
    return Table(title="Worked figures", columns=("", "stated", "exact", "note"), rows=_rows())


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return what does not hold, with the figures that do."""
    losses = number(_surprise(0.05) / _surprise(0.92), 3)
    logits, probabilities = _pulls()
    return (
        Correction(
            stated="For spam, p = 0.05 has a 35 times larger gradient than p = 0.92.",
            holds=f"{losses} is the ratio of the losses. The gradients by the logit differ {number(logits, 3)} times, "
            f"those by the probability {number(probabilities, 3)} times.",
        ),
        Correction(
            stated="The gradient of cross-entropy explodes when the model is sure and wrong.",
            holds="By the probability it does. What reaches the network is the gradient by the logit, σ(z) − y, and "
            "that never exceeds 1 in size.",
        ),
        Correction(
            stated="Clamping p to [10⁻⁷, 1 − 10⁻⁷] makes the logarithm safe.",
            holds="Beyond the clamp the gradient is exactly 0, on the worst mistakes too. Computed from the logit, the "
            f"loss needs no clamp: z = 100 with y = 0 costs {number(_at_logit(100.0, 0.0), 4)}.",
        ),
    )


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[str, ...], ...]:
    sure, wrong = _surprise(0.99), _surprise(0.01)
    polished = _surprise(0.95) - sure
    rescued = wrong - _surprise(0.05)
    with slopes.exact():
        logits = torch.tensor([3.0, -2.5, -3.5], dtype=torch.float64)
        three = L.binary_cross_entropy(logits, torch.tensor([1.0, 0.0, 1.0], dtype=torch.float64)).item()
    rounded = "the stated one is a ratio of rounded figures"
    figures = (
        *((f"surprise −log {p:g}", stated, _surprise(p), "") for stated, p in _SURPRISES),
        ("0.01 dearer than 0.99, times", "460", wrong / sure, rounded),
        ("0.03 dearer than 0.95, times", "70", _surprise(0.03) / _surprise(0.95), rounded),
        ("saved from p = 0.95 to 0.99", "0.04", polished, ""),
        ("saved from p = 0.01 to 0.05", "1.6", rescued, ""),
        ("the one saving over the other", "40", rescued / polished, rounded),
        ("gradient at 0.05 over that at 0.92", "35", _pulls()[0], "by the logit; see the correction"),
        ("logits 3, −2.5, −3.5 with y = 1, 0, 1", "none", three, "mean"),
        ("logit 100 with y = 0", "100", _at_logit(100.0, 0.0), ""),
    )
    return tuple((what, stated, number(exact, 6), note) for what, stated, exact, note in figures)


def _surprise(p: float) -> float:
    return value_and_slope(by_probability(1.0), torch.tensor([p], dtype=torch.float64))[0].item()


def _at_logit(z: float, target: float) -> float:
    return value_and_slope(by_logit(target), torch.tensor([z], dtype=torch.float64))[0].item()


def _pulls() -> tuple[float, float]:
    """How many times larger the gradient at 0.05 is than at 0.92, by the logit and by the probability."""
    p = torch.tensor([0.05, 0.92], dtype=torch.float64)
    by_z = value_and_slope(by_logit(1.0), p.logit())[1]
    by_p = value_and_slope(by_probability(1.0), p)[1]
    return (by_z[0] / by_z[1]).item(), (by_p[0] / by_p[1]).item()
