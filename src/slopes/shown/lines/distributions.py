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


_DF: Final = 3.0

LOSSES: Final[Lines] = {
    "laplace_nll": (_IN_SCALES, {"": _laplace_nll}),
    "student_t_nll": (f"{_IN_SCALES}, of {_DF:g} degrees of freedom", {"": _student_t_nll}),
    "log_normal_nll": ("location; the target is 1, the scale 1", {"": _log_normal_nll}),
}
REACH: Final = dict.fromkeys(LOSSES, 3.0)
