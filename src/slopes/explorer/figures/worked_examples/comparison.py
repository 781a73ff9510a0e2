"""The figures of divergences, of embeddings, of language and of preference."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.figures.worked_examples.arithmetic import real
from slopes.explorer.figures.worked_examples.views import Example, Line, Mark, View
from slopes.shown import palette


def coin_entropy(heads: Tensor) -> Tensor:
    """Return the entropy of coins."""
    return L.entropy(torch.stack([heads, 1 - heads], -1).log(), reduction="none")


def coins() -> Tensor:
    """Return the entropy of a fair coin and of one of 99 percent."""
    return coin_entropy(real(0.5, 0.99))


def p_and_q() -> tuple[Tensor, Tensor]:
    """Return the logs of two distributions."""
    return real(0.7, 0.2, 0.1).log(), real(0.5, 0.3, 0.2).log()


def kl_forward() -> Tensor:
    """Return KL(p ‖ q)."""
    p, q = p_and_q()
    return L.kl_divergence(p, q)


def kl_reverse() -> Tensor:
    """Return KL(q ‖ p)."""
    p, q = p_and_q()
    return L.kl_divergence(q, p)


def three_pairs() -> Tensor:
    """Return the contrastive loss of pairs at √0.13, √0.34 and √18, of which the first is similar."""
    others = torch.stack([real(0.2, 0.3), real(0.3, 0.5), real(3.0, 3.0)])
    similar = torch.tensor([True, False, False])
    return L.contrastive(torch.zeros_like(others), others, similar, margin=2.0, reduction="none")


def at_cosines(cosines: Tensor) -> Tensor:
    """Return unit vectors at these cosines of (1, 0)."""
    return torch.stack([cosines, (1 - cosines**2).sqrt()], -1)


def line_up() -> Tensor:
    """Return the probability of the positive among four keys, and the loss."""
    keys = at_cosines(real(0.9, 0.1, -0.5, 0.3))
    loss = L.info_nce(real(1.0, 0.0).unsqueeze(0), keys, torch.tensor([0]), temperature=0.5)
    return torch.stack([torch.exp(-loss), loss])


def chance() -> Tensor:
    """Return the percentage of a blind guess: a query as near to every negative as to its positive."""
    query = real(1.0, 0.0).unsqueeze(0)
    losses = [L.info_nce(query, query.expand(1 + n, 2), torch.tensor([0])) for n in (3, 255)]
    return 100 * torch.exp(-torch.stack(losses))


def uniform_perplexity() -> Tensor:
    """Return the perplexity of equal logits over 50,000 tokens."""
    logits = torch.zeros(1, 2, 50_000, dtype=torch.float64)
    return L.perplexity(logits, torch.tensor([[17, 31]]))


def rewards() -> Tensor:
    """Return the probability that 0.82 beats 0.31, and the loss."""
    chosen, rejected = real(0.82), real(0.31)
    return torch.stack([A.sigmoid(chosen - rejected)[0], L.bradley_terry(chosen, rejected)])


def _kl_over_p(*, forward: bool) -> View:
    """Return a divergence over p's first share; the rest of p stays as 2 to 1."""

    def function(x: Tensor) -> Tensor:
        p = torch.stack([x, (1 - x) * 2 / 3, (1 - x) / 3], -1).log()
        q = p_and_q()[1].expand_as(p)
        return L.kl_divergence(p, q, reduction="none") if forward else L.kl_divergence(q, p, reduction="none")

    label = "KL(p ‖ q)" if forward else "KL(q ‖ p)"
    line = Line(label=label, hue=palette.hue("kl_divergence"), function=function)
    return View(over="p’s first share", low=0.3, high=0.95, lines=(line,), marks=(Mark(0.7),))


def _pair(*, similar: bool) -> Callable[[Tensor], Tensor]:
    def function(d: Tensor) -> Tensor:
        a = d.unsqueeze(-1)
        same = torch.full(d.shape, similar)
        return L.contrastive(a, torch.zeros_like(a), same, margin=2.0, reduction="none")

    return function


