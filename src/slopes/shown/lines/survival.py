"""The lines of the losses of times to an event: of a subject that has it, and of one that is censored."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.func import vmap

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Lines, Options


def _cox(x: Tensor, o: Options, *, first: int) -> Tensor:
    time, event = torch.tensor([1.0, 2.0, 3.0], dtype=x.dtype), torch.arange(3) == first

    def batch(a: Tensor) -> Tensor:
        log_hazard = torch.stack([torch.zeros_like(a) if at != 1 else a for at in range(3)])
        return L.cox(log_hazard, time, event, **o)  # type: ignore[arg-type]

    return vmap(batch)(x)


def _weibull(x: Tensor, o: Options, *, event: bool) -> Tensor:
    given = torch.zeros_like(x), torch.ones_like(x), torch.full(x.shape, event)
    return L.weibull_nll(x, *given, reduction="none", **o)  # type: ignore[arg-type]


def _discrete_hazard(x: Tensor, o: Options, *, event: bool) -> Tensor:
    logits = torch.stack([torch.zeros_like(x), x], -1)
    given = torch.ones(x.shape, dtype=torch.int64), torch.full(x.shape, event)
    return L.discrete_hazard(logits, *given, reduction="none", **o)  # type: ignore[arg-type]


LOSSES: Final[Lines] = {
    "cox": (
        "log-hazard of one subject of three; the others have 0",
        {
            "it has the event": lambda x, o: _cox(x, o, first=1),
            "another has it": lambda x, o: _cox(x, o, first=0),
        },
    ),
    "weibull_nll": (
        "log-scale; the time and the shape are 1",
        {
            "the event was seen": lambda x, o: _weibull(x, o, event=True),
            "censored": lambda x, o: _weibull(x, o, event=False),
        },
    ),
    "discrete_hazard": (
        "logit of the second period's hazard; that of the first is 0",
        {
            "the event in period 2": lambda x, o: _discrete_hazard(x, o, event=True),
            "come through it": lambda x, o: _discrete_hazard(x, o, event=False),
        },
    ),
}
REACH: Final[dict[str, float]] = {"weibull_nll": 3.0}
