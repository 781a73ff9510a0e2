"""The page of the cross-entropy figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="cross-entropy",
    short="Cross-entropy",
    claim="For a sure mistake cross-entropy has no ceiling",
    lead="What a probability costs once the answer is known: −log of what was given to the truth. Both answers cost "
    "the same at 50 %; towards the wrong end the price has no limit, and the pull on the logit never lets go.",
    plates=(
        ("loss", "Loss, nats", "Binary cross-entropy for y = 1 and for y = 0, over the probability or the logit"),
        ("gradient", "Gradient, by what the axis shows", "Slope of both by the probability or by the logit"),
    ),
)
