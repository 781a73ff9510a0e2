"""Losses of lists whose order counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from mpmath import mp, mpf
from tests.oracles.case import Case, pairs, with_options
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

Inputs = dict[str, Any]
LISTS: Final = ("pairwise_logistic", "lambda_rank", "list_net", "list_mle", "approx_ndcg")


def _all_there(inputs: Inputs) -> Inputs:
    return {name: value for name, value in inputs.items() if name != "item_mask"}


SIZES: Final = {"L": 4}
VARIANTS: Final[Mapping[str, Sequence[Any]]] = {
    **{name: [("all-there", {}, _all_there)] for name in LISTS},
    "approx_ndcg": [("all-there", {}, _all_there), ("warm", {"temperature": 1.5}, None)],
}
OTHER_NUMBERS: Final = {("list_net", "torch"): "of lists whose items are all there it gives the same"}
REFUSE_A_GRADIENT: Final = dict.fromkeys(LISTS, ("relevance",))

Row = Sequence[mpf]


def there(scores: Row, relevance: Row, present: Sequence[bool]) -> list[tuple[mpf, mpf]]:
    return [(s, y) for s, y, p in zip(scores, relevance, present, strict=True) if p]


def log_loss(lead: mpf) -> mpf:
    return mp.log(1 + mp.exp(-lead))


@careful
def pairwise_logistic(scores: Row, relevance: Row, present: Sequence[bool]) -> mpf:
    """Return the mean surprise of the right order, over the pairs that have one."""
    items = there(scores, relevance, present)
    losses = [log_loss(s - t) for s, y in items for t, z in items if y > z]
    return mp.fsum(losses) / len(losses) if losses else mpf(0)


def gain(grade: mpf, gains: str) -> mpf:
    return mpf(2) ** grade - 1 if gains == "exponential" else grade


def dcg(grades: Sequence[mpf], gains: str) -> mpf:
    return mp.fsum(gain(grade, gains) / mp.log(place + 2, 2) for place, grade in enumerate(grades))


@careful
def lambda_rank(scores: Row, relevance: Row, present: Sequence[bool], *, gains: str) -> mpf:
    """Return Σ |change of NDCG by a swap| times the surprise of the right order: NDCG is worked out anew for each."""
    items = there(scores, relevance, present)
    sorted_ = sorted(items, key=lambda item: -item[0])  # of equal ones the first stays first
    best = dcg(sorted((y for _, y in items), reverse=True), gains)
    total = mpf(0)
    for i, (s, y) in enumerate(sorted_):
        for j, (t, z) in enumerate(sorted_):
            if y > z:
                grades = [grade for _, grade in sorted_]
                before = dcg(grades, gains)
                grades[i], grades[j] = grades[j], grades[i]
                total += abs(dcg(grades, gains) - before) / best * log_loss(s - t)
    return total


@careful
def list_net(scores: Row, relevance: Row, present: Sequence[bool]) -> mpf:
    """Return the cross-entropy between the chances of each item to come first."""
    items = there(scores, relevance, present)
    whole, wanted = (mp.fsum(mp.exp(item[k]) for item in items) for k in (0, 1))
    return -mp.fsum(mp.exp(y) / wanted * mp.log(mp.exp(s) / whole) for s, y in items)


@careful
def list_mle(scores: Row, relevance: Row, present: Sequence[bool], *, ties: str) -> mpf:
    """Return minus the logarithm of the chance to draw the items in the order of their relevance."""
    left = sorted(there(scores, relevance, present), key=lambda item: -item[1])
    chance = mpf(1)
    for place, (s, y) in enumerate(left):
        others = [t for t, z in left if z <= y] if ties == "together" else [t for t, _ in left[place:]]
        chance *= mp.exp(s) / mp.fsum(mp.exp(t) for t in others)
    return -mp.log(chance)


@careful
def approx_ndcg(scores: Row, relevance: Row, present: Sequence[bool], *, gains: str, temperature: mpf) -> mpf:
    """Return 1 - DCG at smooth ranks over the best DCG."""
    items = there(scores, relevance, present)
    best = dcg(sorted((y for _, y in items), reverse=True), gains)
    total = mpf(0)
    for i, (s, y) in enumerate(items):
        rank = 1 + mp.fsum(1 / (1 + mp.exp((s - t) / temperature)) for j, (t, _) in enumerate(items) if j != i)
        total += gain(y, gains) / mp.log(1 + rank, 2)
    return 1 - total / best if best else mpf(0)


@careful
def bpr(positive: mpf, negative: mpf) -> mpf:
    """Return minus the logarithm of the chance of the right order."""
    return -mp.log(1 / (1 + mp.exp(negative - positive)))


SCORES: Final = ([0.5, -1.25, 2.0, 0.125], [0.0, 0.0, 0.0, 0.0])
FAR: Final = ([30.0, 1.0, -4.0, 29.5], [-90.0, 5.0, 2.0, 1.0])
GRADED: Final = ([0.0, 1.0, 2.0, 1.0], [4.0, 0.0, 0.0, 3.0], [1.0, 1.0, 1.0, 1.0])
PRESENT: Final = ([True, True, True, True], [True, False, True, True])
Rows = list[tuple[Any, ...]]


def lists(scores: Sequence[list[float]]) -> Rows:
    return [(s, y, p) for s in scores for y in GRADED for p in PRESENT]


# Two items: nothing cancels. Of more, pulls of about 1 do, and losses as large as the scores are added up.
TWO: Final[Rows] = [
    ([a, 0.25], y, [True, True]) for a in (-90.0, -17.0, 0.5, 30.0, 80.0) for y in ([1.0, 0.0], [0.0, 1.0])
]
KINDS: Final[Mapping[str, tuple[Rows, float | None]]] = {
    "of two": (TWO, None),
    "near": (lists(SCORES), 1.0),
    "far": (lists(FAR), 64.0),
}
# Where scores are equal the weights of this one jump.
WITHOUT_TIES: Final = KINDS | {"near": (lists(SCORES[:1]), 1.0)}


def cases(
    name: str,
    oracle: Callable[..., Any],
    kinds: Mapping[str, tuple[Rows, float | None]] = KINDS,
    **options: object,
) -> list[Case]:
    """Return the cases of a loss of lists under some options, one for each kind of lists."""
    call = with_options(getattr(L, name), **options)
    label = " ".join([name, *map(str, options.values())])
    return [
        Case(f"{label} {kind}", call, with_options(oracle, **options), rows, terms=terms, size=4)
        for kind, (rows, terms) in kinds.items()
    ]


CASES: Final = (
    *cases("pairwise_logistic", pairwise_logistic),
    *cases("lambda_rank", lambda_rank, WITHOUT_TIES, gains="exponential"),
    *cases("lambda_rank", lambda_rank, WITHOUT_TIES, gains="linear"),
    *cases("list_net", list_net),
    *cases("list_mle", list_mle, KINDS | {"of two": (TWO, 1.0)}, ties="together"),
    *cases("list_mle", list_mle, KINDS | {"of two": (TWO, 1.0)}, ties="in_order"),
    *cases("approx_ndcg", approx_ndcg, {"near": KINDS["near"]}, gains="exponential", temperature=0.125),
    *cases("approx_ndcg", approx_ndcg, {"near": KINDS["near"]}, gains="linear", temperature=2.0),
    Case("bpr", L.bpr, bpr, pairs((-90.0, -1.0, 0.0, 0.75, 17.0, 80.0), (0.25, -2.0)), (0, 1)),
)
