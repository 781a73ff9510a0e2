"""Losses of the pairs of a list, or of pairs alone: the better item should have the larger score.

Dimension names: `...` lists of L items, or, for `bpr`, `...` pairs.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, numerics, reduce
from slopes._core.differences import difference
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, Equivalent, Input, Source, Spec
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.ranking.lists import GAIN, GAINS, GRADES, LISTS, Gains, ahead, checked, discount, gains_of


def pairwise_logistic(
    scores: Tensor,
    relevance: Tensor,
    item_mask: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return the mean of log(1 + e^(s_j - s_i)) over the pairs of each list with relevance i above j, reduced.

    Args:
        scores: `[..., L]`, any floating dtype: what each list is sorted by, largest first.
        relevance: `[..., L]`, the larger the better; equal ones make no pair; a constant.
        item_mask: `[..., L]` boolean, True where an item is there; what is missing leaves no trace.
        mask: `[...]` boolean, True where a list counts.
        weight: `[...]`, weight of each list, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0. A list without a pair is 0.

    Raises:
        ShapeError: `relevance` or `item_mask` does not have the shape of `scores`.
        DtypeError: `item_mask` is not boolean, another argument not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain, or `relevance` requires a gradient.
        ValuesError: `weight` is negative or not finite, a relevance is not finite, or infinities meet.

    Notes:
        Each list counts alike, however many pairs it has; with their number as `weight` the mean is that of all pairs,
        as in Rax and allRank. A block of lists makes its L×L differences at a time, and no more.

    Examples:
        >>> scores, relevance = torch.tensor([[0.5, 0.0, 0.5]]), torch.tensor([[2.0, 0.0, 0.0]])
        >>> pairwise_logistic(scores, relevance).item()  # the mean of log(1 + e^-0.5) and log 2
        0.583612...
    """
    plan, lists = checked("pairwise_logistic", scores, relevance, item_mask, mask, weight, reduction, denominator)
    return defined.reduced(_PAIRWISE, plan, **lists._asdict())


