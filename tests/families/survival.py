"""Losses of times to an event, of which some are censored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import torch
from mpmath import mp, mpf
from tests.oracles.case import Case, with_options
from tests.oracles.precision import careful
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses

Inputs = dict[str, Any]


def _with_ties(inputs: Inputs) -> Inputs:
    """Return the same with few times and strata, and many events, so that some have several at once."""
    first = torch.arange(len(inputs["time"])) == 0
    time, strata = (2 * inputs["time"]).ceil(), inputs["strata"] % 2
    return inputs | {"time": time, "event": inputs["event"] | ~first, "strata": strata}


def _in_one_stratum(inputs: Inputs) -> Inputs:
    return {name: value for name, value in inputs.items() if name != "strata"}


SAMPLES: Final[Mapping[str, Callable[[Inputs], Inputs]]] = {"cox": _with_ties}
VARIANTS: Final[Mapping[str, Sequence[Any]]] = {"cox": [("one-stratum", {}, _in_one_stratum)]}
COUPLED: Final = ("cox",)
MEAN_OVER_SOMETHING_ELSE: Final = {"cox": "events"}
REFUSE_A_GRADIENT: Final = {"cox": ("time",), "weibull_nll": ("time",)}


@careful
def cox(
    log_hazard: Sequence[mpf], time: Sequence[mpf], event: Sequence[bool], strata: Sequence[int], *, ties: str
) -> mpf:
    """Return minus the logarithm of the partial likelihood: a product over the times of events."""
    likelihood = mpf(1)
    subjects = range(len(time))
    for when, where in {(time[i], strata[i]) for i in subjects if event[i]}:
        at_risk = [i for i in subjects if time[i] >= when and strata[i] == where]
        had_it = [i for i in at_risk if event[i] and time[i] == when]
        for number, i in enumerate(had_it):
            gone = mpf(number) / len(had_it) if ties == "efron" else mpf(0)
            left = mp.fsum(mp.exp(log_hazard[j]) * (1 - gone * (j in had_it)) for j in at_risk)
            likelihood *= mp.exp(log_hazard[i]) / left
    return -mp.log(likelihood)


@careful
def weibull_nll(log_scale: mpf, log_shape: mpf, time: mpf, event: bool) -> mpf:  # noqa: FBT001
    """Return minus the logarithm of the density, or of the share that is left."""
    scale, shape = mp.exp(log_scale), mp.exp(log_shape)
    left = mp.exp(-((time / scale) ** shape))
    return -mp.log(shape / scale * (time / scale) ** (shape - 1) * left if event else left)


@careful
def discrete_hazard(logits: Sequence[mpf], period: int, event: bool) -> mpf:  # noqa: FBT001
    """Return the surprise of having come so far, and of the event there or not."""
    hazards = [1 / (1 + mp.exp(-x)) for x in logits]
    chance = hazards[period] if event else 1 - hazards[period]
    for h in hazards[:period]:
        chance *= 1 - h
    return -mp.log(chance)


def _batches(ties: str) -> Callable[..., Tensor]:
    """Return the sum over each of several batches."""

    def call(log_hazard: Tensor, time: Tensor, event: Tensor, strata: Tensor, reduction: str) -> Tensor:
        assert reduction == "none"
        rows = zip(log_hazard, time, event, strata, strict=True)
        return torch.stack([L.cox(*row, ties=ties, reduction="sum") for row in rows])  # type: ignore[arg-type]

    return call


NEAR: Final = [[0.5, -1.25, 2.0, 0.125, -0.5]]
FAR: Final = [[30.0, 1.0, -4.0, 29.5, 30.0], [-90.0, 5.0, 2.0, 1.0, 60.0]]
TIMES: Final = ([1.0, 2.0, 2.0, 3.0, 2.0], [4.0, 4.0, 4.0, 4.0, 4.0], [5.0, 4.0, 3.0, 2.0, 1.0])
EVENTS: Final = ([True, True, True, False, True], [False, True, True, True, False])
STRATA: Final = ([0] * 5, [1, 0, 1, 0, 1])


def batches(hazards: list[list[float]]) -> list[tuple[Any, ...]]:
    return [(x, t, e, s) for x in hazards for t in TIMES for e in EVENTS for s in STRATA]


CASES: Final = (
    *(
        Case(f"cox {ties} {kind}", _batches(ties), with_options(cox, ties=ties), rows, terms=terms, size=5)
        for ties in ("efron", "breslow")
        for kind, rows, terms in (("near", batches(NEAR), 2.0), ("far", batches(FAR), 128.0))  # of what is added up
    ),
    Case(
        "discrete_hazard",
        L.discrete_hazard,
        discrete_hazard,
        [
            (x, t, e)
            for x in ([0.5, -1.25, 2.0], [30.0, 1.0, -4.0], [-90.0, 17.0, 90.0])
            for t in range(3)
            for e in (True, False)
        ],
        size=3,
    ),
    Case(
        "weibull_nll",
        L.weibull_nll,
        weibull_nll,
        [
            (s, a, t, e)
            for s, a, t in (
                (0.0, 0.0, 1.0),
                (0.5, 0.25, 0.5),
                (-1.0, -0.5, 4.0),
                (2.0, 1.0, 8.0),
                (3.0, 0.5, 0.0625),
                (0.0, 0.0, 24.0),
            )
            for e in (True, False)
        ],
        (0, 1),
    ),
)
