"""The page of the softmax-temperature figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="softmax-temperature",
    short="Temperature",
    claim="Temperature decides how much the winner takes",
    lead="The same logits, divided by T before the softmax. Towards 0 all probability goes to the largest; towards "
    "infinity everybody gets the same. The order never changes.",
    plates=(
        ("probabilities", "Probability of each class", "Bars of the probability of each class"),
        ("sweep", "The same over every temperature", "Probability of each class over the temperature"),
    ),
)
