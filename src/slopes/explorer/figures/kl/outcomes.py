"""Two distributions over three outcomes: every divergence between them, and the gradients by q's logits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise

NAMES: Final = ("sun", "rain", "snow")

Weights = tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two distributions and what lies between them, in nats."""

    p: list[float]
    q: list[float]
    forward: float
    reverse: float
    js: float
    entropy_p: float
    entropy_q: float
    cross_pq: float
    cross_qp: float
    slope_forward: list[float]
    slope_reverse: list[float]


@lru_cache(maxsize=64)
def compare(p_weights: Weights, q_weights: Weights) -> Pair:
    """Return all that the page says of two distributions, given as weights."""
    with slopes.exact():
        log_p = A.log_softmax(_logits(p_weights), dim=-1)
        logits = _logits(q_weights).requires_grad_()
        log_q = A.log_softmax(logits, dim=-1)
        forward, slope_forward = _with_slope(L.kl_divergence(log_p, log_q), logits)
        reverse, slope_reverse = _with_slope(L.kl_divergence(log_q, log_p), logits)
        log_q = log_q.detach()
        js = L.js_divergence(log_p, log_q).item()
        entropies = L.entropy(torch.stack([log_p, log_q]), reduction="none").tolist()
        both = torch.stack([log_q, log_p]), torch.stack([log_p.exp(), log_q.exp()])
        crosses = L.cross_entropy(*both, reduction="none").tolist()
    return Pair(
        p=log_p.exp().tolist(),
        q=log_q.exp().tolist(),
        forward=forward,
        reverse=reverse,
        js=js,
        entropy_p=entropies[0],
        entropy_q=entropies[1],
        cross_pq=crosses[0],
        cross_qp=crosses[1],
        slope_forward=slope_forward,
        slope_reverse=slope_reverse,
    )


def _with_slope(divergence: Tensor, logits: Tensor) -> tuple[float, list[float]]:
    (slope,) = torch.autograd.grad(divergence, logits, retain_graph=True)
    return divergence.item(), slope.tolist()


def _logits(weights: Weights) -> Tensor:
    return torch.tensor(weights, dtype=torch.float64).log()
