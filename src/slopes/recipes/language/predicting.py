"""What a language model says at each position, made of its logits a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.linear_logits import LinearLogits, Logits
from slopes._core.tensors import wide
from slopes.kernels.rows.shifted import log_softmax

CHUNK_BYTES: Final = 64 << 20  # of logits that are alive at once where a prediction or a metric makes them


class TokenPrediction(NamedTuple):
    """What a language model says at each position; `[...]` each, without the vocabulary's dimension.

    Attributes:
        token: The most probable token, int64.
        probability: Of that token, in (0, 1].
        entropy: Of the whole distribution, in nats, in [0, log V].
    """

    token: Tensor
    probability: Tensor
    entropy: Tensor


def _chunks(raw: Logits) -> Iterator[Tensor]:
    """Make the logits of a few rows at a time, `[rows, V]`."""
    rows = max(CHUNK_BYTES // (raw.shape[-1] * 8), 1)
    whole = raw.hidden if isinstance(raw, LinearLogits) else raw
    for part in torch.split(whole.reshape(-1, whole.shape[-1]), rows):
        yield replace(raw, hidden=part).materialize() if isinstance(raw, LinearLogits) else part.to(wide(raw.dtype))


@torch.no_grad()
def most_probable(raw: Logits) -> Tensor:
    """Return the token with the largest logit at each position."""
    return torch.cat([logits.argmax(-1) for logits in _chunks(raw)]).reshape(raw.shape[:-1])


@torch.no_grad()
def predicted(raw: Logits) -> TokenPrediction:
    """Return what the logits say at each position."""
    tokens, probabilities, entropies = [], [], []
    for logits in _chunks(raw):
        log_p = log_softmax(logits)
        top, token = log_p.max(-1)
        tokens.append(token)
        probabilities.append(top.exp())
        entropies.append(L.entropy(log_p, reduction="none"))
    shape = raw.shape[:-1]
    parts = (torch.cat(found).reshape(shape) for found in (tokens, probabilities, entropies))
    return TokenPrediction(*parts)
