"""Losses of a whole list at once: as a distribution, as a permutation, or by the places that its items take.

Dimension names: `...` lists of L items.
"""

from __future__ import annotations

from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, numerics
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.settings import constant
from slopes._core.spec import NON_NEGATIVE, TEMPERATURE, Domain, Equivalent, Parameter, Source, Spec
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise
from slopes.kernels.rows.formulas import parts
from slopes.kernels.rows.running import groups, running
from slopes.losses.ranking.lists import GAIN, GAINS, GRADES, LISTS, Gains, checked, gains_of

Ties = Literal["together", "in_order"]
_TIES: Final = ("together", "in_order")


def list_net(
    scores: Tensor,
    relevance: Tensor,
    item_mask: Tensor | None = None,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -Σ softmax(relevance) · log softmax(scores) of each list, reduced: who comes first, in distribution.

    Args:
        scores: `[..., L]`, any floating dtype: what each list is sorted by, largest first.
        relevance: `[..., L]`, finite, the larger the better; a constant.
        item_mask: `[..., L]` boolean, True where an item is there; what is missing leaves no trace.
        mask: `[...]` boolean, True where a list counts.
        weight: `[...]`, weight of each list, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0. A list of no item is 0.

    Raises:
        ShapeError: `relevance` or `item_mask` does not have the shape of `scores`.
        DtypeError: `item_mask` is not boolean, another argument not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain, or `relevance` requires a gradient.
        ValuesError: `weight` is negative or not finite, a relevance is not finite, or infinities meet.

    Notes:
        The gradient is softmax(scores) - softmax(relevance), and the least value the entropy of the latter. Grades of
        0 to 4 make a flat target: multiply them to sharpen it. Rax's `softmax_loss` weighs by the relevance itself.

    Examples:
        >>> list_net(torch.tensor([[1.0, 1.0]]), torch.tensor([[3.0, 0.0]])).item()  # log 2, whatever the target
        0.693147...
    """
    plan, lists = checked("list_net", scores, relevance, item_mask, mask, weight, reduction, denominator)
    return defined.reduced(_LIST_NET, plan, **lists._asdict())


def list_mle(
    scores: Tensor,
    relevance: Tensor,
    item_mask: Tensor | None = None,
    *,
    ties: Ties = "together",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return Σ (log Σ e^s over the item and all that come after it - s) of each list, sorted by relevance, reduced.

    That is -log of the chance of this order under Plackett and Luce: items are drawn without replacement, each with a
    chance in proportion to e^score.

    Args:
        scores: `[..., L]`, any floating dtype: what each list is sorted by, largest first.
        relevance: `[..., L]`, finite, the larger the better: only its order counts; a constant.
        item_mask: `[..., L]` boolean, True where an item is there; what is missing leaves no trace.
        ties: Items of equal relevance: `"together"` keeps all of them in each other's sums, so that their order in the
            list does not matter; `"in_order"` draws them one after another as they stand.
        mask: `[...]` boolean, True where a list counts.
        weight: `[...]`, weight of each list, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0. A list of one item is 0.

    Raises:
        ShapeError: `relevance` or `item_mask` does not have the shape of `scores`.
        DtypeError: `item_mask` is not boolean, another argument not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `relevance` requires a gradient.
        ValuesError: `weight` is negative or not finite, a relevance is not finite, or infinities meet.

    Notes:
        A sort and two running sums, L log L. It is `cox` without censoring, the best item being the first event, and
        "together" is Breslow's way with ties. Rax and allRank break ties, the latter by a shuffle of each call.

    Examples:
        >>> list_mle(torch.zeros(1, 3), torch.tensor([[3.0, 1.0, 2.0]])).item()  # log 3!, since all orders are alike
        1.791759...
    """
    check.choice("list_mle", "ties", ties, _TIES)
    plan, lists = checked("list_mle", scores, relevance, item_mask, mask, weight, reduction, denominator)
    return defined.reduced(_LIST_MLE, plan, ties == "together", **lists._asdict())


def approx_ndcg(
    scores: Tensor,
    relevance: Tensor,
    item_mask: Tensor | None = None,
    *,
    temperature: float = 0.1,
    gains: Gains = "exponential",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return 1 - NDCG of each list, by smooth ranks 1 + Σ_j σ((s_j - s_i) / temperature), reduced.

    Args:
        scores: `[..., L]`, any floating dtype: what each list is sorted by, largest first.
        relevance: `[..., L]`, grades from 0 to 64, the larger the better; a constant.
        item_mask: `[..., L]` boolean, True where an item is there; what is missing leaves no trace.
        temperature: Divides the differences: the smaller, the nearer to NDCG and the fewer items have a gradient; at
            least 2^-63.
        gains: What a grade is worth: `"exponential"`, 2^grade - 1, or `"linear"`, the grade.
        mask: `[...]` boolean, True where a list counts.
        weight: `[...]`, weight of each list, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, from 0 but for rounding to below 1. A list
        in which nothing is relevant is 0.

    Raises:
        ShapeError: `relevance` or `item_mask` does not have the shape of `scores`.
        DtypeError: `item_mask` is not boolean, another argument not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `relevance` requires a gradient.
        ValuesError: `weight` is negative or not finite, a grade is outside [0, 64], or infinities meet.

    Notes:
        Discounts are 1 / log2(1 + rank), over all L places. Scores far apart, as seen by the temperature, have no
        gradient left. Rax returns -NDCG: the same gradient.

    Examples:
        >>> approx_ndcg(torch.tensor([[0.0, 9.0]]), torch.tensor([[1.0, 0.0]])).item()  # 1 - 1/log2 3
        0.369070...
    """
    temperature = constant(check.option("approx_ndcg", "temperature", temperature, TEMPERATURE))
    check.choice("approx_ndcg", "gains", gains, GAINS)
    plan, lists = checked(
        "approx_ndcg", scores, relevance, item_mask, mask, weight, reduction, denominator, grades=GRADES
    )
    return defined.reduced(_APPROX_NDCG, plan, float(temperature), gains == "linear", **lists._asdict())


class ListNet(Module, of=list_net):
    """Module of `list_net`."""

    reduction: Reduction = "mean"


class ListMLE(Module, of=list_mle):
    """Module of `list_mle`."""

    ties: Ties = "together"
    reduction: Reduction = "mean"


class ApproxNDCG(Module, of=approx_ndcg):
    """Module of `approx_ndcg`."""

    temperature: float = 0.1
    gains: Gains = "exponential"
    reduction: Reduction = "mean"


_Slopes = tuple[Tensor, tuple[Tensor, None, None]]


def _list_net(s: Tensor, y: Tensor, there: Tensor) -> _Slopes:
    here = there != 0
    listed = here | ~here.any(-1, keepdim=True)  # a list of nothing has a distribution too, which weighs nothing
    x, t = (torch.where(listed, given, -torch.inf) for given in (s, y))
    _, target, rest, _ = parts(t)
    d, p, q, total = parts(x)
    surprise = torch.where(target == 0, 0.0, total - d)
    slope = there * (p * rest - target * q)
    return (there * target * surprise).sum(-1), (slope, None, None)


def _list_mle(s: Tensor, y: Tensor, there: Tensor, together: bool) -> _Slopes:  # noqa: FBT001
    order = torch.argsort(y, dim=-1, descending=True, stable=True)
    order = order.gather(-1, torch.argsort(there.gather(-1, order), dim=-1, descending=True, stable=True))
    x, count = s.gather(-1, order), there.gather(-1, order)
    absent = (1 - count).sum(-1, keepdim=True).to(torch.int64).expand(x.shape)
    here = count != 0
    begins = torch.where(here.flip(-1), absent, 0)
    largest, total = (part.flip(-1) for part in running(x.flip(-1), begins))
    place = torch.arange(x.shape[-1], device=x.device).expand(x.shape)
    first, last = groups([count, y.gather(-1, order)]) if together else (place, place)
    largest, total = largest.gather(-1, first), total.gather(-1, first)
    loss = torch.where(here, (largest - x) + torch.log(total), 0.0)
    # Of an item, the draws that it could have been: Σ e^x / (total e^largest) over those before it and its own.
    top, drawn = (part.gather(-1, last) for part in running(-largest, torch.zeros_like(place), 1 / total))
    slope = torch.where(here, torch.exp(x + top) * drawn - 1, 0.0)
    return loss.sum(-1), (torch.zeros_like(slope).scatter(-1, order, slope), None, None)


def _approx_ndcg(s: Tensor, y: Tensor, there: Tensor, temperature: float, linear: bool) -> _Slopes:  # noqa: FBT001
    here = there != 0
    place = torch.arange(s.shape[-1], device=s.device)
    other = here.unsqueeze(-1) & here.unsqueeze(-2) & (place != place.unsqueeze(-1))
    z = torch.where(other, (s.unsqueeze(-2) - s.unsqueeze(-1)) / temperature, 0.0)
    above, below, _ = numerics.logistic(z)
    log = torch.log1p(1 + torch.where(other, above, 0.0).sum(-1))
    gain, ideal = gains_of(y, there, linear=linear)
    value = (gain * (ideal - numerics.LOG_2 / log)).sum(-1)
    push = gain * numerics.LOG_2 / (torch.exp(log) * log * log)  # by the rank
    turn = torch.where(other, above * below, 0.0) / temperature
    slope = ((push.unsqueeze(-2) - push.unsqueeze(-1)) * turn).sum(-1)
    return value, (slope, None, None)


_LIST_NET: Final = Pointwise.sharing("ListNet", _list_net, tensors=3, rows=True)
_LIST_MLE: Final = Pointwise.sharing("ListMLE", _list_mle, tensors=3, rows=True)
_APPROX_NDCG: Final = Pointwise.sharing("ApproxNDCG", _approx_ndcg, tensors=3, rows=True)

SPECS: Final = (
    Spec(
        title="ListNet",
        family="ranking",
        function=list_net,
        module=ListNet,
        summary="The cross-entropy of two softmaxes, of the relevance and of the scores.",
        formula=r"\ell = -\sum_i \mathrm{softmax}(y)_i \log \mathrm{softmax}(s)_i",
        slope=r"\frac{\partial \ell}{\partial s_i} = \mathrm{softmax}(s)_i - \mathrm{softmax}(y)_i",
        inputs=LISTS,
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("listnet top one", "softmax ranking"),
        equivalents=(
            Equivalent("torch", "torch.nn.functional.cross_entropy(scores, relevance.softmax(-1))", "has no item mask"),
            Equivalent("allRank", "allrank.models.losses.listNet(scores, relevance)", "adds 1e-10 in the logarithm"),
            Equivalent("Rax", "rax.softmax_loss(scores, jax.nn.softmax(relevance))"),
        ),
        sources=(
            Source("Cao et al. 2007, Learning to Rank: From Pairwise Approach to Listwise Approach", "section 4"),
        ),
    ),
    Spec(
        title="ListMLE (Plackett-Luce)",
        family="ranking",
        function=list_mle,
        module=ListMLE,
        summary="How likely the right order is, items being drawn one after another.",
        formula=r"\ell = \sum_i \left(\log\sum_{y_j \le y_i} e^{s_j} - s_i\right)",
        slope=r"\frac{\partial \ell}{\partial s_k} = "
        r"\sum_{i: y_i \ge y_k} \frac{e^{s_k}}{\sum_{y_j \le y_i} e^{s_j}} - 1",
        inputs=LISTS,
        output=("...",),
        range=NON_NEGATIVE,
        parameters=(Parameter("ties", "what items of equal relevance have in common", choices=_TIES),),
        aliases=("plackett luce", "listwise maximum likelihood"),
        equivalents=(
            Equivalent("Rax", "rax.listmle_loss(scores, relevance)", 'ties in the order of the list, "in_order" here'),
            Equivalent("allRank", "allrank.models.losses.listMLE(scores, relevance)", "ties by a shuffle; adds 1e-10"),
        ),
        convention='Ties are kept together, so that the order of the list does not matter; "in_order" breaks them.',
        sources=(
            Source("Xia et al. 2008, Listwise Approach to Learning to Rank: Theory and Algorithm", "section 4"),
            Source("Plackett 1975, The Analysis of Permutations"),
        ),
    ),
    Spec(
        title="ApproxNDCG",
        family="ranking",
        function=approx_ndcg,
        module=ApproxNDCG,
        summary="NDCG itself, with ranks that are sums of sigmoids.",
        formula=r"\ell = 1 - \frac{1}{\mathrm{IDCG}}\sum_i \frac{2^{y_i} - 1}{\log_2(1 + r_i)},"
        r"\quad r_i = 1 + \sum_{j \ne i} \sigma\!\left(\frac{s_j - s_i}{\tau}\right)",
        slope=r"\frac{\partial \ell}{\partial s_k} = \frac{1}{\tau}\sum_i (c_i - c_k)\,\sigma'_{ik},"
        r"\quad c_i = \frac{2^{y_i} - 1}{\mathrm{IDCG}}\,\frac{\log 2}{(1 + r_i)(\log(1 + r_i))^2}",
        inputs=LISTS,
        output=("...",),
        range=Domain(high=1.0),
        parameters=(
            Parameter("temperature", "divides the differences", TEMPERATURE, r"\tau", slider=(0.05, 2.0, 0.05)),
            GAIN,
        ),
        aliases=("smooth ndcg", "ndcg loss", "ndcg"),
        equivalents=(
            Equivalent("Rax", "rax.approx_t12n(rax.ndcg_metric)(scores, relevance)", "-NDCG; temperature=1"),
            Equivalent("allRank", "allrank.models.losses.approxNDCGLoss(scores, relevance)", "-NDCG; alpha=1"),
        ),
        convention="1 - NDCG, so that it is a loss from 0; all places count.",
        sources=(Source("Qin, Liu, Li 2010, A General Approximation Framework for IR Measures"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