def lambda_rank(
    scores: Tensor,
    relevance: Tensor,
    item_mask: Tensor | None = None,
    *,
    gains: Gains = "exponential",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return Σ |ΔNDCG_ij| log(1 + e^(s_j - s_i)) over the pairs of each list with relevance i above j, reduced.

    ΔNDCG_ij is what swapping the two would change, in the order that the scores give now.

    Args:
        scores: `[..., L]`, any floating dtype: what each list is sorted by, largest first.
        relevance: `[..., L]`, grades from 0 to 64, the larger the better; a constant.
        item_mask: `[..., L]` boolean, True where an item is there; what is missing leaves no trace.
        gains: What a grade is worth: `"exponential"`, 2^grade - 1, or `"linear"`, the grade.
        mask: `[...]` boolean, True where a list counts.
        weight: `[...]`, weight of each list, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0. A list without a pair is 0.

    Raises:
        ShapeError: `relevance` or `item_mask` does not have the shape of `scores`.
        DtypeError: `item_mask` is not boolean, another argument not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `relevance` requires a gradient.
        ValuesError: `weight` is negative or not finite, a grade is outside [0, 64], or infinities meet.

    Notes:
        The weights are constants between two orders, as in LambdaMART; the value itself jumps where the order changes.
        Equal scores stand in the order of the list, so that a head that starts at 0 learns. All L places count;
        NDCG@k would leave the pairs below k without a weight. allRank measures in bits, 1.4427 times as much.

    Examples:
        >>> scores, relevance = torch.zeros(1, 2), torch.tensor([[0.0, 1.0]])
        >>> lambda_rank(scores, relevance).item()  # (1 - 1/log2 3) log 2
        0.255820...
    """
    check.choice("lambda_rank", "gains", gains, GAINS)
    plan, lists = checked(
        "lambda_rank", scores, relevance, item_mask, mask, weight, reduction, denominator, grades=GRADES
    )
    return defined.reduced(_LAMBDA_RANK, plan, gains == "linear", **lists._asdict())


def bpr(
    positive: Tensor,
    negative: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log σ(positive - negative) of each pair of scores, reduced: Bayesian personalised ranking.

    Args:
        positive: `[...]`, score of an item that the user chose; any floating dtype.
        negative: `[...]`, score, for the same user, of an item that was not chosen, drawn at random.
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet: -∞ on both sides has no difference.

    Notes:
        The gradient by `positive` is -σ(negative - positive), by `negative` its opposite. For several negatives of a
        positive expand it: `positive.unsqueeze(-1).expand_as(negative)`. The paper's penalty on the embeddings is the
        optimiser's weight decay. Written as -log(sigmoid(d) + 1e-10), as RecBole has it, the gradient fades where the
        order is badly wrong, from d of -23 on.

    Examples:
        >>> bpr(torch.tensor([0.0, 3.0]), torch.tensor([0.0, 1.0]), reduction="none")
        tensor([0.6931, 0.1269])
    """
    check.alike("bpr", positive=positive, negative=negative)
    plan = reduce.plan(
        "bpr", positive.shape, positive, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    return defined.reduced(_BPR, plan, positive=positive, negative=negative)


class PairwiseLogistic(Module, of=pairwise_logistic):
    """Module of `pairwise_logistic`."""

    reduction: Reduction = "mean"


class LambdaRank(Module, of=lambda_rank):
    """Module of `lambda_rank`."""

    gains: Gains = "exponential"
    reduction: Reduction = "mean"


class BPR(Module, of=bpr):
    """Module of `bpr`."""

    reduction: Reduction = "mean"


def _logistic(s: Tensor, y: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return `[..., i, j]`: whether i is the better one, log(1 + e^(s_j - s_i)), and the size of its slope."""
    here = there != 0
    better = (y.unsqueeze(-1) > y.unsqueeze(-2)) & here.unsqueeze(-1) & here.unsqueeze(-2)
    high, low = difference(s.unsqueeze(-1), s.unsqueeze(-2))
    z, rest = torch.where(better, high, 0.0), torch.where(better, low, 0.0)
    _, wrong, e = numerics.logistic(z, rest)
    return better, torch.where(better, numerics.softplus(-z, e), 0.0), torch.where(better, wrong, 0.0)


def _summed(share: Tensor, loss: Tensor, wrong: Tensor) -> tuple[Tensor, tuple[Tensor, None, None]]:
    """Return Σ share · loss over the pairs of each list, and its gradient by the scores."""
    pull = share * wrong
    return (share * loss).sum((-2, -1)), (pull.sum(-2) - pull.sum(-1), None, None)


def _pairwise(s: Tensor, y: Tensor, there: Tensor) -> tuple[Tensor, tuple[Tensor, None, None]]:
    better, loss, wrong = _logistic(s, y, there)
    return _summed(1 / better.sum((-2, -1), keepdim=True).clamp(min=1).to(s.dtype), loss, wrong)


def _lambda_rank(
    s: Tensor,
    y: Tensor,
    there: Tensor,
    linear: bool,  # noqa: FBT001
) -> tuple[Tensor, tuple[Tensor, None, None]]:
    _, loss, wrong = _logistic(s, y, there)
    gain, _ = gains_of(y, there, linear=linear)
    place = discount(1 + ahead(s, there != 0).sum(-1).to(s.dtype))
    swapped = [(x.unsqueeze(-1) - x.unsqueeze(-2)).abs() for x in (gain, place)]
    return _summed(swapped[0] * swapped[1], loss, wrong)


def _bpr(p: Tensor, n: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    z, low = difference(p, n)
    _, wrong, e = numerics.logistic(z, low)
    return numerics.softplus(-z, e), (-wrong, wrong)


_PAIRWISE: Final = Pointwise.sharing("PairwiseLogistic", _pairwise, tensors=3, rows=True)
_LAMBDA_RANK: Final = Pointwise.sharing("LambdaRank", _lambda_rank, tensors=3, rows=True)
_BPR: Final = Pointwise.sharing("BPR", _bpr, tensors=2)

SPECS: Final = (
    Spec(
        title="Pairwise logistic (RankNet)",
        family="ranking",
        function=pairwise_logistic,
        module=PairwiseLogistic,
        summary="Of any two items of a list, the better one should have the larger score.",
        formula=r"\ell = \frac{1}{|P|}\sum_{(i, j) \in P} \log\left(1 + e^{s_j - s_i}\right),"
        r"\quad P = \{y_i > y_j\}",
        slope=r"\frac{\partial \ell}{\partial s_i} = \frac{1}{|P|}\left("
        r"\sum_{k: y_k > y_i} \sigma(s_i - s_k) - \sum_{j: y_i > y_j} \sigma(s_j - s_i)\right)",
        inputs=LISTS,
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("ranknet", "pairwise ranking", "learning to rank"),
        equivalents=(
            Equivalent("Rax", "rax.pairwise_logistic_loss(scores, relevance)", "the mean is over all pairs"),
            Equivalent("allRank", "allrank.models.losses.rankNet(scores, relevance)", "likewise; -1 for padding"),
        ),
        convention="Each list is the mean over its pairs; weight=number of pairs gives the mean over all pairs.",
        sources=(Source("Burges et al. 2005, Learning to Rank using Gradient Descent", "section 3"),),
    ),
    Spec(
        title="LambdaRank",
        family="ranking",
        function=lambda_rank,
        module=LambdaRank,
        summary="Pairs that count as much as swapping them would change NDCG.",
        formula=r"\ell = \sum_{y_i > y_j} |\mathrm{dNDCG}_{ij}|\,\log\left(1 + e^{s_j - s_i}\right)",
        slope=r"\frac{\partial \ell}{\partial s_i} = \sum_{k: y_k > y_i} |\mathrm{dNDCG}_{ik}|\,\sigma(s_i - s_k)"
        r" - \sum_{j: y_i > y_j} |\mathrm{dNDCG}_{ij}|\,\sigma(s_j - s_i)",
        inputs=LISTS,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(GAIN,),
        aliases=("lambdamart", "lambda loss", "ndcg weights", "lambdarank ndcg"),
        equivalents=(
            Equivalent(
                "allRank",
                "allrank.models.losses.lambdaLoss(scores, relevance, weighing_scheme='lambdaRank_scheme')",
                "in bits, adds 1e-10 in the logarithms, cuts the differences",
            ),
            Equivalent("LightGBM", "lightgbm.LGBMRanker(objective='lambdarank')", "gradients only, NDCG@30 by default"),
        ),
        convention="Ranks of equal scores follow the order of the list; all places count.",
        sources=(Source("Burges 2010, From RankNet to LambdaRank to LambdaMART: An Overview", "section 4"),),
        smooth="no",
    ),
    Spec(
        title="Bayesian personalised ranking",
        family="ranking",
        function=bpr,
        module=BPR,
        summary="What a user chose should score above what was not chosen.",
        formula=r"\ell = -\log\sigma(s_+ - s_-)",
        slope=r"\frac{\partial \ell}{\partial s_+} = -\sigma(s_- - s_+)",
        inputs=(Input("positive", ("...",)), Input("negative", ("...",))),
        range=NON_NEGATIVE,
        aliases=("bpr loss", "bayesian personalized ranking", "recommendation loss"),
        equivalents=(
            Equivalent("torch", "-torch.nn.functional.logsigmoid(positive - negative).mean()"),
            Equivalent("RecBole", "BPRLoss(gamma=1e-10)(positive, negative)", "adds gamma inside the logarithm"),
        ),
        sources=(Source("Rendle et al. 2009, BPR: Bayesian Personalized Ranking from Implicit Feedback"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
