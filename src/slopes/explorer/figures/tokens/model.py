"""The loss at each position of a text, which positions count, and the perplexities of two texts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.explorer.figures.tokens.sentence import (
    ALONE,
    MASK,
    PAD,
    PROMPT,
    SECOND,
    SECOND_MASKED,
    SECOND_NEXT,
    TOKENS,
    VOCABULARY,
    Row,
    masked_rows,
    next_rows,
)

MANY: Final = 10_000  # tokens whose fates are counted
_DRAWN_FROM: Final = VOCABULARY.index(PAD)  # a random word is none of the two special ones
_IGNORED: Final = -100


@dataclass(frozen=True, kw_only=True)
class Place:
    """A position: what goes in there, what it is asked for, what that costs, and whether it counts."""

    shown: str
    asked: str
    loss: float
    counts: bool

    @property
    def p(self) -> float:
        """What the model gives to the token that is asked for."""
        return math.exp(-self.loss)


@dataclass(frozen=True, kw_only=True)
class Told:
    """A text under a task: its logits, its positions, and their mean by the library.

    Attributes:
        rows: Logits, by word, at each position.
        places: All positions that are asked for something.
        mean: The library's mean over those that count.
    """

    rows: tuple[Row, ...]
    places: tuple[Place, ...]
    mean: float

    @property
    def count(self) -> int:
        """How many positions count."""
        return sum(place.counts for place in self.places)

    @property
    def perplexity(self) -> float:
        """The exponential of the mean; none where nothing counts."""
        return math.exp(self.mean) if self.count else math.nan


def logits(rows: tuple[Row, ...]) -> Tensor:
    """Return rows of words and logits as `[1, T, V]`."""
    base = [ALONE.get(word, 0.0) for word in VOCABULARY]
    z = torch.tensor([base] * len(rows), dtype=torch.float64)
    for i, row in enumerate(rows):
        for word, logit in row.items():
            z[i, VOCABULARY.index(word)] = logit
    return z[None]


def ids(words: tuple[str, ...]) -> Tensor:
    """Return words as `[1, T]` token ids."""
    return torch.tensor([[VOCABULARY.index(word) for word in words]])


def real() -> Tensor:
    """Return which tokens of the first text are no padding."""
    return torch.tensor([[token != PAD for token in TOKENS]])


def answer() -> Tensor:
    """Return which tokens of the first text belong to the answer."""
    return torch.tensor([[i >= PROMPT and token != PAD for i, token in enumerate(TOKENS)]])


@lru_cache(maxsize=256)
def next_token(mask: str, logit: float) -> Told:
    """Return the first text under next-token prediction: `mask` is "all", "answer" or "padding"."""
    rows = next_rows(logit)
    z, tokens = logits(rows), ids(TOKENS)
    each = L.next_token(z, tokens, reduction="none")[0].tolist()
    if mask == "answer":
        mean, counts = L.sft(z, tokens, answer(), attention_mask=real()), answer()
    elif mask == "all":
        mean, counts = L.next_token(z, tokens, attention_mask=real()), real()
    else:
        mean, counts = L.next_token(z, tokens), torch.ones_like(real())
    asked = counts[0, 1:].tolist()  # a position counts where the token after it does
    places = tuple(
        Place(shown=TOKENS[i], asked=TOKENS[i + 1], loss=loss, counts=asked[i]) for i, loss in enumerate(each)
    )
    return Told(rows=rows, places=places, mean=mean.item())


@lru_cache(maxsize=256)
def masked(share: float, draw: int, logit: float) -> Told:
    """Return the first text under masked language modelling, in one draw of what is masked."""
    drawn = L.mask_tokens(
        ids(TOKENS),
        mask_id=VOCABULARY.index(MASK),
        vocabulary=_DRAWN_FROM,
        special=~real(),
        probability=share,
        generator=torch.Generator().manual_seed(draw),
    )
    shown = tuple(VOCABULARY[i] for i in drawn.token_ids[0].tolist())
    rows = masked_rows(logit, shown)
    z = logits(rows)
    each = L.masked_lm(z, ids(TOKENS), reduction="none")[0].tolist()
    chosen = (drawn.labels != _IGNORED)[0].tolist()
    places = tuple(Place(shown=shown[i], asked=TOKENS[i], loss=loss, counts=chosen[i]) for i, loss in enumerate(each))
    return Told(rows=rows, places=places, mean=L.masked_lm(z, drawn.labels).item())


@lru_cache(maxsize=2)
def second(task: str) -> Told:
    """Return the second text: all of its next tokens, or its last one, masked."""
    rows = SECOND_NEXT if task == "next" else SECOND_MASKED
    z, tokens = logits(rows), ids(SECOND)
    if task == "next":
        each = L.next_token(z, tokens, reduction="none")[0].tolist()
        places = [Place(shown=SECOND[i], asked=SECOND[i + 1], loss=loss, counts=True) for i, loss in enumerate(each)]
        return Told(rows=rows, places=tuple(places), mean=L.next_token(z, tokens).item())
    labels = torch.full_like(tokens, _IGNORED)
    labels[0, -1] = tokens[0, -1]
    each = L.masked_lm(z, tokens, reduction="none")[0].tolist()
    shown = (*SECOND[:-1], MASK)
    places = [
        Place(shown=shown[i], asked=SECOND[i], loss=loss, counts=i == len(SECOND) - 1) for i, loss in enumerate(each)
    ]
    return Told(rows=rows, places=tuple(places), mean=L.masked_lm(z, labels).item())


def joint(first: Told, other: Told) -> float:
    """Return the perplexity of all tokens that count, of both texts."""
    count = first.count + other.count
    return math.exp((first.count * first.mean + other.count * other.mean) / count)


@lru_cache(maxsize=32)
def fates(share: float) -> dict[str, int]:
    """Return what becomes of many tokens: how many are chosen, masked, replaced and kept."""
    tokens = torch.zeros(MANY, dtype=torch.int64)
    mask_id = VOCABULARY.index(MASK)
    # A vocabulary without the token itself, so that a random word is always seen as one.
    drawn = L.mask_tokens(
        tokens + mask_id + 1,
        mask_id=mask_id,
        vocabulary=mask_id,
        probability=share,
        generator=torch.Generator().manual_seed(0),
    )
    chosen = drawn.labels != _IGNORED
    gone, kept = drawn.token_ids == mask_id, drawn.token_ids == mask_id + 1
    return {
        "chosen": int(chosen.sum()),
        "masked": int(gone.sum()),
        "random": int((chosen & ~gone & ~kept).sum()),
        "kept": int((chosen & kept).sum()),
    }


@lru_cache(maxsize=1)
def shifted_twice(logit: float) -> float:
    """Return the mean loss where the caller has shifted the tokens already, and the loss does it again."""
    z, tokens, there = logits(next_rows(logit)), ids(TOKENS), real()
    with slopes.exact():
        return L.next_token(z[:, :-1], tokens[:, 1:], attention_mask=there[:, 1:]).item()
