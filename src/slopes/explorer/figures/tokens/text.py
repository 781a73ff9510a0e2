"""What the tokens figure says: which positions count, what their mean is, and what a perplexity is no mean of."""

from __future__ import annotations

import math
from functools import lru_cache

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula
from slopes.explorer.figures.tokens.model import MANY, Told, fates, joint, next_token, second, shifted_twice
from slopes.explorer.figures.tokens.sentence import ALONE, PROMPT, SECOND, TOKENS, VOCABULARY, Row
from slopes.explorer.figures.wording import latex_number, number

_DEFAULT = 3.0  # the logit of Paris that corrections speak of


def reading(task: str, mask: str, now: Told, other: Told) -> str:
    """Return which positions count, their mean and perplexity, and that of both texts."""
    if not now.count:
        return (
            "In this draw no token was chosen: nothing counts, the loss is 0, and there is nothing to learn from this "
            "text. Another draw will choose others."
        )
    whose = "Its" if now.count == 1 else "Their mean"
    said = f"{_which(task, mask, now)} {whose} loss is {number(now.mean, 4)} nats; e to that power, "
    said += f"{number(now.perplexity, 4)}, is the perplexity."
    both = (now.perplexity + other.perplexity) / 2
    tokens = f"{other.count} {'token' if other.count == 1 else 'tokens'}"
    return (
        f"{said} With {tokens} of a second text at {number(other.perplexity, 4)}, the {now.count + other.count} "
        f"together have {number(joint(now, other), 4)}; {number(both, 4)}, the mean of the two perplexities, is the "
        "perplexity of nothing."
    )


def _which(task: str, mask: str, now: Told) -> str:
    if task == "mlm":
        start = "One token of 11 was" if now.count == 1 else f"{now.count} tokens of 11 were"
        return f"{start} chosen; only what is asked for there counts."
    if mask == "answer":
        return f"Only the {now.count} tokens of the answer count; the question is read, not learned."
    if mask == "padding":
        real = next_token("all", _logit(now))
        return (
            f"All {now.count} predictions count, 2 of them padding, which is easy: without it the mean is "
            f"{number(real.mean, 4)}."
        )
    return f"All {now.count} predictions between real tokens count."


def _logit(now: Told) -> float:
    return now.rows[TOKENS.index("Paris") - 1]["Paris"]


def formulas(now: Told, other: Told) -> tuple[Formula, ...]:
    """Return the mean, its exponential, and that of both texts, with the present numbers."""
    n, m = now.count, other.count
    if not n:
        return (Formula(label="Mean", mathml=mathml(r"\bar\ell = 0")),)
    total = latex_number(n * now.mean, 5)
    mean, others = latex_number(now.mean, 5), latex_number(other.mean, 5)
    weighted = rf"\frac{{{n} \cdot {mean} + {m} \cdot {others}}}{{{n} + {m}}}"
    return (
        Formula(
            label="Mean over what counts",
            mathml=mathml(rf"\bar\ell = \frac{{1}}{{{n}}} \sum_t -\log p_t = \frac{{{total}}}{{{n}}} = {mean}"),
        ),
        Formula(
            label="Perplexity",
            mathml=mathml(rf"e^{{\bar\ell}} = e^{{{mean}}} = {latex_number(now.perplexity, 5)}"),
        ),
        Formula(
            label="Of both texts",
            mathml=mathml(rf"\exp\left({weighted}\right) = {latex_number(joint(now, other), 5)}"),
        ),
    )


def snippet(task: str, mask: str, now: Told, other: Told) -> str:
    """Return Python that prints the mean and the perplexities of this text and of both."""
    head = f"""\
import torch
import slopes
from slopes import losses as L

words = {list(VOCABULARY)}
alone = {ALONE}


def logits(rows):
    base = [alone.get(word, 0.0) for word in words]
    return torch.tensor([[[row.get(w, b) for w, b in zip(words, base)] for row in rows]], dtype=torch.float64)


def ids(text):
    return torch.tensor([[words.index(word) for word in text]])


"""
    tail = _next(mask, now, other) if task == "next" else _masked(now, other)
    return head + tail


def _rows(rows: tuple[Row, ...]) -> str:
    return "[\n" + "".join(f"    {row},\n" for row in rows) + "]"


def _next(mask: str, now: Told, other: Told) -> str:
    counted = {"all": ", attention_mask=real", "answer": ", mask=answer", "padding": ""}[mask]
    return f"""\
text = {list(TOKENS)}
tokens, other = ids(text), ids({list(SECOND)})
first = logits({_rows(now.rows)})
second = logits({_rows(other.rows)})
real = torch.tensor([[word != "<pad>" for word in text]])
answer = real & (torch.arange(len(text)) >= {PROMPT})
with slopes.exact():
    print(L.next_token(first, tokens{counted}).item(), L.perplexity(first, tokens{counted}).item())
    metric = L.Perplexity()
    metric.update(first, tokens{counted})
    metric.update(second, other)
    print(metric.compute().item())
"""


def _masked(now: Told, other: Told) -> str:
    labels, others = ([p.asked if p.counts else None for p in told.places] for told in (now, other))
    return f"""\
def labels(text):
    return torch.tensor([[-100 if word is None else words.index(word) for word in text]])


first = logits({_rows(now.rows)})
second = logits({_rows(other.rows)})
asked, others = labels({labels}), labels({others})
with slopes.exact():
    mean = L.masked_lm(first, asked)
    print(mean.item(), mean.exp().item())
    total = L.masked_lm(first, asked, reduction="sum") + L.masked_lm(second, others, reduction="sum")
    print((total / ((asked >= 0).sum() + (others >= 0).sum())).exp().item())
"""


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return what is told otherwise elsewhere."""
    told, other = next_token("all", _DEFAULT), second("next")
    padded, found = next_token("padding", _DEFAULT), fates(0.15)
    both = (told.perplexity + other.perplexity) / 2
    return (
        Correction(
            stated="The perplexity of a corpus is the mean of its batches' perplexities.",
            holds=f"It is the exponential of the mean over all tokens. Here {told.count} tokens at "
            f"{number(told.perplexity, 3)} and {other.count} at {number(other.perplexity, 3)} have "
            f"{number(joint(told, other), 3)} together, and their mean is {number(both, 3)}; nor would the mean of the "
            "batches' losses do, unless the batches have equally many tokens.",
        ),
        Correction(
            stated="BERT replaces 15 % of the tokens by [MASK].",
            holds=f"15 % are chosen and asked for. Of {MANY:,} tokens {found['chosen']:,} were, and of these "
            f"{found['masked']:,} became [MASK], {found['random']} a random word and {found['kept']} stayed as they "
            "were: 80, 10 and 10 %.",
        ),
        Correction(
            stated="Padding does no harm to a mean.",
            holds=f"It is predicted almost surely, so it pulls the mean down, here from {number(told.mean, 4)} to "
            f"{number(padded.mean, 4)} nats, and the more, the more there is of it.",
        ),
        Correction(
            stated="Targets have to be shifted before they go into the loss.",
            holds="By whom, has to be known. next_token shifts; given tokens that are shifted already it asks each "
            f"position for the token after the next, and a loss of {number(math.fsum([told.mean]), 3)} becomes "
            f"{number(shifted_twice(_DEFAULT), 3)}, with no error raised.",
        ),
    )
