"""The page of the InfoNCE figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="info-nce",
    short="InfoNCE",
    claim="InfoNCE pushes whoever looks most like the query",
    lead="A softmax over similarities has to pick the positive out of a line-up. The positive is pulled, and each "
    "negative is pushed in proportion to the probability that it takes.",
    plates=(
        ("lineup", "Probability of each in the line-up; dotted, chance", "Bars of the probability of each candidate"),
        (
            "pushes",
            "Gradient by each similarity: below 0 it is pulled, above 0 pushed",
            "Bars of the gradient of the loss by each similarity",
        ),
        ("temperature", "Loss over the temperature", "Loss over the temperature, with the level of chance"),
        (
            "negatives",
            "Loss as more negatives join the line-up",
            "Loss over the number of negatives, with the level of chance",
        ),
    ),
)
