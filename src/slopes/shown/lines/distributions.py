"""The lines of likelihoods of one number: over the residual, in scales; of a positive one over the location."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Lines, Options

_IN_SCALES: Final = "location minus target, in scales"


def _laplace_nll(r: Tensor, _: Options) -> Tensor:
    zeros = torch.zeros_like(r)
    return L.laplace_nll(r, zeros, zeros, reduction="none")


def _student_t_nll(r: Tensor, _: Options) -> Tensor:
    zeros = torch.zeros_like(r)
    return L.student_t_nll(r, zeros, torch.full_like(r, math.log(_DF)), zeros, reduction="none")


def _log_normal_nll(m: Tensor, _: Options) -> Tensor:
    return L.log_normal_nll(m, torch.zeros_like(m), torch.ones_like(m), reduction="none")


def _gamma_nll(s: Tensor, _: Options) -> Tensor:
    return L.gamma_nll(s, torch.zeros_like(s), torch.ones_like(s), reduction="none")


def _beta_distribution_nll(z: Tensor, _: Options) -> Tensor:
    return L.beta_distribution_nll(z, torch.full_like(z, math.log(8)), torch.full_like(z, 0.5), reduction="none")


def _mixture_nll(m: Tensor, _: Options) -> Tensor:
    """Return it over the mean of one of two components, the other at 2, for a target of 0."""
    mean = torch.stack([m, torch.full_like(m, 2.0)], -1)
    return L.mixture_nll(torch.zeros_like(mean), mean, torch.zeros_like(mean), torch.zeros_like(m), reduction="none")


def _evidential(r: Tensor, o: Options) -> Tensor:
    zeros = torch.zeros_like(r)
    return L.evidential(r, zeros, zeros, zeros, zeros, reduction="none", **o)  # type: ignore[arg-type]


_DF: Final = 3.0

LOSSES: Final[Lines] = {
    "laplace_nll": (_IN_SCALES, {"": _laplace_nll}),
    "student_t_nll": (f"{_IN_SCALES}, of {_DF:g} degrees of freedom", {"": _student_t_nll}),
    "log_normal_nll": ("location; the target is 1, the scale 1", {"": _log_normal_nll}),
    "gamma_nll": ("logarithm of the mean; the target is 1, the shape 1", {"": _gamma_nll}),
    "beta_distribution_nll": ("logit of the mean; the share is ½, the precision 8", {"": _beta_distribution_nll}),
    "mixture_nll": ("mean of one of two components; the other is at 2, the target at 0", {"": _mixture_nll}),
    "evidential": ("location minus target; ν = β = 1, α = 2", {"": _evidential}),
}
REACH: Final = dict.fromkeys(LOSSES, 3.0)
