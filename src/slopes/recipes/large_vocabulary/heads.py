"""Heads for very many classes that do less than a product with all of them: adaptive and sampled softmax.

Dimension names: `...` is any shape, D the width of a hidden state, C the number of classes.

First consider `cross_entropy(LinearLogits(hidden, weight), targets)`: it is exact and never makes the logits, so that
memory is no reason for a head of this file. Time is: an adaptive softmax and a sampled one touch few classes a row.
A tree of labels has its own, `HierarchicalSoftmax`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core import check
from slopes._core.errors import OptionError, ShapeError
from slopes._core.linear_logits import LinearLogits
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_POSITIVE
from slopes._core.tensors import wide
from slopes.kernels.rows.shifted import log_softmax
from slopes.losses.class_targets import IGNORE
from slopes.recipes.frequencies import check_counts
from slopes.recipes.large_vocabulary.factored import Rows, Term, check_hidden, factored_loss, rows_that_count
from slopes.recipes.recipe import Reason

SHARES: Final = (0.8, 0.95)
_OF_EACH_CLASS: Final = "[C], how often each class is in the targets"


class AdaptiveSoftmax(nn.Module):
    """Adaptive softmax: common classes in a small head, rare ones in clusters behind it, of fewer dimensions.

    log p(class) = log p(cluster) + log p(class in cluster). It is normalised exactly. The parameters are those of
    `torch.nn.AdaptiveLogSoftmaxWithLoss`, which is inside as `softmax`; classes may come in any order here, 16-bit
    input is computed in float32, and the logits of a head are not made as a whole.

    Args:
        features: D.
        counts: `[C]` int64, how often each class is in the targets; its order decides the clusters.
        cutoffs: How many of the commonest classes lie before each boundary, rising, in [1, C - 1]; where None, the
            fewest that hold 80 % and 95 % of the counts.
        div_value: Cluster i has D // div_value**i dimensions, above 0.
        bias: Whether the head has one.

    Raises:
        OptionError: An option is outside its domain, or a cluster would have no dimension left.
        ShapeError: `counts` is not `[C]`, or has fewer than two classes.
        DtypeError: `counts` is not int64.
        ValuesError: `counts` holds a negative number.

    Notes:
        Source: Grave, Joulin, Cissé, Grangier, Jégou 2017, Efficient softmax approximation for GPUs, section 4. It
        pays where few classes hold most of the counts; rare ones get fewer parameters, which is part of the bargain.

    Examples:
        >>> head = AdaptiveSoftmax(8, torch.tensor([5, 100, 1, 40, 2]), cutoffs=[2])
        >>> head(torch.zeros(1, 8)).exp().sum()
        tensor(1.0..., grad_fn=...)
    """

    order: Tensor
    rank: Tensor

    def __init__(
        self,
        features: int,
        counts: Tensor,
        *,
        cutoffs: Sequence[int] | None = None,
        div_value: float = 4.0,
        bias: bool = False,
    ) -> None:
        super().__init__()
        name = "AdaptiveSoftmax"
        check.count(name, "features", features)
        _check_classes(name, counts)
        check.option(name, "div_value", div_value, FINITE_POSITIVE)
        check.flag(name, "bias", bias)
        classes = len(counts)
        boundaries = _boundaries(counts) if cutoffs is None else _checked(name, cutoffs, classes)
        if features // div_value ** len(boundaries) < 1:
            message = (
                f"{name}: `div_value` is {div_value!r} with {len(boundaries)} clusters and {features} features, "
                f"expected at least one dimension in the last cluster; lower it, or take fewer cutoffs."
            )
            raise OptionError(message)
        self.features, self.classes = features, classes
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(features, classes, boundaries, div_value, head_bias=bias)
        order = counts.argsort(descending=True, stable=True)
        self.register_buffer("order", order)
        self.register_buffer("rank", torch.empty_like(order).scatter(0, order, torch.arange(classes)))
        held = counts[order].double().cumsum(0)[[b - 1 for b in boundaries]] / counts.sum().clamp(min=1)
        self.shares: tuple[float, ...] = tuple(held.tolist())

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is as it is."""
        sizes = ", ".join(
            f"{b:,} classes hold {s:.1%}" for b, s in zip(self.softmax.cutoffs, self.shares, strict=False)
        )
        because = (
            f"of {self.softmax.n_classes:,} classes the commonest {sizes} of the counts: most rows need the head "
            f"alone, {self.softmax.head_size:,} logits each."
        )
        return (Reason("adaptive softmax", because),)

    loss = factored_loss

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities of all classes, `[..., C]`, in the classes' own order."""
        check_hidden("AdaptiveSoftmax", hidden, self.features)
        head = _log_probabilities(hidden, self.softmax.head)
        size = self.softmax.shortlist_size
        parts = [head[..., :size]]
        for i, (narrow, last) in enumerate(self._tails()):
            parts.append(head[..., size + i, None] + _log_probabilities(narrow(hidden), last))
        return torch.cat(parts, -1).index_select(-1, self.rank)

    @torch.no_grad()
    def predict(self, hidden: Tensor) -> Tensor:
        """Return the most probable class of each row, `[...]` int64."""
        return cast("Tensor", self(hidden)).argmax(-1)

    def terms(self, rows: Rows) -> list[Term]:
        """Return a cross-entropy of the head for every row, and one of each cluster for the rows that go there."""
        rank = self.rank[rows.targets]
        boundaries = [*self.softmax.cutoffs]
        edges = torch.tensor(boundaries[:-1], device=rank.device)
        cluster = torch.bucketize(rank, edges, right=True)
        head = self.softmax.head
        of_head = torch.where(cluster == 0, rank, self.softmax.shortlist_size + cluster - 1)
        terms = [Term(LinearLogits(rows.hidden, head.weight, head.bias), of_head, rows.all())]
        for i, ((low, _), (narrow, last)) in enumerate(zip(pairwise(boundaries), self._tails(), strict=True), start=1):
            inside = (cluster == i).nonzero().squeeze(-1)  # none, perhaps: the cluster stays in the graph all the same
            logits = LinearLogits(narrow(rows.hidden[inside]), last.weight)
            terms.append(Term(logits, rank[inside] - low, inside))
        return terms

    def _tails(self) -> list[tuple[nn.Linear, nn.Linear]]:
        return [cast("tuple[nn.Linear, nn.Linear]", tuple(cast("nn.Sequential", t))) for t in self.softmax.tail]


