"""The lines of the losses of lists: over the score of one item among others that stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.shown.lines.kinds import Curve, Lines, Options, margin

_SCORES: Final = (1.0, 0.0, -1.0)
_GRADES: Final = (2.0, 1.0, 0.0)


def _of_one(loss: Callable[..., Tensor]) -> dict[str, Curve]:
    """Return a loss over the score of one of four items, once where it is the best and once where it is the worst."""

    def curve(x: Tensor, o: Options, grade: float) -> Tensor:
        scores, grades = (torch.tensor(others, dtype=x.dtype).expand(len(x), 3) for others in (_SCORES, _GRADES))
        own = torch.full_like(x, grade)
        lists = [torch.cat([mine.unsqueeze(-1), others], -1) for mine, others in ((x, scores), (own, grades))]
        return loss(*lists, reduction="none", **o)

    return {"the best of four": lambda x, o: curve(x, o, 3.0), "not relevant": lambda x, o: curve(x, o, 0.0)}


_ONE: Final = "score of one item; three others are at 1, 0 and −1, in the right order"

LOSSES: Final[Lines] = {
    "pairwise_logistic": (_ONE, _of_one(L.pairwise_logistic)),
    "lambda_rank": (_ONE, _of_one(L.lambda_rank)),
    "bpr": ("score of the chosen item minus that of the other one", margin(L.bpr, 1)),
    "list_net": (_ONE, _of_one(L.list_net)),
    "list_mle": (_ONE, _of_one(L.list_mle)),
    "approx_ndcg": (_ONE, _of_one(L.approx_ndcg)),
}
REACH: Final[dict[str, float]] = {"approx_ndcg": 3.0, "lambda_rank": 3.0}
