"""Likelihoods of a number, by location, scale and shape."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final

from mpmath import mp, mpf
from tests.oracles.case import Case, with_options
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

_FULL: Final = [("full", {"full": True}, None)]
_NAMES: Final = ("laplace_nll", "student_t_nll", "log_normal_nll", "gamma_nll", "beta_distribution_nll", "mixture_nll")
# As many observations as make the kink of the second part, at a hundredth of them, one that can be seen.
SAMPLES: Final = {"evidential": lambda inputs: inputs | {"log_nu": inputs["log_nu"] + 4.0}}
SIZES: Final = {"K": 3}
VARIANTS: Final = {
    **dict.fromkeys(_NAMES, _FULL),
    "evidential": [("full", {"full": True}, None), ("dear", {"strength": 0.5}, None)],
}
OTHER_NUMBERS: Final = {
    ("laplace_nll", "torch"): "log 2 is in it",
    ("student_t_nll", "torch"): "½ log 2π is in it",
    ("gamma_nll", "torch"): "log y and ½ log 2π are in it",
    ("beta_distribution_nll", "torch"): "log y (1 - y) and ½ log 2π are in it",
    ("mixture_nll", "torch"): "½ log 2π is in it",
    ("log_normal_nll", "torch"): "log y and ½ log 2π are in it",
}
REFUSE_A_GRADIENT: Final = dict.fromkeys(_NAMES[2:], ("targets",))


@careful
def laplace(location: mpf, log_scale: mpf, target: mpf, *, full: bool = False) -> mpf:
    """Return -log of e^(-|y - m| / b) / 2b, or of twice that."""
    b = mp.exp(log_scale)
    return -mp.log(mp.exp(-abs(target - location) / b) / b) + (mp.log(2) if full else 0)


@careful
def student_t(location: mpf, log_scale: mpf, log_df: mpf, target: mpf, *, full: bool = False) -> mpf:
    """Return -log of Γ((ν+1)/2) / (Γ(ν/2) √(πν) σ) (1 + z²/ν)^(-(ν+1)/2), or of √2π times that."""
    sigma, nu = mp.exp(log_scale), mp.exp(log_df)
    z = (target - location) / sigma
    front = mp.loggamma((nu + 1) / 2) - mp.loggamma(nu / 2) - mp.log(mp.pi * nu) / 2 - log_scale
    return -(front - (nu + 1) / 2 * mp.log(1 + z * z / nu)) - (0 if full else mp.log(2 * mp.pi) / 2)


@careful
def log_normal(location: mpf, log_scale: mpf, target: mpf, *, full: bool = False) -> mpf:
    """Return -log of the normal density of log y over y, or that less log y and ½ log 2π."""
    sigma = mp.exp(log_scale)
    z = (mp.log(target) - location) / sigma
    return mp.log(sigma) + z * z / 2 + (mp.log(target) + mp.log(2 * mp.pi) / 2 if full else 0)


@careful
def gamma(log_mean: mpf, log_shape: mpf, target: mpf, *, full: bool = False) -> mpf:
    """Return -log of rate^k y^(k - 1) e^(-rate y) / Γ(k), or that less log y and ½ log 2π."""
    k = mp.exp(log_shape)
    rate = k / mp.exp(log_mean)
    whole = mp.loggamma(k) - k * mp.log(rate) - (k - 1) * mp.log(target) + rate * target
    return whole - (0 if full else mp.log(target) + mp.log(2 * mp.pi) / 2)


@careful
def beta(mean_logit: mpf, log_precision: mpf, share: mpf, *, full: bool = False) -> mpf:
    """Return -log of y^(α - 1) (1 - y)^(β - 1) Γ(α + β) / Γ(α) / Γ(β), or that less log y (1 - y) and ½ log 2π."""
    phi, mean = mp.exp(log_precision), 1 / (1 + mp.exp(-mean_logit))
    a, b = phi * mean, phi * (1 - mean)
    ways = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    whole = ways - (a - 1) * mp.log(share) - (b - 1) * mp.log(1 - share)
    return whole - (0 if full else mp.log(share * (1 - share)) + mp.log(2 * mp.pi) / 2)


@careful
def mixture(logits: Sequence[mpf], mean: Sequence[mpf], log_scale: Sequence[mpf], target: mpf) -> mpf:
    """Return -log of the weighted sum of densities, or of √2π times that."""
    weights = [mp.exp(x) for x in logits]
    parts = [w * mp.npdf(target, m, mp.exp(s)) for w, m, s in zip(weights, mean, log_scale, strict=True)]
    return -mp.log(mp.fsum(parts) / mp.fsum(weights)) - mp.log(2 * mp.pi) / 2


@careful
def evidential(gamma_: mpf, log_nu: mpf, log_excess: mpf, log_beta: mpf, target: mpf, *, strength: float = 0.01) -> mpf:
    """Return equation 8 of the paper, and λ times equation 9, less ½ log 2π."""
    nu, alpha, scale = mp.exp(log_nu), 1 + mp.exp(log_excess), mp.exp(log_beta)
    omega = 2 * scale * (1 + nu)
    evidence = (
        mp.log(mp.pi / nu) / 2
        - alpha * mp.log(omega)
        + (alpha + mpf(1) / 2) * mp.log((target - gamma_) ** 2 * nu + omega)
        + mp.loggamma(alpha)
        - mp.loggamma(alpha + mpf(1) / 2)
    )
    return evidence - mp.log(2 * mp.pi) / 2 + mpf(strength) * abs(target - gamma_) * (2 * nu + alpha)


# Within some scales of the target, where 1 - z² cancels; and far from it, where nothing does.
NEAR: Final = [(0.5, -2.5, 0.75), (0.5, 0.0, 0.5), (-3.0, 4.0, 0.75), (40.0, 4.0, 0.5), (1.5, 1.0, 0.25)]
FAR: Final = [(-3.0, -2.5, 0.5), (40.0, -2.5, 0.75), (40.0, 0.0, 0.5), (-3.0, 1.0, 40.0)]
# The normal end, both sides of 16 degrees of freedom, from which on Stirling's series is taken, and hardly any.
DEGREES: Final = (60.0, 17.0, 5.0, 2.875, 2.5, 0.0, -3.0, -20.0)


# Near the mean and not, at shapes on both sides of 8 and far from it.
POSITIVE: Final = [
    (0.5, -3.0, 1.5),
    (0.5, 0.0, 1.5),
    (3.0, 2.0, 20.0),
    (3.0, 2.25, 20.0),
    (-2.0, 3.0, 0.125),
    (0.5, 3.0, 0.0625),
    (2.0, -9.0, 50.0),
]
SHARES: Final = [
    (0.0, 0.75, 0.25),
    (1.5, 2.0, 0.8125),
    (-3.0, 3.0, 0.0625),
    (2.5, 3.5, 0.9375),
    (0.5, -3.0, 0.875),
    (-4.0, 1.0, 0.5),
    (0.0, 4.0, 0.5),
]
PARTS: Final = ([0.5, -1.25, 2.0], [0.0, 0.0, -60.0])
MIXED: Final = [
    (x, m, s, t)
    for x in PARTS
    for m, s in (([0.5, -3.0, 1.75], [0.0, 0.5, -1.0]), ([-8.0, 40.0, 3.0], [2.0, -2.0, 0.25]))
    for t in (0.25, 30.0)
]
EVIDENCE: Final = [
    (0.5, 0.0, 0.0, 0.0, 0.75),
    (-3.0, -2.0, 1.5, 0.5, 0.5),
    (40.0, 2.0, -3.0, 1.0, 0.75),
    (0.5, -9.0, 3.0, -1.0, 2.5),
    (1.5, 9.0, -9.0, 2.0, 0.25),
]


def of_t(rows: Sequence[tuple[float, ...]], degrees: Sequence[float]) -> list[tuple[float, ...]]:
    return [(m, s, k, t) for (m, s, t), k in zip(itertools.cycle(rows), degrees, strict=False)]


def cases(full: bool) -> list[Case]:  # noqa: FBT001
    """Return each with its constant or without."""
    named = " full" if full else ""
    laplaces, ts, normals, gammas, betas = (
        (with_options(ours, full=full), with_options(definition, full=full))
        for ours, definition in (
            (L.laplace_nll, laplace),
            (L.student_t_nll, student_t),
            (L.log_normal_nll, log_normal),
            (L.gamma_nll, gamma),
            (L.beta_distribution_nll, beta),
        )
    )
    logs = [(0.5, 0.0, 1.5), (4.0, 0.0, 50.0), (0.5, 4.0, 50.0), (4.0, -2.5, 50.0), (-3.0, -2.5, 0.0625)]
    apart = [(-3.0, -2.5, 1.5), (4.0, 0.0, 0.0625), (0.5, -2.5, 50.0), (-3.0, 0.0, 1.5)]
    return [
        Case(f"laplace_nll{named}", *laplaces, NEAR, (0, 1, 2), terms=16.0),
        Case(f"laplace_nll far{named}", *laplaces, FAR, (0, 1, 2)),
        Case(f"student_t_nll{named}", *ts, of_t(NEAR, DEGREES), (0, 1, 2, 3), terms=16.0),
        Case(f"student_t_nll far{named}", *ts, of_t(FAR[1:], DEGREES[:5]), (0, 1, 2, 3)),
        Case(f"log_normal_nll{named}", *normals, logs, (0, 1), terms=16.0),
        Case(f"log_normal_nll far{named}", *normals, apart, (0, 1)),
        Case(f"gamma_nll{named}", *gammas, POSITIVE, (0, 1), terms=64.0),
        Case(f"beta_distribution_nll{named}", *betas, SHARES, (0, 1), terms=64.0),
    ]


CASES: Final = (
    *cases(full=False),
    *cases(full=True),
    Case("mixture_nll", L.mixture_nll, mixture, MIXED, (0, 1, 2), terms=256.0),
    Case("evidential", L.evidential, evidential, EVIDENCE, (0, 1, 2, 3, 4), terms=64.0),
    Case(
        "evidential dear",
        with_options(L.evidential, strength=0.5),
        with_options(evidential, strength=0.5),
        EVIDENCE[:2],
        (0, 1, 2, 3, 4),
        terms=64.0,
    ),
)