class SampledSoftmax(nn.Module):
    """Sampled softmax: a linear head that is trained against the target and a few sampled classes.

    Classes are drawn log-uniformly by rank (class of rank r with log((r + 2) / (r + 1)), Zipf's law). The sampled
    logits are corrected by the logarithm of how often their class is expected in a draw, and a draw of the target
    itself is removed. So the normaliser exp(z_target) + Σ exp(z_sampled) / expected and its gradient are right
    on average. Those of its logarithm, the loss, are off by a bias that falls as samples are added, to 0 where all
    classes are drawn: then it is the full softmax.

    Args:
        features: D.
        classes: C.
        samples: How many classes are drawn for a batch, in [1, C].
        counts: `[C]` int64, from which the ranks are taken; where None, classes are numbered from the commonest on.
        bias: Whether the head has one.
        sparse: Make sparse gradients of the weight, for `torch.optim.SparseAdam`: they hold what was drawn alone.

    Raises:
        OptionError: An option is outside its domain.
        ShapeError: `counts` is not `[C]`.
        DtypeError: `counts` is not int64.
        ValuesError: `counts` holds a negative number.

    Notes:
        It is for training. `exact_loss`, `forward` and `predict` use all classes. The target's own logit is not
        corrected, as TensorFlow's sampled_softmax_loss does: it is always there. One draw serves a whole batch, one
        class from each of as many equal shares of what is expected, so that a class of which one or more is expected
        is always there. Sources: Bengio, Senécal 2008, Adaptive Importance Sampling to Accelerate Training of a Neural
        Probabilistic Language Model; Jean, Cho, Memisevic, Bengio 2015, On Using Very Large Target Vocabulary.

    Examples:
        >>> head = SampledSoftmax(8, 1000, samples=50)
        >>> drawn = head.draw(torch.Generator().manual_seed(0))
        >>> drawn.shape, (drawn < 100).sum().item() > 25  # the common ones most of all
        (torch.Size([50]), True)
    """

    order: Tensor
    expected: Tensor
    edges: Tensor

    def __init__(
        self,
        features: int,
        classes: int,
        *,
        samples: int,
        counts: Tensor | None = None,
        bias: bool = True,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        name = "SampledSoftmax"
        for option, value in (("features", features), ("classes", classes), ("samples", samples)):
            check.count(name, option, value)
        check.flag(name, "bias", bias)
        check.flag(name, "sparse", sparse)
        if samples > classes:
            message = f"{name}: `samples` is {samples}, expected at most {classes}, the number of classes; draw fewer."
            raise OptionError(message)
        if counts is None:
            order = torch.arange(classes)
        else:
            check_counts(name, "counts", counts, classes, _OF_EACH_CLASS)
            order = counts.argsort(descending=True, stable=True)
        self.linear = nn.Linear(features, classes, bias=bias)
        self.samples, self.sparse = samples, sparse
        by_rank = expected_draws(torch.log1p(1 / torch.arange(1, classes + 1, dtype=torch.float64)), samples)
        self.register_buffer("order", order)
        self.register_buffer("expected", torch.empty_like(by_rank).scatter(0, order, by_rank))
        self.register_buffer("edges", by_rank.cumsum(0))

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is as it is."""
        because = (
            f"{self.samples:,} of {self.linear.out_features:,} classes a batch, drawn by Zipf's law, corrected for how "
            f"often each is drawn; score it with `exact_loss`, since the sampled loss is lower than the full one."
        )
        return (Reason("sampled softmax", because),)

    def draw(self, generator: torch.Generator | None = None) -> Tensor:
        """Return the classes of one draw, `[samples]` int64; each is in it `expected[class]` times on average."""
        chance = torch.rand(self.samples, dtype=torch.float64, device=self.edges.device, generator=generator)
        places = torch.arange(self.samples, device=self.edges.device) + chance
        return self.order[torch.searchsorted(self.edges, places, right=True).clamp(max=len(self.edges) - 1)]

    def loss(
        self,
        hidden: Tensor,
        targets: Tensor,
        *,
        ignore_index: int = IGNORE,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        denominator: Tensor | float | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Return -log p of the target among itself and one draw, of each row of `hidden` `[..., D]`, reduced."""
        rows = rows_that_count(
            "SampledSoftmax.loss",
            hidden,
            targets,
            features=self.linear.in_features,
            classes=self.linear.out_features,
            ignore_index=ignore_index,
            mask=mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
        )
        logits = self._logits(rows, self.draw(generator))
        return rows.total([Term(logits, torch.zeros_like(rows.targets), rows.all())])

    def exact_loss(
        self,
        hidden: Tensor,
        targets: Tensor,
        *,
        ignore_index: int = IGNORE,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return `slopes.losses.cross_entropy` over all classes, whose logits are not made as a whole."""
        check_hidden("SampledSoftmax.exact_loss", hidden, self.linear.in_features)
        return L.cross_entropy(
            LinearLogits(hidden, self.linear.weight, self.linear.bias),
            targets,
            ignore_index=ignore_index,
            mask=mask,
            weight=weight,
            reduction=reduction,
            denominator=denominator,
        )

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities of all classes, `[..., C]`."""
        check_hidden("SampledSoftmax", hidden, self.linear.in_features)
        return _log_probabilities(hidden, self.linear)

    @torch.no_grad()
    def predict(self, hidden: Tensor) -> Tensor:
        """Return the most probable class of each row, `[...]` int64."""
        return cast("Tensor", self(hidden)).argmax(-1)

    def _logits(self, rows: Rows, drawn: Tensor) -> Tensor:
        """Return the logit of each row's target, then those of the drawn classes, `[n, 1 + samples]`."""
        dtype = wide(rows.hidden.dtype)
        own, others = (F.embedding(c, self.linear.weight, sparse=self.sparse) for c in (rows.targets, drawn))
        target = (rows.hidden.to(dtype) * own.to(dtype)).sum(-1)
        sampled = (rows.hidden @ others.T).to(dtype) - self.expected[drawn].log().to(dtype)
        if self.linear.bias is not None:
            target = target + self.linear.bias[rows.targets]
            sampled = sampled + self.linear.bias[drawn]
        return torch.cat([target[:, None], sampled.masked_fill(drawn == rows.targets[:, None], -math.inf)], 1)


def expected_draws(share: Tensor, samples: int) -> Tensor:
    """Return how often each class is in a draw, `[C]`, at most 1 each, `samples` together, in proportion below 1.

    Args:
        share: `[C]` float64, above 0, falling.
        samples: In [1, C].
    """
    certain = 0
    while certain < samples:
        rest = share[certain:] * ((samples - certain) / share[certain:].sum())
        more = int((rest >= 1).sum())
        if more == 0 or samples == len(share):
            break
        certain += more
    if samples == len(share):
        return torch.ones_like(share)
    rest = share[certain:] * ((samples - certain) / share[certain:].sum())
    return torch.cat([torch.ones_like(share[:certain]), rest])


def _log_probabilities(hidden: Tensor, layer: nn.Linear) -> Tensor:
    return log_softmax(layer(hidden).to(wide(hidden.dtype)))


def _check_classes(function: str, counts: Tensor) -> None:
    check.tensor(function, counts=counts)
    if counts.dim() != 1 or len(counts) < 2:  # noqa: PLR2004  a choice
        message = (
            f"{function}: `counts` has shape {check.shape_of(counts)}, expected [C] with at least 2 classes; count the "
            f"targets, for example with torch.bincount(targets.flatten(), minlength=classes)."
        )
        raise ShapeError(message)
    check_counts(function, "counts", counts, len(counts), _OF_EACH_CLASS)


def _boundaries(counts: Tensor) -> list[int]:
    """Return the fewest classes that hold each of the shares; each boundary leaves something on both sides."""
    held = counts.sort(descending=True).values.double().cumsum(0)
    wanted = torch.tensor(SHARES, dtype=torch.float64) * held[-1]
    found = (torch.searchsorted(held, wanted) + 1).clamp(1, len(counts) - 1)
    return sorted(set(found.tolist()))


def _checked(function: str, cutoffs: Sequence[int], classes: int) -> list[int]:
    found = list(cutoffs)
    rising = all(low < high for low, high in pairwise([0, *found, classes]))
    if not found or not rising or any(isinstance(c, bool) or not isinstance(c, int) for c in found):
        message = (
            f"{function}: `cutoffs` is {found!r}, expected rising integers in [1, {classes - 1}], at least one; leave "
            f"them out to have them found from the counts."
        )
        raise OptionError(message)
    return found
