"""The linear head over a vocabulary, why it starts where it does, and what it is checked for."""

from __future__ import annotations

import math
from typing import Final

import torch
from torch import Tensor, nn

from slopes._core import check
from slopes._core.errors import ShapeError
from slopes._core.linear_logits import Logits
from slopes.recipes.frequencies import check_counts, log_frequencies
from slopes.recipes.recipe import Reason

INITIAL_STD: Final = 0.02  # Radford et al. 2018, GPT, section 4.1: raw outputs start near the bias


def token_head(function: str, features: int, vocabulary: int, counts: Tensor | None) -> nn.Linear:
    """Return a head whose bias, where the tokens were counted, is their log frequencies."""
    check.count(function, "features", features)
    head = nn.Linear(features, vocabulary, bias=counts is not None)
    nn.init.normal_(head.weight, std=INITIAL_STD)
    if counts is not None:
        with torch.no_grad():
            head.bias.copy_(log_frequencies(counts))
    return head


def reasons_of_head(vocabulary: int, counts: Tensor | None) -> tuple[Reason, ...]:
    """Return why the head starts as it does."""
    chance = f"a uniform guess costs log {vocabulary:,} = {math.log(vocabulary):.2f} nats a token"
    if counts is None:
        return (Reason("a linear head without bias", f"nothing is known of the tokens' frequencies; {chance}."),)
    share = log_frequencies(counts)
    entropy = float(-(counts.double() / counts.sum().clamp(min=1) * share).sum())
    because = (
        f"{chance}, a guess by frequency {entropy:.2f}: training starts from the second, and its first steps are not "
        f"spent on learning which tokens are common ({int(counts.sum()):,} tokens were counted)."
    )
    return (Reason("a head whose bias starts at the log frequencies", because),)


def check_width(function: str, raw: Logits, vocabulary: int) -> None:
    """Raise `ShapeError` unless there is a logit for each token of the vocabulary."""
    check.logits(function, raw=raw)
    if raw.dim() == 0 or raw.shape[-1] != vocabulary:
        message = (
            f"{function}: `raw` has shape {check.shape_of(raw)}, expected [..., {vocabulary}], a logit for each token "
            f"of the vocabulary; pass the head's output, or build the recipe with the head's own width."
        )
        raise ShapeError(message)


def check_table(function: str, name: str, table: Tensor | None, vocabulary: int) -> None:
    """Check a number for each token, where there is such a table."""
    if table is not None:
        check_counts(function, name, table, vocabulary, "[V], a number for each token of the vocabulary")
