"""The lines of losses of models that generate: over an error, a verdict, a length, a mean."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import RESIDUAL, Lines, Options

_HALF: Final = 0.5  # as much signal as noise, and the middle of a flow


def _diffusion(r: Tensor, o: Options) -> Tensor:
    level = torch.full_like(r, _HALF)
    return L.diffusion_loss(r, torch.zeros_like(r), level, level, reduction="none", **o)  # type: ignore[arg-type]


def _flow(v: Tensor, o: Options) -> Tensor:
    nothing = torch.zeros_like(v)
    return L.flow_matching(v, nothing, nothing, nothing + _HALF, reduction="none", **o)  # type: ignore[arg-type]


def _of_real(x: Tensor, o: Options) -> Tensor:
    return L.adversarial(x, torch.zeros_like(x), reduction="none", **o)  # type: ignore[arg-type]


def _of_fake(x: Tensor, o: Options) -> Tensor:
    return L.adversarial(torch.zeros_like(x), x, reduction="none", **o)  # type: ignore[arg-type]


def _penalty(x: Tensor, o: Options) -> Tensor:
    return L.gradient_penalty(x.unsqueeze(-1), reduction="none", **o)  # type: ignore[arg-type]


def _quantization(z: Tensor, o: Options) -> Tensor:
    row = z.unsqueeze(-1)
    codes = torch.zeros(z.shape, dtype=torch.int64)
    return L.vector_quantization(row, torch.zeros_like(row[:1]), codes, reduction="none", **o).squeeze(-1)  # type: ignore[arg-type]


def _bound(x: Tensor, o: Options) -> Tensor:
    mean = x.unsqueeze(-1)
    return L.evidence_lower_bound(mean, torch.zeros_like(mean), torch.ones_like(x), reduction="none", **o)  # type: ignore[arg-type]


LOSSES: Final[Lines] = {
    "diffusion_loss": (RESIDUAL, {"": _diffusion}),
    "flow_matching": ("velocity, too much of it", {"": _flow}),
    "adversarial": ("verdict, a logit; the other one is 0", {"on a real one": _of_real, "on a fake": _of_fake}),
    "gradient_penalty": ("slope of the critic", {"": _penalty}),
    "r1": ("slope of the critic", {"": lambda x, o: L.r1(x.unsqueeze(-1), reduction="none", **o)}),  # type: ignore[arg-type]
    "vector_quantization": ("latent minus its code", {"": _quantization}),
    "evidence_lower_bound": ("mean, in standard deviations", {"": _bound}),
}
REACH: Final = dict.fromkeys(LOSSES, 3.0)
