"""Losses of classes that have an order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mpmath import mp, mpf
from tests.oracles.case import Case
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

Inputs = dict[str, Any]


def _in_order(inputs: Inputs) -> Inputs:
    return inputs | {"thresholds": inputs["thresholds"].sort().values}


SIZES: Final = {"K-1": 3}
SAMPLES: Final[Mapping[str, Callable[[Inputs], Inputs]]] = {"cumulative_link": _in_order}
VARIANTS: Final[Mapping[str, Sequence[Any]]] = {"ordinal_rank": [("conditional", {"conditional": True}, None)]}


def chance(logit: mpf) -> mpf:
    return 1 / (1 + mp.exp(-logit))


@careful
def coral(logits: Sequence[mpf], target: int) -> mpf:
    """Return the surprise of all answers to "is it above k?", each by itself."""
    answers = [chance(x) if target > k else 1 - chance(x) for k, x in enumerate(logits)]
    return -mp.fsum(mp.log(p) for p in answers)


@careful
def corn(logits: Sequence[mpf], target: int) -> mpf:
    """Return the surprise of the target: to be above every threshold before it, and not above its own."""
    p = mpf(1)
    for x in logits[:target]:
        p *= chance(x)
    return -mp.log(p * (1 - chance(logits[target])) if target < len(logits) else p)


@careful
def cumulative_link(score: mpf, thresholds: Sequence[mpf], target: int) -> mpf:
    """Return the surprise of a piece of the logistic distribution about the score."""
    ends = [mpf(0), *(chance(t - score) for t in thresholds), mpf(1)]
    return -mp.log(ends[target + 1] - ends[target])


LOGITS: Final = ([0.5, -1.25, 2.0], [30.0, 1.0, -4.0], [0.0, 0.0, 0.0], [90.0, 17.0, -90.0])
ROWS: Final = [(x, t) for x in LOGITS for t in range(4)]
CUTS: Final = [-1.5, 0.25, 0.5]
SCORES: Final = [(s, t) for s in (-90.0, -17.0, -1.0, 0.125, 0.375, 2.0, 30.0, 80.0) for t in range(4)]


def _one_by_one(scores: Any, thresholds: Any, targets: Any, **options: Any) -> Any:  # noqa: ANN401
    """Return the losses of rows that have thresholds of their own: the first of all."""
    return L.cumulative_link(scores, thresholds[0], targets, **options)


CASES: Final = (
    Case("coral", L.coral, coral, ROWS, size=3),
    Case("corn", L.corn, corn, ROWS, size=3),
    # The pulls of two thresholds cancel half way between them.
    Case("cumulative_link", _one_by_one, cumulative_link, [(s, CUTS, t) for s, t in SCORES if not 0 < s < 0.5]),
    Case(
        "cumulative_link between",
        _one_by_one,
        cumulative_link,
        [(s, CUTS, t) for s, t in SCORES if 0 < s < 0.5],
        terms=4.0,
    ),
)
