"""Write allrank.json: what allRank answers for lists of scores, in float64.

Install, in an environment of its own, `torch==2.13.0 allRank==1.4.3`, then run

    python tests/oracles/golden/make_allrank.py

Missing items have the relevance -1 there. Its logarithms add 1e-10, so the scores are near enough for it not to count.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from allrank.models import losses
from record import torch_case, write
from torch import Tensor

RANDOM = torch.Generator().manual_seed(20250302)
CASES: list[dict[str, Any]] = []


def lists() -> dict[str, dict[str, Tensor]]:
    """Return lists by name: graded with ties, in a strict order, and with missing items."""
    scores = torch.randn(3, 6, generator=RANDOM, dtype=torch.float64)
    grades = torch.randint(4, (3, 6), generator=RANDOM).double()
    orders = torch.stack([torch.randperm(6, generator=RANDOM) for _ in range(3)]).double()
    there = torch.rand(3, 6, generator=RANDOM) < 0.7
    there[:, :2] = True
    whole = torch.ones(3, 6, dtype=torch.bool)
    grades[:, 0], grades[:, 1] = 3.0, 0.0
    return {
        "graded": {"scores": scores, "relevance": grades, "item_mask": whole},
        "in a strict order": {"scores": scores, "relevance": orders, "item_mask": whole},
        "some missing": {"scores": scores, "relevance": grades, "item_mask": there},
    }


def add(function: str, call: str, compute: Callable[[Tensor, Tensor], Tensor], **options: float) -> None:
    """Record what a function answers to each of the lists, one by one, and its gradient by the scores."""
    for name, given in LISTS.items():
        if function == "listMLE" and name != "in a strict order":
            continue  # ties are shuffled

        def each(scores: Tensor, relevance: Tensor, item_mask: Tensor) -> Tensor:
            known = torch.where(item_mask, relevance, -1.0)
            return torch.stack([compute(scores[i : i + 1], known[i : i + 1]) for i in range(3)])

        CASES.append(torch_case(function, name, call, each, given, by=["scores"], options=options))


LISTS = lists()
add("rankNet", "allrank.models.losses.rankNet(scores, relevance) of one list", losses.rankNet)
add("listNet", "allrank.models.losses.listNet(scores, relevance) of one list", losses.listNet)
add("listMLE", "allrank.models.losses.listMLE(scores, relevance) of one list", losses.listMLE)
add(
    "lambdaLoss",
    "allrank.models.losses.lambdaLoss(scores, relevance, weighing_scheme='lambdaRank_scheme') of one list",
    lambda s, y: losses.lambdaLoss(s, y, weighing_scheme="lambdaRank_scheme"),
)
for alpha in (1.0, 10.0):
    add(
        "approxNDCGLoss",
        "allrank.models.losses.approxNDCGLoss(scores, relevance, alpha=alpha) of one list",
        lambda s, y, a=alpha: losses.approxNDCGLoss(s, y, alpha=a),
        alpha=alpha,
    )
write("allrank", {"allRank": version("allRank"), "torch": torch.__version__}, CASES)
