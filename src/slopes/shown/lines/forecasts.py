"""The lines of losses of forecasts: over the residual, or over the forecast of a target of 1 or 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import RESIDUAL, Curve, Lines, Options


def _at_level(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    def curve(r: Tensor, o: Options) -> Tensor:
        level, rest = float(o["q"]), {name: value for name, value in o.items() if name != "q"}
        return loss(r.unsqueeze(-1), torch.zeros_like(r), (level,), reduction="none", **rest).squeeze(-1)

    return {"": curve}


def _of_one(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    """Return a loss over the prediction of a target of 1."""
    return {"": lambda x, o: loss(x, torch.ones_like(x), reduction="none", **o)}


def _msle(x: Tensor, _: Options) -> Tensor:
    """Return the loss over the logarithm of 1 + prediction, which has no end."""
    return L.msle(torch.expm1(x), torch.zeros_like(x), reduction="none")


def _mase(x: Tensor, _: Options) -> Tensor:
    return L.mase(x.unsqueeze(-1), torch.zeros_like(x).unsqueeze(-1), torch.ones_like(x), reduction="none").squeeze(-1)


def _crps_gaussian(r: Tensor, _: Options) -> Tensor:
    zeros = torch.zeros_like(r)
    return L.crps_gaussian(r, zeros, zeros, reduction="none")


def _crps_ensemble(x: Tensor, o: Options) -> Tensor:
    members = torch.stack([x, *(torch.full_like(x, at) for at in (-1.0, 0.5, 1.0))], -1)
    return L.crps_ensemble(members, torch.zeros_like(x), reduction="none", fair=bool(o["fair"]))


LOSSES: Final[Lines] = {
    "expectile": (RESIDUAL, _at_level(L.expectile)),
    "quantile_huber": (RESIDUAL, _at_level(L.quantile_huber)),
    "msle": ("log(1 + prediction), of a target of 0", {"": _msle}),
    "mape": ("prediction, of a target of 1", _of_one(L.mape)),
    "smape": ("prediction, of a target of 1", _of_one(L.smape)),
    "mase": ("residual, in errors of the naive forecast", {"": _mase}),
    "crps_gaussian": ("mean minus target, in standard deviations", {"": _crps_gaussian}),
    "crps_ensemble": ("one member; three others are at −1, 0.5 and 1, the target at 0", {"": _crps_ensemble}),
}
REACH: Final[dict[str, float]] = dict.fromkeys(LOSSES, 3.0)
