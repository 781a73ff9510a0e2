"""Losses of a class that may be wrong, on rows of logits: cross-entropy bent, weighed against 1 - p, or shared."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from slopes._core.differences import along, difference, excess, times
from slopes.kernels.pointwise.executor import Pointwise
from slopes.kernels.rows.formulas import blend, parts

_LEAST: Final = 1e-30  # a power below it bends no surprise that is not beyond 1e22
_EVEN: Final = 1e-18  # below it (1 - e^-u)/u is 1 to the last digit of float64


def generalized(x: Tensor, t: Tensor, q: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return (1 - p^q)/q of each row's class, -log p for q = 0, and its gradient p^q (p_j - y_j)."""
    at = t.unsqueeze(-1)
    own = torch.arange(x.shape[-1], device=x.device) == at
    d, p, left, total = parts(x)
    surprise = total - d.gather(-1, at)
    push = torch.where(own, -left, p)
    if q < _LEAST:
        return surprise.squeeze(-1), (push, None)
    u = q * surprise
    loss = torch.where(u < _EVEN, surprise, -torch.expm1(-u) / q)
    # p itself is 0 from a surprise of 104 on in float32, where p^q need not be.
    largest, mine = x.amax(-1, keepdim=True), x.gather(-1, at)
    high, low = difference(largest, mine)
    high, low = times((torch.where(mine == largest, 0.0, high), low), q)
    power = (torch.exp(-high) * along(-low)) * torch.exp(-q * total)
    return loss.squeeze(-1), (power * push, None)


def weighed(x: Tensor, t: Tensor, surprised: float, missed: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return surprised · (-log p) + missed · (1 - p) of each row's class, and its gradient; missed ≥ -surprised.

    -log p is 1 - p and what it exceeds that by, e^-s - 1 + s: where `missed` is negative the first parts cancel.
    """
    at = t.unsqueeze(-1)
    own = torch.arange(x.shape[-1], device=x.device) == at
    d, p, left, total = parts(x)
    surprise = total - d.gather(-1, at)
    sure, rest = p.gather(-1, at), left.gather(-1, at)
    both = surprised + missed
    loss = both * rest + blend(surprised, excess(-surprise))
    return loss.squeeze(-1), ((both * sure + surprised * rest) * torch.where(own, -left, p), None)


def bootstrapped(x: Tensor, t: Tensor, beta: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return β (-log p_t) + (1 - β) H(p) of each row, and its gradient, through the entropy too."""
    at = t.unsqueeze(-1)
    own = torch.arange(x.shape[-1], device=x.device) == at
    d, p, left, total = parts(x)
    near = torch.where(p == 0, 0.0, d)  # the rest may be infinite
    spread = -(p * near).sum(-1, keepdim=True)
    loss = blend(beta, total - d.gather(-1, at)) + (1 - beta) * (total + spread)
    slope = blend(beta, torch.where(own, -left, p)) - (1 - beta) * (p * (near + spread))
    return loss.squeeze(-1), (slope, None)


def bootstrapped_hard(x: Tensor, t: Tensor, beta: float) -> tuple[Tensor, tuple[Tensor, None]]:
    """Return β (-log p_t) + (1 - β) (-log max p) of each row, and its gradient for a likeliest class that stays."""
    at = t.unsqueeze(-1)
    d, p, left, total = parts(x)
    classes = torch.arange(x.shape[-1], device=x.device)
    own, leads = classes == at, classes == x.argmax(-1, keepdim=True)
    loss = blend(beta, total - d.gather(-1, at)) + (1 - beta) * total
    of_own, of_leader = torch.where(own, -left, p), torch.where(leads, -left, p)
    return loss.squeeze(-1), (beta * of_own + (1 - beta) * of_leader, None)


GENERALIZED: Final = Pointwise.sharing("GeneralizedCrossEntropy", generalized, tensors=2, rows=True)
WEIGHED: Final = Pointwise.sharing("WeighedCrossEntropy", weighed, tensors=2, rows=True)
BOOTSTRAPPED: Final = Pointwise.sharing("BootstrappedCrossEntropy", bootstrapped, tensors=2, rows=True)
BOOTSTRAPPED_HARD: Final = Pointwise.sharing("HardBootstrappedCrossEntropy", bootstrapped_hard, tensors=2, rows=True)
