"""Losses of two numbers, or of a distance, and which side they should be on.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.differences import difference
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.classes.sides import by_side


def margin_ranking(
    first: Tensor,
    second: Tensor,
    targets: Tensor,
    *,
    margin: float = 0.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return max(0, margin - t (a - b)) of each pair of scores a and b, t saying which should lead, reduced.

    Args:
        first: `[...]`, any floating dtype: the scores a.
        second: `[...]`, the shape of `first`: the scores b.
        targets: `[...]`, that shape: boolean, True where `first` should lead, or floating and each +1 or -1.
        margin: Lead that is asked for, at least 0.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the scores' unit, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: A score is not floating, `targets` neither that nor boolean, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is neither -1 nor +1, a weight is negative or not finite, or infinite scores meet.

    Notes:
        The gradient is -t by a and t by b inside the margin, 0 outside, the kink included: equal scores under a
        margin of 0, torch's default and this one, cost nothing and do not move; torch pushes them apart there. For
        probabilities of an order, `bradley_terry`.

    Examples:
        >>> a, b = torch.tensor([2.0, 0.5]), torch.tensor([1.5, 1.0])
        >>> margin_ranking(a, b, torch.tensor([True, True]), margin=1.0, reduction="none")
        tensor([0.5000, 1.5000])
    """
    margin = check.option("margin_ranking", "margin", margin, FINITE_NON_NEGATIVE)
    rest = mask, weight, reduction, denominator
    return by_side("margin_ranking", _MARGIN_RANKING, targets, *rest, float(margin), first=first, second=second)


def hinge_embedding(
    distances: Tensor,
    targets: Tensor,
    *,
    margin: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the distance d of each pair that is alike, and max(0, margin - d) of one that is not, reduced.

    Args:
        distances: `[...]`, any floating dtype.
        targets: `[...]`, the shape of `distances`: boolean, True where two are alike, or floating and each +1 or -1.
        margin: Distance that pairs which are not alike must have, at least 0.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the distances' unit, at least 0 where they are.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: `distances` is not floating, `targets` neither that nor boolean, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is neither -1 nor +1, or a weight is negative or not finite.

    Notes:
        The gradient is 1 for what is alike, -1 for what is not and too near, else 0, the kink included. The distance
        is yours to make, and is taken as it is, a negative one too; `contrastive` makes a Euclidean one of
        embeddings, and squares. `hinge` is another loss: of scores.

    Examples:
        >>> d = torch.tensor([0.25, 0.25, 3.0])
        >>> hinge_embedding(d, torch.tensor([True, False, False]), reduction="none")
        tensor([0.2500, 0.7500, 0.0000])
    """
    margin = check.option("hinge_embedding", "margin", margin, FINITE_NON_NEGATIVE)
    rest = mask, weight, reduction, denominator
    return by_side("hinge_embedding", _HINGE_EMBEDDING, targets, *rest, float(margin), distances=distances)


class MarginRanking(Module, of=margin_ranking):
    """Module of `margin_ranking`."""

    margin: float = 0.0
    reduction: Reduction = "mean"


class HingeEmbedding(Module, of=hinge_embedding):
    """Module of `hinge_embedding`."""

    margin: float = 1.0
    reduction: Reduction = "mean"


def _margin_ranking(a: Tensor, b: Tensor, t: Tensor, margin: float) -> tuple[Tensor, tuple[Tensor, Tensor, None]]:
    high, low = difference(a, b)  # near the kink the lead and the margin cancel
    short = ((margin - t * high) - t * low).clamp(min=0)
    pull = t * short.sign()
    return short, (-pull, pull, None)


def _hinge_embedding(d: Tensor, t: Tensor, margin: float) -> tuple[Tensor, tuple[Tensor, None]]:
    alike = t > 0
    short = (margin - d).clamp(min=0)
    return torch.where(alike, d, short), (torch.where(alike, torch.ones_like(d), -short.sign()), None)


_MARGIN_RANKING: Final = Pointwise.sharing("MarginRanking", _margin_ranking, tensors=3)
_HINGE_EMBEDDING: Final = Pointwise.sharing("HingeEmbedding", _hinge_embedding, tensors=2)

SPECS: Final = (
    Spec(
        title="Margin ranking",
        family="classification",
        function=margin_ranking,
        module=MarginRanking,
        summary="Of two scores one should lead, by a margin.",
        formula=r"\ell = \max(0,\ m - t (a - b))",
        slope=r"\frac{\partial \ell}{\partial a} = -t \text{ inside the margin},\ 0 \text{ outside}",
        inputs=(Input("first", ("...",)), Input("second", ("...",)), Input("targets", ("...",), "sign")),
        range=NON_NEGATIVE,
        parameters=(Parameter("margin", "lead that is asked for", FINITE_NON_NEGATIVE, "m", slider=(0.0, 3.0, 0.1)),),
        aliases=("pairwise hinge", "ranking hinge", "margin ranking loss"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.margin_ranking_loss(first, second, targets, margin=margin)",
                "broadcasts; takes 0 for a target; has a gradient on the kink",
            ),
        ),
        convention="Targets are booleans, or -1 and +1; no gradient on the kink.",
        sources=(Source("Herbrich, Graepel, Obermayer 1999, Support Vector Learning for Ordinal Regression"),),
        elementwise=True,
        smooth="no",
    ),
    Spec(
        title="Hinge embedding",
        family="classification",
        function=hinge_embedding,
        module=HingeEmbedding,
        summary="Distances: short where two are alike, beyond a margin where they are not.",
        formula=r"\ell = d \text{ if alike},\ \max(0,\ m - d) \text{ if not}",
        slope=r"\ell' = 1 \text{ if alike},\ -1 \text{ inside the margin},\ 0 \text{ beyond}",
        inputs=(Input("distances", ("...",)), Input("targets", ("...",), "sign")),
        parameters=(
            Parameter("margin", "distance that is asked for", FINITE_NON_NEGATIVE, "m", slider=(0.0, 3.0, 0.1)),
        ),
        aliases=("hinge embedding loss", "distance hinge"),
        equivalents=(
            Equivalent(
                "torch",
                "torch.nn.functional.hinge_embedding_loss(distances, targets, margin=margin)",
                "takes any target: one of 0 costs both terms",
            ),
        ),
        convention="Targets are booleans, or -1 and +1.",
        sources=(Source("Hadsell, Chopra, LeCun 2006, Dimensionality Reduction by Learning an Invariant Mapping"),),
        elementwise=True,
        smooth="no",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
