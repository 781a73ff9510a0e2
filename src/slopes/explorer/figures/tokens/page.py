"""The page of the tokens figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="tokens",
    short="Tokens",
    claim="A language model's loss is a mean over the tokens that count",
    lead="Each position has logits over a small vocabulary, and costs −log of what it gives to the token that it is "
    "asked for. A mask decides which positions count; perplexity is the exponential of their mean.",
    plates=(
        ("shift", "What goes in, and what is asked for", "The tokens that go in beside those that are asked for"),
        ("losses", "Loss of each position, nats", "Loss and probability of the token asked for, at each position"),
        (
            "perplexity",
            "Perplexity of two texts, and of both",
            "Perplexities of this text, of a second one, their mean, and that of all tokens together",
        ),
    ),
)
