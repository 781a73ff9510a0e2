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
VARIANTS: Final = dict.fromkeys(("laplace_nll", "student_t_nll", "log_normal_nll"), _FULL)
OTHER_NUMBERS: Final = {
    ("laplace_nll", "torch"): "log 2 is in it",
    ("student_t_nll", "torch"): "½ log 2π is in it",
    ("log_normal_nll", "torch"): "log y and ½ log 2π are in it",
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


# Within some scales of the target, where 1 - z² cancels; and far from it, where nothing does.
NEAR: Final = [(0.5, -2.5, 0.75), (0.5, 0.0, 0.5), (-3.0, 4.0, 0.75), (40.0, 4.0, 0.5), (1.5, 1.0, 0.25)]
FAR: Final = [(-3.0, -2.5, 0.5), (40.0, -2.5, 0.75), (40.0, 0.0, 0.5), (-3.0, 1.0, 40.0)]
# The normal end, both sides of 16 degrees of freedom, from which on Stirling's series is taken, and hardly any.
DEGREES: Final = (60.0, 17.0, 5.0, 2.875, 2.5, 0.0, -3.0, -20.0)


def of_t(rows: Sequence[tuple[float, ...]], degrees: Sequence[float]) -> list[tuple[float, ...]]:
    return [(m, s, k, t) for (m, s, t), k in zip(itertools.cycle(rows), degrees, strict=False)]


def cases(full: bool) -> list[Case]:  # noqa: FBT001
    """Return each with its constant or without."""
    named = " full" if full else ""
    laplaces, ts, normals = (
        (with_options(ours, full=full), with_options(definition, full=full))
        for ours, definition in ((L.laplace_nll, laplace), (L.student_t_nll, student_t), (L.log_normal_nll, log_normal))
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
    ]


CASES: Final = (*cases(full=False), *cases(full=True))
