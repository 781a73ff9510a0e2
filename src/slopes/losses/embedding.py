"""Losses between embeddings that are handed over in pairs and triplets.

Dimension names: `...` is any shape, D the length of an embedding.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, NON_NEGATIVE, Domain, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pairs import distance as distances
from slopes.kernels.pairs.distance import DISTANCES
from slopes.kernels.pointwise import defined

Distance = Literal["euclidean", "squared", "cosine"]


def triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    margin: float = 0.2,
    distance: Distance = "euclidean",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return max(0, d(anchor, positive) - d(anchor, negative) + margin) of each triplet, reduced.

    Args:
        anchor: `[..., D]`, any floating dtype.
        positive: `[..., D]`, what belongs with the anchor.
        negative: `[..., D]`, what does not.
        margin: How much farther the negative must be; at least 0, in the unit of the distance.
        distance: `"euclidean"`, `"squared"` (its square) or `"cosine"` (1 - cos, in [0, 2]).
        mask: `[...]` boolean, True where a triplet counts.
        weight: `[...]`, weight of each triplet, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the unit of the distance, at least 0.

    Raises:
        ShapeError: Shapes differ, or there is no last dimension.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `margin`, `distance`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or an embedding is infinite or too large to subtract.

    Notes:
        The gradient is 0 once the negative is far enough. The Euclidean distance of identical points has no
        direction: its gradient is 0, never NaN. The cosine of a zero vector is 0, with zero gradient. torch's
        triplet_margin_loss adds 1e-6 to every difference and has a margin of 1.

    Examples:
        >>> anchor, near, far = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([[0.0, 2.0]])
        >>> triplet(anchor, near, far, margin=1.0).item()
        4.0
        >>> triplet(anchor, near, far, margin=1.0, distance="squared").item()
        22.0
    """
    check.alike("triplet", anchor=anchor, positive=positive, negative=negative)
    _check_vectors("triplet", "anchor", anchor)
    margin = check.option("triplet", "margin", margin, FINITE_NON_NEGATIVE)
    check.choice("triplet", "distance", distance, DISTANCES)
    plan = reduce.plan(
        "triplet", anchor.shape[:-1], anchor, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    check.moderate("triplet", plan.keep, anchor=anchor, positive=positive, negative=negative)
    a, p, n = (plan.neutral(t).to(wide(t.dtype)) for t in (anchor, positive, negative))
    loss = plan.apply(torch.relu(distances.between(a, p, distance) - distances.between(a, n, distance) + margin))
    return defined.told(loss, plan, anchor=anchor, positive=positive, negative=negative)


def contrastive(
    a: Tensor,
    b: Tensor,
    similar: Tensor,
    *,
    margin: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return d² of each similar pair and max(0, margin - d)² of each dissimilar one, d = |a - b|, reduced.

    Args:
        a: `[..., D]`, any floating dtype.
        b: `[..., D]`, the shape of `a`.
        similar: `[...]` boolean, True where the two belong together.
        margin: How far apart dissimilar ones are pushed; from 0 to 2^63, whose square float32 holds; in the embeddings'
            unit.
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the embeddings' unit squared, at least 0.

    Raises:
        ShapeError: Shapes differ, or there is no last dimension.
        DtypeError: `similar` is not boolean, an embedding is not floating, or float64 meets another dtype.
        OptionError: `margin`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or an embedding is infinite or too large to subtract.

    Notes:
        Hadsell et al. write Y = 0 for similar pairs and a factor ½: (1 - Y) ½d² + Y ½max(0, m - d)². Others write
        y = 1 for similar ones, with the ½ or without. Here the label is a condition: `similar=labels == 0` is the
        former, `similar=labels == 1` the latter, and the ½ is a factor on the result. The gradient of a dissimilar
        pair at d = 0 has no direction, and is 0.

    Examples:
        >>> a, b = torch.zeros(2, 2), torch.tensor([[0.0, 0.5], [0.0, 0.5]])
        >>> contrastive(a, b, torch.tensor([True, False]), margin=2.0, reduction="none")
        tensor([0.2500, 2.2500])
    """
    margin = check.option("contrastive", "margin", margin, _SQUARED)
    plan = _plan_of_pairs("contrastive", a, b, similar, mask, weight, reduction, denominator)
    difference = plan.neutral(a).to(wide(a.dtype)) - plan.neutral(b).to(wide(b.dtype))
    short = torch.relu(margin - distances.length(difference))
    loss = plan.apply(torch.where(similar, (difference * difference).sum(-1), short * short))
    return defined.told(loss, plan, a=a, b=b)


def cosine_embedding(
    a: Tensor,
    b: Tensor,
    similar: Tensor,
    *,
    margin: float = 0.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return 1 - cos(a, b) of each similar pair and max(0, cos(a, b) - margin) of each dissimilar one, reduced.

    Args:
        a: `[..., D]`, any floating dtype.
        b: `[..., D]`, the shape of `a`.
        similar: `[...]` boolean, True where the two belong together.
        margin: The cosine that dissimilar ones may keep; in [-1, 1].
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; in [0, 2].

    Raises:
        ShapeError: Shapes differ, or there is no last dimension.
        DtypeError: `similar` is not boolean, an embedding is not floating, or float64 meets another dtype.
        OptionError: `margin`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or an embedding is infinite or too large to subtract.

    Notes:
        torch takes y in {-1, 1}: `similar=y > 0` is the same. Vectors of any length from the smallest number to the
        largest have their right cosine; that of a zero vector is 0, with zero gradient. 1 - cos is computed as half
        of the squared distance of the unit vectors, so that nearly parallel ones keep their digits.

    Examples:
        >>> a, b = torch.tensor([[3.0, 4.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
        >>> cosine_embedding(a, b, torch.tensor([True, False]), margin=0.5, reduction="none")
        tensor([0.4000, 0.1000])
    """
    margin = check.option("cosine_embedding", "margin", margin, _COSINE)
    plan = _plan_of_pairs("cosine_embedding", a, b, similar, mask, weight, reduction, denominator)
    a, b = (plan.neutral(t).to(wide(t.dtype)) for t in (a, b))
    apart = torch.relu(distances.cosine(a, b) - margin)
    return plan.apply(torch.where(similar, distances.cosine_distance(a, b), apart))


class Triplet(Module, of=triplet):
    """Module of `triplet`."""

    margin: float = 0.2
    distance: Distance = "euclidean"
    reduction: Reduction = "mean"


class Contrastive(Module, of=contrastive):
    """Module of `contrastive`."""

    margin: float = 1.0
    reduction: Reduction = "mean"


class CosineEmbedding(Module, of=cosine_embedding):
    """Module of `cosine_embedding`."""

    margin: float = 0.0
    reduction: Reduction = "mean"


_SQUARED: Final = Domain(0.0, 2.0**63)  # its square is a float32
_COSINE: Final = Domain(-1.0, 1.0)


def _check_vectors(function: str, name: str, value: Tensor) -> None:
    check.dimensions(function, name, value, "[..., D]", 1)
    check.filled(function, name, value, "[..., D]", "check the size of the embedding layer")


def _plan_of_pairs(
    function: str,
    a: Tensor,
    b: Tensor,
    similar: Tensor,
    mask: Tensor | None,
    weight: Tensor | None,
    reduction: Reduction,
    denominator: Tensor | float | None,
) -> reduce.Plan:
    """Check pairs of embeddings with their condition, and return what the reduction asks for."""
    check.alike(function, a=a, b=b)
    _check_vectors(function, "a", a)
    check.boolean(function, "similar", similar, a.shape[:-1], "one condition for each pair; True where they belong")
    check.same_device(function, a=a, similar=similar)
    plan = reduce.plan(
        function, a.shape[:-1], a, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    check.moderate(function, plan.keep, a=a, b=b)
    return plan


_PAIR: Final = (
    Input("a", ("...", "D")),
    Input("b", ("...", "D")),
    Input("similar", ("...",), "boolean"),
)

SPECS: Final = (
    Spec(
        title="Triplet",
        family="embedding",
        function=triplet,
        module=Triplet,
        summary="Order of distances: faces, signatures, retrieval, where only nearer and farther mean anything.",
        formula=r"\ell = \max(0,\ d(a, p) - d(a, n) + m)",
        slope=r"\frac{\partial \ell}{\partial p} = \frac{p - a}{|p - a|},\quad"
        r"\frac{\partial \ell}{\partial n} = -\frac{n - a}{|n - a|}\quad\text{while } \ell > 0",
        inputs=(Input("anchor", ("...", "D")), Input("positive", ("...", "D")), Input("negative", ("...", "D"))),
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(
            Parameter(
                "margin", "how much farther the negative must be", FINITE_NON_NEGATIVE, "m", slider=(0.0, 2.0, 0.05)
            ),
            Parameter("distance", "what far means", choices=DISTANCES),
        ),
        aliases=("triplet loss", "triplet margin", "facenet"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.triplet_margin_loss(anchor, positive, negative, margin=margin)",
                "adds 1e-6 to every difference; margin 1 by default",
            ),
            Equivalent(
                "optax",
                "optax.losses.triplet_margin_loss(anchors, positives, negatives, margin=margin).mean()",
                "adds 1e-6 to the squared distances; margin 1 by default",
            ),
            Equivalent(
                "pytorch-metric-learning",
                "TripletMarginLoss(margin=margin, distance=LpDistance(normalize_embeddings=False))",
                "margin 0.05, normalises embeddings and averages over triplets above 0 by default",
            ),
        ),
        convention="Euclidean distance and a margin of 0.2; FaceNet squares the distance of unit vectors.",
        sources=(Source("Schroff et al. 2015, FaceNet", "equation 3"),),
        smooth="no",
    ),
    Spec(
        title="Contrastive",
        family="embedding",
        function=contrastive,
        module=Contrastive,
        summary="Pairs that belong together are pulled in, the others are pushed out up to a margin.",
        formula=r"\ell = d^2 \text{ for a similar pair},\ \max(0, m - d)^2 \text{ for another},\quad d = |a - b|",
        slope=r"\frac{\partial \ell}{\partial d} = 2d \text{ for a similar pair},\ "
        r"-2\max(0, m - d) \text{ for another}",
        inputs=_PAIR,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(Parameter("margin", "how far dissimilar ones are pushed", _SQUARED, "m", slider=(0.0, 4.0, 0.1)),),
        aliases=("contrastive loss", "siamese loss", "pairwise contrastive"),
        equivalents=(
            Equivalent(
                "pytorch-metric-learning",
                "ContrastiveLoss(pos_margin=0, neg_margin=margin, distance=LpDistance(normalize_embeddings=False))",
                "linear in the distance; its root is meant pair by pair",
            ),
        ),
        convention="A condition, not a label: the paper has Y = 0 for similar pairs and a factor ½.",
        sources=(
            Source("Hadsell et al. 2006, Dimensionality Reduction by Learning an Invariant Mapping", "equation 4"),
        ),
        smooth="no",
    ),
    Spec(
        title="Cosine embedding",
        family="embedding",
        function=cosine_embedding,
        module=CosineEmbedding,
        summary="The same by angle alone: sentences, documents, whatever is compared by cosine.",
        formula=r"\ell = 1 - \cos(a, b) \text{ for a similar pair},\ \max(0, \cos(a, b) - m) \text{ for another}",
        slope=r"\frac{\partial \ell}{\partial \cos} = -1 \text{ for a similar pair},\ 1 \text{ for another above } m",
        inputs=_PAIR,
        output=("...",),
        range=Domain(0.0, 2.0),
        parameters=(
            Parameter("margin", "the cosine that dissimilar ones may keep", _COSINE, "m", slider=(-1.0, 1.0, 0.05)),
        ),
        aliases=("cosine loss", "cosine similarity loss", "cosine distance"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.cosine_embedding_loss(a, b, y, margin=margin)",
                "y in {-1, 1}; adds 1e-12 to the squared norms",
            ),
            Equivalent("optax", "optax.losses.cosine_distance(a, b)", "similar pairs only; NaN for a zero vector"),
            Equivalent("Keras", "keras.losses.CosineSimilarity()(a, b) + 1", "similar pairs only"),
        ),
        convention="A condition where torch has y in {-1, 1}.",
        sources=(Source("torch.nn.CosineEmbeddingLoss", "its documentation"),),
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
