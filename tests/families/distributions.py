"""Likelihoods of a number, by location, scale and shape."""

from __future__ import annotations

from typing import Final

from mpmath import mp, mpf
from tests.oracles.case import Case, pairs, with_options
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

VARIANTS: Final = {
    name: [("full", {"full": True}, None)] for name in ("laplace_nll", "student_t_nll", "log_normal_nll")
}
REFUSE_A_GRADIENT: Final = {"log_normal_nll": ("targets",)}


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


SCALES: Final = (-2.5, 0.0, 4.0)
TRIPLES: Final = [(m, s, t) for m, t in pairs((-3.0, 0.5, 40.0), (0.5, 0.75)) for s in SCALES]
# The normal end, both sides of 16 degrees of freedom, from which on Stirling's series is taken, and hardly any.
DEGREES: Final = (60.0, 17.0, 5.0, 2.875, 2.5, 0.0, -3.0, -20.0)

CASES: Final = (
    *(
        Case(f"{name} {'full' if full else ''}", with_options(getattr(L, name), full=full),
             with_options(wanted, full=full), rows, moved, terms=terms)
        for full in (False, True)
        for name, wanted, rows, moved, terms in (
            ("laplace_nll", laplace, TRIPLES, (0, 1, 2), 512.0),
            ("student_t_nll", student_t, [(m, s, k, t) for m, s, t in TRIPLES[1::2] for k in DEGREES], (0, 1, 2, 3), 512.0),
            ("log_normal_nll", log_normal, [(m, s, t) for m in (-3.0, 0.5, 4.0) for s in SCALES for t in (0.0625, 1.5, 50.0)],
             (0, 1), 512.0),
        )
    ),
    # Without a scale of its own nothing cancels but what the residual does.
    Case("laplace_nll far", L.laplace_nll, laplace, [(-3.0, 1.0, 40.0), (0.5, 2.0, 300.0)], (0, 1, 2)),
    Case("student_t_nll far", L.student_t_nll, student_t,
         [(m, 2.0, k, 300.0) for m in (-3.0, 0.5) for k in DEGREES[2:6]], (0, 1, 3)),
)  # fmt: skip
