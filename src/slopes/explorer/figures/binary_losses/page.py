"""The page of the binary-losses figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="binary-losses",
    short="Binary losses",
    claim="On a sure mistake cross-entropy shouts and MSE whispers",
    lead="The losses of one yes-or-no answer over the same axis. Look at the wrong side, which is shaded: what a loss "
    "charges there says little, what is left of its gradient says whether the mistake is ever mended.",
    plates=(
        ("loss", "Loss", "Each loss over the logit or the probability"),
        ("gradient", "Gradient by the logit", "Slope of each loss by the logit, over the logit or the probability"),
    ),
)
