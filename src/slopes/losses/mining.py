"""The triplet loss of a whole batch, whose triplets are mined from its labels.

Dimension names: N embeddings of length D.
"""

from __future__ import annotations

import dataclasses
from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.errors import ShapeError
from slopes._core.module import Module
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pairs import distance as distances
from slopes.kernels.pairs import triplets
from slopes.kernels.pairs.distance import DISTANCES
from slopes.kernels.pointwise import defined

Mining = Literal["hard", "semihard", "all"]
Distance = Literal["euclidean", "squared", "cosine"]
Over = Literal["valid", "active"]


def batch_triplet(
    embeddings: Tensor,
    labels: Tensor,
    *,
    margin: float = 0.2,
    mining: Mining = "hard",
    distance: Distance = "euclidean",
    average_over: Over = "valid",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin) of the mined triplets, reduced.

    Every embedding is an anchor; its positives are the others of its label, its negatives those of other labels.

    - `"hard"`: one triplet for each anchor, its farthest positive and its nearest negative (Hermans et al., batch
      hard).
    - `"semihard"`: one for each anchor and positive, with the nearest negative that is farther than the positive,
      and where there is none with the farthest negative (FaceNet; this form is TensorFlow Addons').
    - `"all"`: every anchor, positive and negative (Hermans et al., batch all).

    Args:
        embeddings: `[N, D]`, any floating dtype; normalise them yourself if your distance wants it.
        labels: `[N]` int64, equal where two embeddings belong together.
        margin: How much farther the negative must be; at least 0, in the unit of the distance.
        mining: `"hard"`, `"semihard"` or `"all"`.
        distance: `"euclidean"`, `"squared"` (its square) or `"cosine"` (1 - cos, in [0, 2]).
        average_over: What a mean divides by: all mined triplets (`"valid"`), or those with a loss above 0
            (`"active"`, Hermans et al.'s and pytorch-metric-learning's habit, which keeps the gradient from fading as
            training goes on).
        mask: `[N]` boolean, True where an embedding counts; the others are nobody's positive or negative either.
        weight: `[N]`, weight of each anchor's triplets, at least 0; 0 is the same as masked.
        reduction: `"mean"` (over triplets: each weighs what its anchor does), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[N]` for `"none"`, the sum over each anchor's triplets; float32 for 16-bit input; the unit of
        the distance, at least 0. An anchor without a positive or without a negative adds nothing.

    Raises:
        ShapeError: `embeddings` is not `[N, D]`, or `labels` not `[N]`.
        DtypeError: `labels` is not int64, or `embeddings` is not floating.
        OptionError: `margin`, `mining`, `distance`, `average_over`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or an embedding is infinite or too large to subtract.

    Notes:
        Neither triplets nor N×N distances are made: a block of anchors is mined at a time, in N² (D + log N) time
        and memory for a block. Distances of float32 come from one product in float64 and those of near points from
        differences, so that near-duplicates far from the origin keep their digits; identical points have zero
        gradient. An embedding that holds NaN makes the semi-hard and the full loss NaN. The choice of a triplet is no
        part of the gradient. `average_over="active"` mines twice, to count first. A second derivative and torch.func
        make the N×N×D differences, except for `"hard"`.

    Examples:
        >>> embeddings = torch.tensor([[0.0], [1.0], [3.0], [7.0]])
        >>> labels = torch.tensor([0, 0, 1, 1])
        >>> batch_triplet(embeddings, labels, margin=2.0, reduction="none")  # 4-2+2 for the third, 4-6+2 for the last
        tensor([0., 1., 4., 0.])
        >>> batch_triplet(embeddings, labels, margin=2.0).item()
        1.25
        >>> batch_triplet(embeddings, labels, margin=2.0, average_over="active").item()
        2.5
    """
    _check(embeddings, labels)
    margin = check.option("batch_triplet", "margin", margin, FINITE_NON_NEGATIVE)
    check.choice("batch_triplet", "mining", mining, ("hard", "semihard", "all"))
    check.choice("batch_triplet", "distance", distance, DISTANCES)
    check.choice("batch_triplet", "average_over", average_over, ("valid", "active"))
    plan = reduce.plan(
        "batch_triplet",
        labels.shape,
        embeddings,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    check.moderate("batch_triplet", plan.keep, embeddings=embeddings)
    labels = labels.contiguous()
    x = plan.neutral(embeddings).to(wide(embeddings.dtype))
    counts = reduction == "mean" and denominator is None
    if mining == "hard":
        loss = _hard(x, labels, margin, distance, plan, average_over if counts else None)
        return defined.told(loss, plan, embeddings=x)
    if counts and average_over == "active":
        plan = _over(plan, triplets.active_pairs(x, labels, plan.keep, distance, margin, mining))
    elif counts:
        positives, negatives = triplets.pairs(labels, plan.keep)
        plan = _over(plan, positives * (negatives if mining == "all" else negatives.clamp(max=1)))
    engine = triplets.ALL if mining == "all" else triplets.SEMIHARD
    loss = engine.reduced((x,), (float(margin), labels, plan.keep, distance), plan)
    return defined.told(loss, plan, embeddings=x)


class BatchTriplet(Module, of=batch_triplet):
    """Module of `batch_triplet`."""

    margin: float = 0.2
    mining: Mining = "hard"
    distance: Distance = "euclidean"
    average_over: Over = "valid"
    reduction: Reduction = "mean"


def _check(embeddings: Tensor, labels: Tensor) -> None:
    check.floating("batch_triplet", embeddings=embeddings)
    if embeddings.dim() != 2:  # noqa: PLR2004  rows and their length
        fix = "embeddings.flatten(0, -2) and labels.flatten()"
        if embeddings.dim() < 2:  # noqa: PLR2004  likewise
            fix = "embeddings.reshape(len(labels), -1)"
        message = (
            f"batch_triplet: `embeddings` has shape {check.shape_of(embeddings)}, expected [N, D], one embedding a "
            f"row; pass {fix}."
        )
        raise ShapeError(message)
    check.filled("batch_triplet", "embeddings", embeddings, "[N, D]", "check the size of the embedding layer")
    check.integers("batch_triplet", "labels", labels, embeddings.shape[:1], "one label for each embedding")
    check.same_device("batch_triplet", embeddings=embeddings, labels=labels)


def _hard(
    x: Tensor, labels: Tensor, margin: float, distance: Distance, plan: Plan, average_over: Over | None
) -> Tensor:
    """Return the loss of one triplet for each anchor: an ordinary triplet loss of the rows that were found."""
    positive, negative, both = triplets.hardest(x, labels, plan.keep, distance)
    gap = distances.between(x, x[positive], distance) - distances.between(x, x[negative], distance) + margin
    loss = torch.where(both, gap, 0.0).relu()
    if average_over is not None:
        found = both if average_over == "valid" else loss.detach() > 0
        plan = _over(plan, found.to(loss.dtype))
    return plan.apply(loss)


def _over(plan: Plan, numbers: Tensor) -> Plan:
    """Return the plan of a mean over triplets, of which each anchor has so many."""
    if plan.weight is not None:
        return dataclasses.replace(plan, divisor=(plan.weight * numbers).sum())
    if plan.keep is not None:
        numbers = torch.where(plan.keep, numbers, 0)
    return dataclasses.replace(plan, divisor=numbers.sum())


SPECS: Final = (
    Spec(
        title="Batch triplet",
        family="embedding",
        function=batch_triplet,
        module=BatchTriplet,
        summary="The triplet loss of a labelled batch, which finds its own triplets.",
        formula=r"\ell_a = \sum_{(p, n) \in \text{mined}(a)} \max(0,\ d(a, p) - d(a, n) + m)",
        slope=r"\frac{\partial \ell_a}{\partial d(a, p)} = \#\{n : \ell > 0\},\quad"
        r"\frac{\partial \ell_a}{\partial d(a, n)} = -\#\{p : \ell > 0\}",
        inputs=(Input("embeddings", ("N", "D")), Input("labels", ("N",), "label")),
        output=("N",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter(
                "margin", "how much farther the negative must be", FINITE_NON_NEGATIVE, "m", slider=(0.0, 2.0, 0.05)
            ),
            Parameter("mining", "which triplets count", choices=("hard", "semihard", "all")),
            Parameter("distance", "what far means", choices=DISTANCES),
            Parameter("average_over", "which triplets a mean divides by", choices=("valid", "active")),
        ),
        aliases=("batch hard", "batch all", "semi-hard", "semihard triplet", "triplet mining"),
        equivalents=(
            Equivalent(
                "pytorch-metric-learning",
                "TripletMarginLoss(margin=margin, distance=LpDistance(normalize_embeddings=False))(embeddings, labels)",
                'mining="all"; averages over triplets above 0, average_over="active" here',
            ),
            Equivalent(
                "pytorch-metric-learning",
                "TripletMarginLoss(reducer=MeanReducer())(embeddings, labels, BatchHardMiner()(embeddings, labels))",
                'mining="hard"; normalises embeddings by default',
            ),
            Equivalent(
                "TensorFlow Addons",
                "tfa.losses.TripletSemiHardLoss(margin=margin)(labels, embeddings)",
                'mining="semihard", distance="squared" of normalised embeddings',
            ),
        ),
        convention="A mean divides by all mined triplets; average_over='active' divides by those above 0.",
        sources=(
            Source("Hermans et al. 2017, In Defense of the Triplet Loss", "equations 5 and 7"),
            Source("Schroff et al. 2015, FaceNet", "section 3.2"),
        ),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