def _line_up_loss(s: Tensor) -> Tensor:
    """Return the loss over the positive's cosine: each row asks (1, 0) for its own first key."""
    negatives = at_cosines(real(0.1, -0.5, 0.3))
    keys = torch.cat([at_cosines(s).unsqueeze(1), negatives.expand(len(s), -1, -1)], 1)
    logits = keys[..., 0] / 0.5
    return L.cross_entropy(logits, torch.zeros(len(s), dtype=torch.int64), reduction="none")


def _right(negatives: int) -> Callable[[Tensor], Tensor]:
    """Return how often the positive is found in percent, over how much nearer it is than every negative."""

    def function(lead: Tensor) -> Tensor:
        logits = torch.stack([lead, torch.full_like(lead, math.log(negatives))], -1)  # the negatives, as one
        target = torch.zeros(len(lead), dtype=torch.int64)
        return 100 * torch.exp(-L.cross_entropy(logits, target, reduction="none"))

    return function


def _perplexity(lead: Tensor) -> Tensor:
    """Return the perplexity over the lead of the true token's logit, the 49,999 others taken as one."""
    logits = torch.stack([lead, torch.full_like(lead, math.log(49_999))], -1)
    return torch.exp(L.cross_entropy(logits, torch.zeros(len(lead), dtype=torch.int64), reduction="none"))


_BLUE, _ORANGE = palette.BLUE, palette.ORANGE

EXAMPLES: Final = {
    "entropy-coins": Example(
        compute=coins,
        view=View(
            over="probability of heads",
            low=0.005,
            high=0.995,
            lines=(Line(label="entropy", hue=_BLUE, function=coin_entropy),),
            marks=(Mark(0.5), Mark(0.99)),
        ),
    ),
    "kl-forward": Example(compute=kl_forward, view=_kl_over_p(forward=True)),
    "kl-reverse": Example(compute=kl_reverse, view=_kl_over_p(forward=False)),
    "contrastive": Example(
        compute=three_pairs,
        view=View(
            over="distance",
            low=0.02,
            high=4.6,
            lines=(
                Line(label="similar", hue=_BLUE, function=_pair(similar=True)),
                Line(label="other", hue=_ORANGE, function=_pair(similar=False)),
            ),
            marks=(Mark(math.sqrt(0.13), 0), Mark(math.sqrt(0.34), 1), Mark(math.sqrt(18.0), 1)),
        ),
    ),
    "info-nce": Example(
        compute=line_up,
        view=View(
            over="cosine of the positive",
            low=-0.95,
            high=0.999,
            lines=(
                Line(label="probability", hue=_ORANGE, function=lambda s: torch.exp(-_line_up_loss(s))),
                Line(label="loss", hue=palette.hue("info_nce"), function=_line_up_loss),
            ),
            marks=(Mark(0.9, 0), Mark(0.9, 1)),
        ),
    ),
    "chance": Example(
        compute=chance,
        view=View(
            over="lead of the positive’s logit over every negative’s",
            low=-4.0,
            high=10.0,
            lines=(
                Line(label="3", hue=_BLUE, function=_right(3)),
                Line(label="255", hue=_ORANGE, function=_right(255)),
            ),
            marks=(Mark(0.0, 0), Mark(0.0, 1)),
        ),
    ),
    "perplexity-uniform": Example(
        compute=uniform_perplexity,
        view=View(
            over="lead of the true token’s logit",
            low=-1.0,
            high=8.0,
            lines=(Line(label="perplexity", hue=_BLUE, function=_perplexity),),
            marks=(Mark(0.0),),
        ),
    ),
    "bradley-terry": Example(
        compute=rewards,
        view=View(
            over="difference of the rewards",
            low=-4.0,
            high=4.0,
            lines=(
                Line(label="probability", hue=palette.hue("sigmoid"), function=A.sigmoid),
                Line(
                    label="loss",
                    hue=palette.hue("bradley_terry"),
                    function=lambda d: L.bradley_terry(d, torch.zeros_like(d), reduction="none"),
                ),
            ),
            marks=(Mark(0.82 - 0.31, 0), Mark(0.82 - 0.31, 1)),
        ),
    ),
}
