"""From what a loss makes of logits back to the log-odds of the data.

A weighted or focused loss is not least where the probability is right: its best logit is a known function of the true
probability. These functions are the inverses, so that a recipe may train under such a loss and still tell
probabilities. With q the softmax or sigmoid of the raw output and p the probability of the data:

    weighted:  log p_k = log q_k - log w_k + constant
    focal:     log p_k = -log A(q_k) + constant,  A(q) = (1 - q)^γ / q - γ (1 - q)^(γ - 1) log q

A is minus the slope of the focal loss by q. Where the risk Σ p_k ℓ(q_k) is least, p_k A(q_k) is the same for each k.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from slopes._core.numerics import log1mexp

_FAR: Final = 20.0


def from_focal(logits: Tensor, gamma: float) -> Tensor:
    """Return the log-odds whose best logit under `focal` each logit is.

    Args:
        logits: Any shape, floating: what was trained under `focal`.
        gamma: The loss's γ, at least 0; at 0 the logits come back.

    Returns:
        The shape of `logits`; odd in them, and rising, so that no ranking changes.

    Notes:
        With c(x) = log(1 + γ e^x softplus(-x)) it is (γ + 1) x + c(-x) - c(x): focal keeps a model up to γ + 1 times
        less sure than its data are. Source: Charoenphakdee et al. 2021, On Focal Loss for Class-Posterior Probability
        Estimation.

    Examples:
        >>> from_focal(torch.tensor([0.0, 1.0, 10.0]), gamma=2.0)
        tensor([ 0.0000,  2.6817, 28.9023])
    """
    return (gamma + 1) * logits + _focusing(-logits, gamma) - _focusing(logits, gamma)


def _focusing(logits: Tensor, gamma: float) -> Tensor:
    # e^x softplus(-x) goes to 1; from 20 on it is that to e^-20 / 2, and e^x is left alone before it overflows.
    near = logits.clamp(torch.finfo(logits.dtype).min, _FAR)  # at -∞ it goes to 0, and 0 · ∞ is none
    product = near.exp() * F.softplus(-near)
    return (gamma * torch.where(logits > _FAR, 1 - torch.exp(-logits.clamp(min=_FAR)) / 2, product)).log1p()


def from_softmax_focal(logits: Tensor, gamma: float) -> Tensor:
    """Return log-probabilities whose best logits under `softmax_focal` these are.

    Args:
        logits: `[..., C]`, floating: what was trained under `softmax_focal`.
        gamma: The loss's γ, at least 0; at 0 it is the log-softmax.

    Returns:
        `[..., C]`; exponentials of a row sum to 1.

    Notes:
        The form for exclusive classes of `from_focal`; over two classes the two agree. Source: as there.

    Examples:
        >>> from_softmax_focal(torch.tensor([[1.0, 0.0]]), gamma=2.0).exp()
        tensor([[0.9359, 0.0641]])
    """
    log_q, log_rest = _log_shares(logits)
    # A = (1 - q)^γ / q · (1 + γ r) with r = -q log q / (1 - q), which lies between 0 and 1.
    surprise = (-log_q).clamp_min(torch.finfo(log_q.dtype).tiny).log()
    ratio = torch.where(log_q.isneginf(), 0.0, torch.exp(log_q + surprise - log_rest).clamp_max(1.0))
    log_slope = gamma * log_rest - log_q + (gamma * ratio).log1p()
    return torch.log_softmax(-log_slope, -1)


def _log_shares(logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return log q and log(1 - q); of the likeliest class both from the others, where q itself rounds to 1."""
    log_q = torch.log_softmax(logits, -1)
    top = logits.argmax(-1, keepdim=True)
    rest = logits.scatter(-1, top, -torch.inf).logsumexp(-1, keepdim=True) - logits.logsumexp(-1, keepdim=True)
    log_rest = log1mexp(log_q.scatter(-1, top, -1.0)).scatter(-1, top, rest)
    return log_q.scatter(-1, top, log1mexp(rest)), log_rest
