"""Losses of models that generate: by noise and flow, by two players, by codes."""

from __future__ import annotations

from typing import Any, Final

import torch
from mpmath import mp, mpf
from tests.oracles.case import Case, pairs, with_options
from tests.oracles.precision import careful
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses

VARIANTS: Final = {
    "diffusion_loss": [
        (
            f"{kind}-{weighting}",
            {"kind": kind, "weighting": weighting, "gamma": 0.75, "sigma_data": 0.3, "p2_gamma": 0.5, "p2_k": 2.0},
            None,
        )
        for kind, weighting in (
            ("sample", "snr"),
            ("sample", "p2"),
            ("velocity", "min_snr"),
            ("velocity", "p2"),
            ("velocity", "edm"),
        )
    ],
    "adversarial": [
        (f"generator-{kind}", {"role": "generator", "kind": kind}, None)
        for kind in ("saturating", "hinge", "least_squares", "wasserstein")
    ],
    "gradient_penalty": [("centred", {"norm": 0.0}, None), ("one-sided", {"one_sided": True, "norm": 1.5}, None)],
    "vector_quantization": [("heavy", {"commitment": 2.0}, None)],
    "evidence_lower_bound": [("dear", {"beta": 4.0}, None)],
}
NOT_THE_DERIVATIVE: Final = {
    "vector_quantization": "each of the two is pulled as if the other stood still",
    "vector_quantization-heavy": "likewise",
}
IDLE: Final = {
    "diffusion_loss-sample": "a plain mean of squares is the same for each kind",
    "diffusion_loss-velocity": "likewise",
    "diffusion_loss-snr": "for epsilon that is the plain mean of squares",
    "adversarial-saturating": "for the discriminator both saturations are one",
}
DRAWS: Final = ("flow_times",)

ERRORS: Final = ((0.5, -1.25), (40.0, 0.25), (-0.0009765625, 0.0), (3.0, 3.0))
LEVELS: Final = ((0.75, 0.5), (0.03125, 1.0), (1.0, 0.015625), (1.0, 80.0))
VERDICTS: Final = (-90.0, -5.5, -0.75, 0.0, 0.125, 2.5, 44.0)
GRADIENTS: Final = (([3.0, 4.0],), ([0.25, -0.125],), ([-200.0, 7.0],), ([0.0009765625, 0.0],))


def in_the_sample(kind: str, error: mpf, alpha: mpf, sigma: mpf) -> mpf:
    """Return by how much the sample is off if what is predicted is, the noised sample being what it is."""
    if kind == "sample":
        return error
    if kind == "epsilon":  # alpha x + sigma ε stays
        return -sigma * error / alpha
    # Of alpha x + sigma ε = 0 and alpha ε - sigma x = error.
    return mp.lu_solve(mp.matrix([[alpha, sigma], [-sigma, alpha]]), mp.matrix([0, error]))[0]


@careful
def diffusion_loss(
    prediction: mpf,
    target: mpf,
    alpha: mpf,
    sigma: mpf,
    kind: str = "epsilon",
    weighting: str = "none",
    gamma: mpf = 5,
    sigma_data: mpf = 0.5,
    p2_gamma: mpf = 1,
    p2_k: mpf = 1,
) -> mpf:
    """Return the squared error in the sample times its weight, by the signal-to-noise ratio."""
    if weighting == "none":
        return (prediction - target) ** 2
    ratio = (alpha / sigma) ** 2
    own = sigma / alpha  # the noise level of a sample that is scaled to a signal of 1
    weights = {
        "snr": ratio,
        "min_snr": min(ratio, gamma),
        "edm": (own**2 + sigma_data**2) / (own * sigma_data) ** 2,
        "p2": ratio / (p2_k + ratio) ** p2_gamma,
    }
    return weights[weighting] * in_the_sample(kind, prediction - target, alpha, sigma) ** 2


@careful
def flow_matching(velocity: mpf, sample: mpf, noise: mpf, t: mpf, weighting: str = "none") -> mpf:
    """Return the squared distance from the speed of (1 - t) x + t ε, weighted."""
    weights = {"none": 1, "sigma_sqrt": t**-2, "cosmap": 2 / (mp.pi * (1 - 2 * t + 2 * t**2))}
    return weights[weighting] * (velocity - noise + sample) ** 2


@careful
def adversarial(real: mpf, fake: mpf, role: str = "discriminator", kind: str = "non_saturating") -> mpf:
    """Return what the papers have, with D = 1 / (1 + e^-x) for the first two."""

    def chance(x: mpf) -> mpf:
        return 1 / (1 + mp.exp(-x))

    if role == "discriminator":
        return {
            "non_saturating": lambda: -mp.log(chance(real)) - mp.log(1 - chance(fake)),
            "saturating": lambda: -mp.log(chance(real)) - mp.log(1 - chance(fake)),
            "hinge": lambda: max(mpf(0), 1 - real) + max(mpf(0), 1 + fake),
            "least_squares": lambda: (real - 1) ** 2 + fake**2,
            "wasserstein": lambda: fake - real,
        }[kind]()
    return {
        "non_saturating": lambda: -mp.log(chance(fake)),
        "saturating": lambda: mp.log(1 - chance(fake)),
        "hinge": lambda: -fake,
        "least_squares": lambda: (fake - 1) ** 2,
        "wasserstein": lambda: -fake,
    }[kind]()


