"""Formulas as their authors publish them, in plain torch, with the intermediate tensors that they make."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from torch import Tensor


def focal(logits: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Return the mean of the sigmoid focal loss, as torchvision's `ops.sigmoid_focal_loss` computes it."""
    p = torch.sigmoid(logits)
    ce = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    p_t = p * targets + (1 - p) * (1 - targets)
    loss = ce * ((1 - p_t) ** gamma)
    alpha_t = alpha * targets + (1 - alpha) * (1 - targets)
    return (alpha_t * loss).mean()


def asymmetric(
    logits: Tensor,
    targets: Tensor,
    negative: float = 4.0,
    positive: float = 1.0,
    clip: float = 0.05,
    floor: float = 1e-8,
) -> Tensor:
    """Return the sum of the asymmetric loss, as the authors' `AsymmetricLoss` computes it, with its whole gradient.

    The authors' class by default leaves the focusing weight out of the gradient; ours does not, so neither does this.
    """
    p = torch.sigmoid(logits)
    off = (1 - p + clip).clamp(max=1)
    loss = targets * torch.log(p.clamp(min=floor)) + (1 - targets) * torch.log(off.clamp(min=floor))
    p_t = p * targets + off * (1 - targets)
    exponent = positive * targets + negative * (1 - targets)
    return -(loss * torch.pow(1 - p_t, exponent)).sum()


def info_nce(query: Tensor, keys: Tensor, temperature: float = 0.07) -> Tensor:
    """Return InfoNCE by the whole matrix of similarities."""
    similarities = F.normalize(query, dim=-1) @ F.normalize(keys, dim=-1).T / temperature
    return F.cross_entropy(similarities, torch.arange(len(query)))


def dpo(hidden: Tensor, weight: Tensor, tokens: Tensor, reference: Tensor, beta: float) -> Tensor:
    """Return DPO of `[2 P, T]` tokens, the chosen answers first, by the logits of every token, as TRL computes it."""
    said = torch.log_softmax(F.linear(hidden, weight)[:, :-1].float(), -1)
    answers = said.gather(-1, tokens[:, 1:].unsqueeze(-1)).squeeze(-1).sum(-1)
    chosen, rejected = (answers - reference).chunk(2)
    return -F.logsigmoid(beta * (chosen - rejected)).mean()


def distillation(student: Tensor, teacher: Tensor, targets: Tensor, alpha: float, temperature: float) -> Tensor:
    """Return Hinton's distillation of logits, as tutorials write it."""
    soft = torch.log_softmax(teacher / temperature, -1)
    divergence = F.kl_div(torch.log_softmax(student / temperature, -1), soft, reduction="batchmean", log_target=True)
    return alpha * F.cross_entropy(student, targets) + (1 - alpha) * temperature**2 * divergence


def hinge(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of max(0, 1 - t s)."""
    return (1 - targets * scores).clamp(min=0).mean()
