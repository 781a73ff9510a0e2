"""Losses of counts and of amounts that are often zero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import torch
from mpmath import mp, mpf
from tests.oracles.case import Case, pairs, with_options
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

Inputs = dict[str, Any]
Definition = Callable[..., mpf]


def _often_zero(inputs: Inputs) -> Inputs:
    return inputs | {"targets": torch.where(inputs["targets"] < 0.6, 0.0, inputs["targets"])}


VARIANTS: Final = {
    "poisson_nll": [("full", {"full": True}, None)],
    "negative_binomial_nll": [("full", {"full": True}, None)],
    "zero_inflated_poisson_nll": [("full", {"full": True}, None)],
    "zero_inflated_negative_binomial_nll": [("full", {"full": True}, None)],
    "tweedie": [
        ("full", {"full": True}, None),
        ("zeros", {"power": 1.25}, _often_zero),
        ("zeros-full", {"power": 1.75, "full": True}, _often_zero),
        ("poisson", {"power": 1.0}, None),
        ("gamma", {"power": 2.0}, None),
    ],
}
OTHER_NUMBERS: Final = {("negative_binomial_nll", "torch"): "log y! is in it"}
REFUSE_A_GRADIENT: Final = {
    "poisson_nll": ("targets",),
    "negative_binomial_nll": ("targets",),
    "tweedie": ("targets",),
    "zero_inflated_poisson_nll": ("targets",),
    "zero_inflated_negative_binomial_nll": ("targets",),
}


@careful
def poisson(log_rate: mpf, count: mpf, *, full: bool = False) -> mpf:
    """Return -log of rate^count e^-rate / count!, or the same without the factorial."""
    rate = mp.exp(log_rate)
    return rate - count * log_rate + (mp.log(mp.factorial(count)) if full else 0)


@careful
def negative_binomial(log_rate: mpf, log_dispersion: mpf, count: mpf, *, full: bool = False) -> mpf:
    """Return -log of the ways r (r + 1) ... (r + y - 1) / y! times (r/(r + μ))^r (μ/(r + μ))^y, or without the y!."""
    mu, r = mp.exp(log_rate), mp.exp(-log_dispersion)
    ways = mp.fprod(r + k for k in range(int(count))) / (mp.factorial(count) if full else 1)
    return -(mp.log(ways) + r * mp.log(r / (r + mu)) + count * mp.log(mu / (r + mu)))


@careful
def tweedie(log_rate: mpf, target: mpf, *, power: float = 1.5, full: bool = False) -> mpf:
    """Return the integral of (u - target) / u^power from 1 (or from the target) to the rate."""
    p = mpf(power)

    def antiderivative(u: mpf) -> mpf:
        first = mp.log(u) if p == 2 else u ** (2 - p) / (2 - p)
        second = mp.log(u) if p == 1 else u ** (1 - p) / (1 - p)
        return first - (target * second if target else 0)

    if full and target == 0:
        return mp.exp((2 - p) * log_rate) / (2 - p)
    return antiderivative(mp.exp(log_rate)) - antiderivative(target if full else mpf(1))


@careful
def zero_inflated(zero_logit: mpf, *of_count: mpf, definition: Definition, full: bool = False) -> mpf:
    """Return -log of π where the count is 0, and of (1 - π) times its own probability."""
    pi = 1 / (1 + mp.exp(-zero_logit))
    chance = (1 - pi) * mp.exp(-definition(*of_count, full=full))
    return -mp.log(chance + (pi if of_count[-1] == 0 else 0))


# The logit of a sure zero: hardly ever, even, nearly always; and rates from none to sure to be seen.
INFLATED: Final = [
    (z, s, y)
    for z in (-60.0, -3.0, 0.0, 2.5, 40.0)
    for s, y in ((-30.0, 0.0), (0.0, 0.0), (1.5, 0.0), (2.5, 0.0), (0.75, 2.0), (-2.5, 7.0))
]

FEW: Final = (0.0, 1.0, 2.0, 7.0)
LOW: Final = (-90.0, -17.0, -2.5, -0.75)
# Every size of a dispersion, of a rate and of a count, among them those next to 1/8, where the formula changes.
DISPERSED: Final = [
    (s, a, y)
    for a, y in zip(
        (-44.0, -17.0, -3.0, -2.125, -2.0, -0.5, 1.5, 9.0), (7.0, 1.0, 2.0, 7.0, 0.0, 1.0, 2.0, 7.0), strict=True
    )
    for s in (-30.0, -2.5, 0.75, 3.0)
]
WIDE: Final = (torch.float32, torch.float64)


def tweedies() -> list[Case]:
    """Return Tweedie's at both ends and between: where nothing cancels, and about the target."""
    cases = []
    for power in (1.0, 1.25, 1.5, 1.9375, 2.0):
        targets = (0.125, 1.0, 6.0) if power == 2 else (0.0, 0.125, 1.0, 6.0)
        for full in (False, True):
            call, wanted = (with_options(f, power=power, full=full) for f in (L.tweedie, tweedie))
            name = f"tweedie {power}{' full' if full else ''}"
            cases.append(Case(name, call, wanted, pairs((-4.0, -2.5, 0.0, 0.75, 1.75, 3.0), targets), terms=128.0))
    return cases


CASES: Final = (
    Case("poisson_nll", L.poisson_nll, poisson, pairs(LOW, FEW)),
    Case("poisson_nll of none", L.poisson_nll, poisson, pairs((0.0, 0.75, 17.0, 44.0), (0.0,))),
    Case("poisson_nll about the count", L.poisson_nll, poisson, pairs((0.0, 0.75, 2.0, 3.0), FEW[1:]), terms=64.0),
    Case("poisson_nll full", with_options(L.poisson_nll, full=True), with_options(poisson, full=True), pairs(LOW, FEW)),
    Case("poisson_nll full about the count", with_options(L.poisson_nll, full=True), with_options(poisson, full=True),
         pairs((0.0, 0.75, 2.0, 3.0), (1.0, 7.0, 20.0)), terms=20.0),
    *(
        Case(f"negative_binomial_nll {full}", with_options(L.negative_binomial_nll, full=full),
             with_options(negative_binomial, full=full), DISPERSED, (0, 1), terms=256.0)
        for full in (False, True)
    ),
    Case("negative_binomial_nll of none", L.negative_binomial_nll, negative_binomial,
         [(s, a, 0.0) for s in (-30.0, 0.0, 3.0) for a in (-44.0, -2.0, 1.5)], (0, 1)),
    *(
        Case(f"{name}{' full' if full else ''}", with_options(ours, full=full),
             with_options(zero_inflated, definition=definition, full=full), rows, moved, terms=terms)
        for full in (False, True)
        for name, ours, definition, rows, moved, terms in (
            ("zero_inflated_poisson_nll", L.zero_inflated_poisson_nll, poisson, INFLATED, (0, 1), None),
            ("zero_inflated_negative_binomial_nll", L.zero_inflated_negative_binomial_nll, negative_binomial,
             [(z, s, a, y) for z, s, y in INFLATED[::2] for a in (-9.0, 1.5)], (0, 1, 2), 128.0),
        )
    ),
    *tweedies(),
)  # fmt: skip
