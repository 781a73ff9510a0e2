"""Losses of classes beside cross-entropy: other margins, noisy labels, long tails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from mpmath import mp, mpf
from tests.oracles.case import Case, pairs, with_options
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

SCORES: Final = (-300.0, -90.0, -30.0, -1.25, -0.125, 0.0, 0.75, 0.99609375, 1.5, 44.0)
SIDES: Final = (-1.0, 1.0)
# Even, near one another, far apart, one class out, and leads by which p rounds to 1, or to 0.
ROWS: Final = (
    [0.5, -1.25, 2.0, 0.125],
    [30.0, 1.0, -4.0, 29.5],
    [0.0, 0.0, 0.0, 0.0],
    [-300.0, 5.0, 2.0, 1.0],
    [60.0, 1.0, -80.0, 2.0],
)
COSINES: Final = ([0.5, -0.25, 0.75, 0.125], [0.0, 0.0, 0.0, 0.0], [1.0, -1.0, 0.9375, -0.5])
SHARES: Final = [0.0009765625, 0.75, 0.125, 16.0]
SETS: Final = ([True, False, True, False], [False, False, False, True], [True] * 4, [False] * 4)
SOFT: Final = ([1.0, 0.0, 0.25, 0.0], [0.0, 1.0, 1.0, 0.0])


def chosen(rows: Sequence[Any]) -> list[tuple[Any, int]]:
    return [(row, target) for row in rows for target in (0, 2)]


def softmax(logits: Sequence[mpf]) -> list[mpf]:
    total = mp.fsum(mp.exp(x) for x in logits)
    return [mp.exp(x) / total for x in logits]


@careful
def squared_hinge(score: mpf, side: mpf, margin: mpf = 1.0) -> mpf:
    return max(mpf(0), margin - side * score) ** 2


@careful
def soft_margin(score: mpf, side: mpf) -> mpf:
    return mp.log(1 + mp.exp(-side * score))


@careful
def margin_ranking(first: mpf, second: mpf, side: mpf, margin: mpf = 0.0) -> mpf:
    return max(mpf(0), -side * (first - second) + margin)


@careful
def hinge_embedding(distance: mpf, side: mpf, margin: mpf = 1.0) -> mpf:
    return distance if side > 0 else max(mpf(0), margin - distance)


@careful
def multilabel_soft_margin(logits: Sequence[mpf], targets: Sequence[mpf]) -> mpf:
    terms = []
    for x, y in zip(logits, targets, strict=True):
        p = 1 / (1 + mp.exp(-x))
        terms.append((y * mp.log(p) if y else mpf(0)) + ((1 - y) * mp.log(1 - p) if y != 1 else mpf(0)))
    return -mp.fsum(terms) / len(terms)


@careful
def multilabel_margin(scores: Sequence[mpf], targets: Sequence[bool], margin: mpf = 1.0) -> mpf:
    own = [s for s, there in zip(scores, targets, strict=True) if there]
    others = [s for s, there in zip(scores, targets, strict=True) if not there]
    return mp.fsum(max(mpf(0), margin - (a - b)) for a in own for b in others) / len(scores)


@careful
def generalized_cross_entropy(logits: Sequence[mpf], target: int, q: mpf) -> mpf:
    """Return (1 - p^q) / q, as equation 6 of Zhang and Sabuncu has it."""
    return (1 - softmax(logits)[target] ** q) / q


@careful
def cross_entropy(logits: Sequence[mpf], target: int) -> mpf:
    return -mp.log(softmax(logits)[target])


@careful
def symmetric_cross_entropy(logits: Sequence[mpf], target: int, alpha: mpf, beta: mpf, log_zero: mpf) -> mpf:
    """Return the cross-entropy of both directions, the logarithm of a target being 0 or `log_zero`."""
    p = softmax(logits)
    reverse = -mp.fsum(share * (0 if k == target else log_zero) for k, share in enumerate(p))
    return -alpha * mp.log(p[target]) + beta * reverse


@careful
def bootstrapped_cross_entropy(logits: Sequence[mpf], target: int, beta: mpf, kind: str = "soft") -> mpf:
    """Return -Σ (β y + (1 - β) z) log p, z being p or the class that leads."""
    p = softmax(logits)
    leader = p.index(max(p))
    beliefs = p if kind == "soft" else [mpf(k == leader) for k in range(len(p))]
    goals = [beta * (k == target) + (1 - beta) * z for k, z in enumerate(beliefs)]
    return -mp.fsum(goal * mp.log(share) for goal, share in zip(goals, p, strict=True) if goal)


@careful
def poly_cross_entropy(logits: Sequence[mpf], target: int, epsilon: mpf) -> mpf:
    p = softmax(logits)[target]
    return -mp.log(p) + epsilon * (1 - p)


@careful
def logit_adjusted(logits: Sequence[mpf], target: int, prior: Sequence[mpf], tau: mpf = 1.0) -> mpf:
    weighed = [share**tau * mp.exp(x) for x, share in zip(logits, prior, strict=True)]
    return -mp.log(weighed[target] / mp.fsum(weighed))


@careful
def ldam(logits: Sequence[mpf], target: int, counts: Sequence[mpf], max_margin: mpf, scale: mpf) -> mpf:
    """Return equation 13 of Cao et al., the constant of equation 12 being such that the rarest has `max_margin`."""
    roots = [1 / mp.root(n, 4) for n in counts]
    margins = [max_margin * root / max(roots) for root in roots]
    moved = [scale * (x - (margins[target] if k == target else 0)) for k, x in enumerate(logits)]
    return -mp.log(softmax(moved)[target])


def _with_shares(function: Callable[..., Any], **options: Any) -> Callable[..., Any]:  # noqa: ANN401
    def call(x: torch.Tensor, t: torch.Tensor, **more: Any) -> torch.Tensor:  # noqa: ANN401
        result: torch.Tensor = function(x, t, torch.tensor(SHARES, dtype=x.dtype), **options, **more)
        return result

    return call


def _of_shares(definition: Callable[..., mpf], **options: Any) -> Callable[..., mpf]:  # noqa: ANN401
    return lambda row, target: definition(row, target, SHARES, **options)


CASES: Final = (
    Case("squared_hinge", L.squared_hinge, squared_hinge, pairs(SCORES, SIDES)),
    Case(
        "squared_hinge 0.25",
        with_options(L.squared_hinge, margin=0.25),
        with_options(squared_hinge, margin=0.25),
        pairs(SCORES, SIDES),
    ),
    Case("soft_margin", L.soft_margin, soft_margin, pairs(SCORES, SIDES)),
    *(
        Case(
            f"margin_ranking {margin}",
            with_options(L.margin_ranking, margin=margin),
            with_options(margin_ranking, margin=margin),
            [(a, b, side) for a in (-4.0, 0.0625, 300.0) for b in (0.25, 296.0, -0.0009765625) for side in SIDES],
            (0, 1),
        )
        for margin in (0.0, 0.5, 4.2509765625)
    ),
    Case(
        "hinge_embedding",
        with_options(L.hinge_embedding, margin=0.75),
        with_options(hinge_embedding, margin=0.75),
        pairs((0.0, 0.0009765625, 0.5, 0.74609375, 3.0, -0.5), SIDES),
    ),
    Case(
        "multilabel_soft_margin",
        L.multilabel_soft_margin,
        multilabel_soft_margin,
        [(row, targets) for row in (*ROWS[:2], [-90.0, 17.0, 44.0, -0.125]) for targets in SOFT],
        (0, 1),
        terms=32.0,
    ),
    Case(
        "multilabel_soft_margin hard",
        L.multilabel_soft_margin,
        multilabel_soft_margin,
        [(row, SOFT[1]) for row in (*ROWS, [-90.0, 17.0, 44.0, -0.125])],
    ),
    *(
        Case(
            f"multilabel_margin {margin}",
            with_options(L.multilabel_margin, margin=margin),
            with_options(multilabel_margin, margin=margin),
            [(row, there) for row in (ROWS[0], [-300.0, 5.0, 2.5, 2.125]) for there in SETS],
        )
        for margin in (1.0, 0.25)
    ),
    *(
        Case(
            f"generalized_cross_entropy {q}",
            with_options(L.generalized_cross_entropy, q=q),
            with_options(generalized_cross_entropy, q=q),
            chosen(ROWS),
        )
        for q in (0.0009765625, 0.125, 0.7, 1.0)
    ),
    Case("generalized_cross_entropy 0", with_options(L.generalized_cross_entropy, q=0.0), cross_entropy, chosen(ROWS)),
    *(
        Case(
            f"symmetric_cross_entropy {alpha}",
            with_options(L.symmetric_cross_entropy, alpha=alpha, beta=0.5, log_zero=-6.0),
            with_options(symmetric_cross_entropy, alpha=alpha, beta=0.5, log_zero=-6.0),
            chosen(ROWS),
        )
        for alpha in (0.0, 0.125)
    ),
    *(
        Case(
            f"bootstrapped_cross_entropy {kind}",
            with_options(L.bootstrapped_cross_entropy, beta=0.75, kind=kind),
            with_options(bootstrapped_cross_entropy, beta=0.75, kind=kind),
            chosen([*ROWS[:2], ROWS[3]]),
            terms=64.0,
        )
        for kind in ("soft", "hard")
    ),
    *(
        Case(
            f"poly_cross_entropy {epsilon}",
            with_options(L.poly_cross_entropy, epsilon=epsilon),
            with_options(poly_cross_entropy, epsilon=epsilon),
            chosen(ROWS),
        )
        for epsilon in (-1.0, -0.5, 0.0, 2.0)
    ),
    *(
        Case(
            f"logit_adjusted {tau}",
            _with_shares(L.logit_adjusted, tau=tau),
            _of_shares(logit_adjusted, tau=tau),
            chosen(ROWS),
        )
        for tau in (1.0, 0.5, 0.0)
    ),
    Case("balanced_softmax", _with_shares(L.balanced_softmax), _of_shares(logit_adjusted), chosen(ROWS)),
    Case(
        "ldam",
        _with_shares(L.ldam, max_margin=0.5, scale=30.0),
        _of_shares(ldam, max_margin=0.5, scale=30.0),
        chosen(COSINES),
    ),
)

_CLASSES: Final = (
    "generalized_cross_entropy",
    "symmetric_cross_entropy",
    "bootstrapped_cross_entropy",
    "poly_cross_entropy",
    "logit_adjusted",
    "balanced_softmax",
    "ldam",
)


def _true_or_false(inputs: dict[str, Any]) -> dict[str, Any]:
    return inputs | {"targets": inputs["targets"] > 0}


def _class_weight(inputs: dict[str, Any]) -> dict[str, Any]:
    classes = inputs["logits"].shape[-1]
    return inputs | {"class_weight": torch.linspace(0.5, 2.0, classes, dtype=torch.float64)}


_BOOLEAN: Final = ("boolean", {}, _true_or_false)
VARIANTS: Final = {
    "squared_hinge": [("wide", {"margin": 3.0}, None), _BOOLEAN],
    "soft_margin": [_BOOLEAN],
    "margin_ranking": [("wide", {"margin": 3.0}, None), _BOOLEAN],
    "hinge_embedding": [("wide", {"margin": 3.0}, None), _BOOLEAN],
    "multilabel_margin": [("narrow", {"margin": 0.3}, None)],
    "generalized_cross_entropy": [
        ("slight", {"q": 0.01, "ignore_index": 1}, None),
        ("class-weight", {}, _class_weight),
    ],
    "symmetric_cross_entropy": [
        ("other", {"alpha": 2.0, "beta": 0.5, "log_zero": -1.0, "ignore_index": 1}, None),
        ("class-weight", {}, _class_weight),
    ],
    "bootstrapped_cross_entropy": [
        ("half", {"beta": 0.5, "ignore_index": 1}, None),
        ("class-weight", {}, _class_weight),
    ],
    "poly_cross_entropy": [("less", {"epsilon": -0.5, "ignore_index": 1}, None), ("class-weight", {}, _class_weight)],
    "logit_adjusted": [("twice", {"tau": 2.0, "ignore_index": 1}, None), ("class-weight", {}, _class_weight)],
    "balanced_softmax": [("ignoring", {"ignore_index": 1}, None), ("class-weight", {}, _class_weight)],
    "ldam": [
        ("mild", {"max_margin": 0.1, "scale": 2.0, "ignore_index": 1}, None),
        ("class-weight", {}, _class_weight),
    ],
}
SHARED: Final = ("prior", "counts")
REFUSE_A_GRADIENT: Final = {
    **dict.fromkeys(("squared_hinge", "soft_margin", "margin_ranking", "hinge_embedding"), ("targets",)),
    **dict.fromkeys(_CLASSES, ("class_weight", "prior", "counts")),
}
# Targets that may be booleans as well, of the losses of two sides.
BOOLEANS_TOO: Final = ("squared_hinge", "soft_margin", "margin_ranking", "hinge_embedding")
IDLE: Final = {f"{name}-boolean": "True is +1 and False is -1: the same numbers" for name in BOOLEANS_TOO}
