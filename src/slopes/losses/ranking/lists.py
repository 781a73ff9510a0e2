"""What losses over lists share: checks, which items are there, and the gains and discounts of NDCG.

Dimension names: `...` lists of L items.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import FINITE, Domain, Input, Parameter

Gains = Literal["exponential", "linear"]
GAINS: Final = ("exponential", "linear")
GRADES: Final = Domain(0.0, 64.0)  # 2^64 has room in float32
LISTS: Final = (
    Input("scores", ("...", "L")),
    Input("relevance", ("...", "L"), "count"),
    Input("item_mask", ("...", "L"), "boolean", optional=True),
)
GAIN: Final = Parameter("gains", "what a grade is worth: 2^grade - 1, or the grade", choices=GAINS)


class Lists(NamedTuple):
    """Lists whose missing items hold 0: what scores them, how relevant they are, and 1 where an item is there."""

    scores: Tensor
    relevance: Tensor
    item_mask: Tensor


def checked(
    function: str,
    scores: Tensor,
    relevance: Tensor,
    item_mask: Tensor | None,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
    *,
    grades: Domain = FINITE,
) -> tuple[Plan, Lists]:
    """Check what a loss over lists takes; return which lists count, and the lists, with one item at least."""
    check.alike(function, scores=scores, relevance=relevance)
    check.dimensions(function, "scores", scores, "[..., L]", 1)
    check.constant(function, relevance=relevance)
    if item_mask is not None:
        check.boolean(function, "item_mask", item_mask, scores.shape, "the shape of `scores`; True where an item is")
        check.same_device(function, item_mask=item_mask, scores=scores)
    plan = reduce.plan(
        function, scores.shape[:-1], scores, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    keep = None if plan.keep is None else plan.keep.unsqueeze(-1).expand(scores.shape)
    if item_mask is not None:
        keep = item_mask if keep is None else item_mask & keep
    check.within(function, "relevance", relevance, grades, "leave items without a grade out with `item_mask`", keep)
    if keep is None:
        there = torch.ones_like(scores, requires_grad=False)
    else:
        there = keep.to(scores.dtype)
        scores, relevance = (torch.where(keep, given, 0.0) for given in (scores, relevance))
    if scores.shape[-1] == 0:  # a list of nothing is one of an item that is not there
        scores, relevance, there = (F.pad(given, (0, 1)) for given in (scores, relevance, there))
    return plan, Lists(scores, relevance, there)


def ahead(x: Tensor, here: Tensor) -> Tensor:
    """Return `[..., i, j]`, whether item j is there and comes before item i: larger, or as large and earlier."""
    place = torch.arange(x.shape[-1], device=x.device)
    mine, other = x.unsqueeze(-1), x.unsqueeze(-2)
    before = (other > mine) | ((other == mine) & (place < place.unsqueeze(-1)))
    return before & here.unsqueeze(-2)


def discount(rank: Tensor) -> Tensor:
    """Return 1 / log2(1 + rank), the discount of NDCG, of ranks from 1 on."""
    return 1 / torch.log2(1 + rank)


def gains_of(y: Tensor, there: Tensor, *, linear: bool) -> tuple[Tensor, Tensor]:
    """Return each item's gain over the best DCG that its list can have, and the discount of its place there."""
    here = there != 0
    gain = there * (y if linear else torch.exp2(y) - 1)
    ideal = discount(1 + ahead(y, here).sum(-1).to(y.dtype))
    best = (gain * ideal).sum(-1, keepdim=True)
    return gain / torch.where(best > 0, best, 1.0), ideal
