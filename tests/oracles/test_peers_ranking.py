"""Agreement with Rax, allRank and torch in float64; the answers of the first two stand in `golden`, list by list."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from tests.each import each
from tests.oracles.peers import Case, answer, assert_agrees, assert_same, normal, of
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it

SIZE = 36
EPSILON = 1e-6  # what 1e-10 inside a logarithm makes of these lists, with room


def answered(case: Case, loss: Callable[..., Tensor], **options: Any) -> Any:  # noqa: ANN401
    """Return our losses of the lists one by one, and their gradients."""
    return answer(lambda **given: loss(**given, **options, reduction="none"), case.inputs, ["scores"])


def scale(case: Case) -> float:
    return max(8.0, case.inputs["scores"].abs().max().item())


@each("case", of("rax", "pairwise_logistic_loss"))
def test_pairwise_logistic_is_rax_of_each_list(case: Case) -> None:
    assert_agrees(case, answered(case, L.pairwise_logistic), size=SIZE, scale=scale(case), slope_scale=1.0)


@each("case", of("rax", "softmax_loss"))
def test_list_net_is_rax_softmax_of_a_softmax(case: Case) -> None:
    assert_agrees(case, answered(case, L.list_net), size=SIZE, scale=scale(case), slope_scale=scale(case))


@each("case", of("rax", "listmle_loss"))
def test_list_mle_is_rax_with_ties_in_order(case: Case) -> None:
    theirs = scale(case) ** 2  # it subtracts the largest score and adds it again
    assert_agrees(case, answered(case, L.list_mle, ties="in_order"), size=SIZE, scale=theirs, slope_scale=theirs)


@each("case", of("rax", "approx_ndcg"))
def test_approx_ndcg_is_1_more_than_rax(case: Case) -> None:
    ours = answered(case, L.approx_ndcg, temperature=case.options["temperature"])
    ours.value = ours.value - 1
    steep = scale(case) / case.options["temperature"]
    assert_agrees(case, ours, size=SIZE, scale=steep, slope_scale=steep)


OF_ALLRANK: Mapping[str, tuple[Callable[..., Tensor], float, float]] = {
    "rankNet": (L.pairwise_logistic, 1.0, 0.0),
    "listNet": (L.list_net, 1.0, 0.0),
    "listMLE": (L.list_mle, 1.0, 0.0),
    "lambdaLoss": (L.lambda_rank, 1 / math.log(2), 0.0),  # in bits
    "approxNDCGLoss": (L.approx_ndcg, 1.0, -1.0),
}


@each("case", of("allrank", *OF_ALLRANK))
def test_allrank_adds_1e_10_in_its_logarithms(case: Case) -> None:
    loss, factor, more = OF_ALLRANK[case.function]
    options = {"temperature": 1 / case.options["alpha"]} if "alpha" in case.options else {}
    ours = answered(case, loss, **options)
    assert torch.allclose(factor * ours.value + more, case.value, rtol=EPSILON, atol=EPSILON)
    assert torch.allclose(factor * ours.gradients["scores"], case.gradients["scores"], rtol=EPSILON, atol=EPSILON)


def test_list_net_of_whole_lists_is_torchs_cross_entropy() -> None:
    given = {"scores": normal(5, 7, seed=1), "relevance": normal(5, 7, seed=2)}
    assert_same(
        L.list_net, lambda scores, relevance: F.cross_entropy(scores, relevance.softmax(-1)), given, ["scores"],
        size=35, scale=4.0, slope_scale=1.0,
    )  # fmt: skip


def test_bpr_is_torchs_logsigmoid() -> None:
    given = {"positive": 9 * normal(20, seed=3), "negative": 9 * normal(20, seed=4)}
    assert_same(L.bpr, lambda positive, negative: -F.logsigmoid(positive - negative).mean(), given,
                ["positive", "negative"], size=20, slope_scale=1.0)  # fmt: skip


def test_recbole_has_no_gradient_where_the_order_is_badly_wrong() -> None:
    """Its -log(1e-10 + σ(d)), written out here."""
    d = torch.tensor([-40.0], requires_grad=True)
    theirs = torch.autograd.grad(-torch.log(1e-10 + torch.sigmoid(d)).sum(), d)[0]
    assert abs(theirs.item()) < 1e-6
    assert torch.autograd.grad(L.bpr(d, torch.zeros(1)), d)[0].item() == -1.0