@careful
def gradient_penalty(gradient: list[mpf], norm: mpf = 1, *, one_sided: bool = False) -> mpf:
    """Return the squared distance of the length from the norm."""
    over = mp.sqrt(mp.fsum(g * g for g in gradient)) - norm
    return max(over, mpf(0)) ** 2 if one_sided else over**2


@careful
def r1(gradient: list[mpf]) -> mpf:
    """Return half the squared length."""
    return mp.fsum(g * g for g in gradient) / 2


@careful
def vector_quantization(z: mpf, e: mpf, z_held: mpf, e_held: mpf, commitment: mpf = 0.25) -> mpf:
    """Return both terms, each with the other side as a number of its own, which does not move."""
    return (z_held - e) ** 2 + commitment * (z - e_held) ** 2


def one_code_each(z: Tensor, e: Tensor, _: Tensor, __: Tensor, **options: Any) -> Tensor:  # noqa: ANN401
    """Return the loss where each place has a row of the codebook to itself."""
    codes = torch.arange(len(z))
    return L.vector_quantization(z.unsqueeze(-1), e.unsqueeze(-1), codes, **options).squeeze(-1)


@careful
def evidence_lower_bound(mean: list[mpf], log_variance: list[mpf], reconstruction: mpf, beta: mpf = 1) -> mpf:
    """Return the negative log-likelihood and β times the divergence, which is the mean of log q - log p under q."""
    divergences = [
        (mp.exp(s) + m * m) / 2 - (s + 1) / 2 for m, s in zip(mean, log_variance, strict=True)
    ]  # of E log q = -½ (s + 1 + log 2π) and E log p = -½ (m² + e^s + log 2π)
    return reconstruction + beta * mp.fsum(divergences)


CASES: Final = (
    Case("diffusion_loss", L.diffusion_loss, diffusion_loss, [(*e, *at) for e in ERRORS for at in LEVELS], (0, 1)),
    *(
        Case(
            f"diffusion_loss {kind} {weighting}",
            with_options(L.diffusion_loss, kind=kind, weighting=weighting, sigma_data=0.75, p2_gamma=0.5, p2_k=2.0),
            with_options(diffusion_loss, kind=kind, weighting=weighting, sigma_data=0.75, p2_gamma=0.5, p2_k=2.0),
            [(*e, *at) for e in ERRORS[:2] for at in LEVELS],
            (0,),
        )
        for kind in ("epsilon", "sample", "velocity")
        for weighting in ("snr", "min_snr", "edm", "p2")
    ),
    *(
        Case(
            f"flow_matching {weighting}",
            with_options(L.flow_matching, weighting=weighting),
            with_options(flow_matching, weighting=weighting),
            [(0.5, 1.25, -3.0, 0.25), (1.0009765625, 300.0, 301.0, 0.875), (-40.0, 0.125, 7.0, 0.0078125)],
            (0, 1, 2),
        )
        for weighting in ("none", "sigma_sqrt", "cosmap")
    ),
    *(
        Case(
            f"adversarial {role} {kind}",
            with_options(L.adversarial, role=role, kind=kind),
            with_options(adversarial, role=role, kind=kind),
            pairs(VERDICTS, (-2.0, 0.25, 30.0)) if role == "discriminator" else [(0.25, fake) for fake in VERDICTS],
            (0, 1) if role == "discriminator" else (1,),
        )
        for role in ("discriminator", "generator")
        for kind in ("non_saturating", "saturating", "hinge", "least_squares", "wasserstein")
    ),
    Case("gradient_penalty", L.gradient_penalty, gradient_penalty, GRADIENTS, (0,)),
    Case(
        "gradient_penalty one-sided",
        with_options(L.gradient_penalty, one_sided=True, norm=0.5),
        with_options(gradient_penalty, one_sided=True, norm=0.5),
        GRADIENTS,
        (0,),
    ),
    Case("r1", L.r1, r1, GRADIENTS, (0,)),
    Case(
        "vector_quantization",
        with_options(one_code_each, commitment=0.75),
        with_options(vector_quantization, commitment=0.75),
        [(*pair, *pair) for pair in ERRORS],
        (0, 1),
    ),
    Case(
        "evidence_lower_bound",
        with_options(L.evidence_lower_bound, beta=2.5),
        with_options(evidence_lower_bound, beta=2.5),
        [([0.5, -1.0], [0.25, -2.0], 3.0), ([3.0, 0.0], [-50.0, 0.0009765625], 0.5), ([0.0, 0.0], [0.0, -0.0625], 0.0)],
        (0, 1, 2),
    ),
)
